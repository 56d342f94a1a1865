import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Counts, Order } from '../../firmware-sim/bluez/orders.ts';
import { hasDbusDaemon, startPrivateBus } from '../../firmware-sim/private-bus.ts';
import { compiled } from './compiled.ts';

/** Whether Debian's dbus-daemon is here; `test/support/debian.sh` installs it where it can. */
export const hasDbus = hasDbusDaemon;

export interface MockBluezOptions {
  /** Its adapters by name; one, `hci0`, unless told otherwise; none: []. */
  adapters?: readonly string[];
  /** Adapters are off at the start. */
  off?: boolean;
  /** A device that is not heard for so long is removed; bluetoothd's 30 s unless told otherwise; 0: never. */
  temporaryMs?: number;
  /** How long a Connect takes that succeeds (20 ms), and one that finds nobody (25 s). */
  connectMs?: number;
  connectTimeoutMs?: number;
  /** A read, a write, a subscription over the air (8 ms); finding the services takes four times as long. */
  airMs?: number;
}

/** The mock BlueZ on a dbus-daemon of its own, both real processes. */
export interface MockBluez {
  /** The address of the bus: what DBUS_SYSTEM_BUS_ADDRESS has to say. The same after `restartBus`. */
  readonly bus: string;
  /** Resolves with the answer once the order is carried out and its signals are sent. @throws where it was refused. */
  order(order: Order): Promise<Record<string, unknown>>;
  /** As `order`, several within one turn of bluetoothd's: frames of one device are merged, as it merges them. */
  together(orders: readonly Order[]): Promise<void>;
  counts(): Promise<Counts>;
  /** What an eQ-3 or an environmental sensor is set to, and what writes (hex) reached it. */
  state(address: string): Promise<PeripheralState>;
  /** SIGKILL to the mock alone: bluetoothd crashes. What waits for an answer gets an error. */
  kill(): Promise<void>;
  /** A new mock on the same bus, with the options of the first; peripherals have to be put in again. */
  start(): Promise<void>;
  /** Ends the dbus-daemon (and with it the mock): every client's socket ends. */
  stopBus(): Promise<void>;
  /** A dbus-daemon at the same address again, and a mock on it. */
  restartBus(): Promise<void>;
  /** Ends all of it. */
  stop(): Promise<void>;
}

export interface PeripheralState {
  setpointC: number;
  roomC: number;
  mode?: string;
  valvePct?: number;
  isBatteryLow?: boolean;
  connected: boolean;
  writes: string[];
}

/** Starts both; resolves when org.bluez is on the bus. Takes about a second. */
export async function startMockBluez(options: MockBluezOptions = {}): Promise<MockBluez> {
  let bus = await startPrivateBus();
  let mock = await startMock(bus.address, options);
  async function order(said: Order): Promise<Record<string, unknown>> {
    const answer = await mock.order(said);
    if (typeof answer.error === 'string') throw new Error(`mock BlueZ, ${said.order}: ${answer.error}`);
    return answer;
  }
  return {
    bus: bus.address,
    order,
    async together(said) {
      const { error } = await mock.order(said);
      if (typeof error === 'string') throw new Error(`mock BlueZ: ${error}`);
    },
    counts: async () => (await order({ order: 'counts' })) as unknown as Counts,
    state: async (address) => (await order({ order: 'state', address })).state as PeripheralState,
    kill: () => mock.end('SIGKILL'),
    async start() {
      mock = await startMock(bus.address, options);
    },
    async stopBus() {
      await bus.stop();
      await mock.end('SIGKILL');
    },
    async restartBus() {
      bus = await startPrivateBus(bus);
      mock = await startMock(bus.address, options);
    },
    async stop() {
      await mock.end('SIGTERM');
      await bus.stop();
      bus.clear();
    },
  };
}

interface MockProcess {
  order(order: Order | readonly Order[]): Promise<Record<string, unknown>>;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function startMock(bus: string, options: MockBluezOptions): Promise<MockProcess> {
  const child = spawn(process.execPath, [compiled('firmware-sim/bluez'), '--bus', bus, ...flags(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting: ((answer: Record<string, unknown>) => void)[] = [];
  const ended = once(child, 'exit');
  const ready = new Promise<Record<string, unknown>>((resolve) => waiting.push(resolve));
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));
  child.stdin.on('error', () => {});
  ended.then(([code, signal]) => {
    for (const answer of waiting.splice(0)) answer({ error: `it ended (${code ?? signal})` });
  });
  const first = await ready;
  if (!first.ready) throw new Error(`mock BlueZ: ${first.error}`);
  return {
    order(said) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('mock BlueZ does not run');
      child.stdin.write(`${JSON.stringify(said)}\n`);
      return new Promise((resolve) => waiting.push(resolve));
    },
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

function flags(options: MockBluezOptions): string[] {
  const { adapters, off, temporaryMs, connectMs, connectTimeoutMs, airMs } = options;
  const numbers = {
    temporary: temporaryMs,
    connect: connectMs,
    'connect-timeout': connectTimeoutMs,
    air: airMs,
  };
  return [
    ...(adapters?.length === 0 ? ['--no-adapter'] : (adapters ?? []).flatMap((name) => ['--adapter', name])),
    ...(off ? ['--off'] : []),
    ...Object.entries(numbers).flatMap(([name, ms]) => (ms === undefined ? [] : [`--${name}-ms`, `${ms}`])),
  ];
}
