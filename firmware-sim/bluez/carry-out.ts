import { openAir } from './air.ts';
import { type Bluetoothd, createStore, type Plugged, startBluetoothd } from './bluetoothd.ts';
import type { Faults } from './faults.ts';
import type { ReadOrder } from './orders.ts';
import { toPeripheral } from './peripheral-orders.ts';
import { createPeripheral } from './peripherals/index.ts';
import type { Settings } from './settings.ts';
import type { Tree } from './tree.ts';

/** The whole mock behind its orders: the room, the adapters that are plugged in, and bluetoothd, while it runs. */
export interface Mock {
  /** Carries an order out. Its answer; throws where it cannot be. */
  carryOut(order: ReadOrder): Promise<object>;
  /** A call came over the bus. */
  count(member: string): void;
  /** A connection to the bus is gone. */
  forget(sender: string): void;
}

export interface MockParts {
  tree: Tree;
  settings: Settings;
  faults: Faults;
  plugged: Map<string, Plugged>;
  /** Owns org.bluez, or gives it up. */
  own(): Promise<void>;
  disown(): Promise<void>;
  matchRules(): Promise<Record<string, number>>;
  now(): number;
}

export function createMock(parts: MockParts): Mock {
  const { tree, settings, faults, plugged, now } = parts;
  const stored = createStore();
  const calls: Record<string, number> = {};
  const reports = { heard: 0, unheard: 0 };
  let connecting = 0;
  let mostConnecting = 0;
  let daemon: Bluetoothd | undefined;

  const air = openAir((report) => void hear(report));
  daemon = start();

  function start(): Bluetoothd {
    return startBluetoothd({
      tree,
      settings,
      air,
      plugged,
      stored,
      onConnecting(change) {
        connecting += change;
        mostConnecting = Math.max(mostConnecting, connecting);
      },
    });
  }

  function hear(report: Parameters<Bluetoothd['hear']>[0], adapter?: string): number {
    const heard = daemon?.hear(report, adapter) ?? 0;
    reports[heard > 0 ? 'heard' : 'unheard']++;
    return heard;
  }

  /** The adapters that an order means: the one it names, or all. */
  function adapters(name: string | undefined) {
    const meant = [...(daemon?.adapters ?? [])].filter(([one]) => name === undefined || one === name);
    if (meant.length === 0) throw new Error(`no adapter ${name ?? ''} under bluetoothd`);
    return meant.map(([one, adapter]) => ({ name: one, adapter }));
  }

  function renumber(from: string, to: string): void {
    const moved = [
      [to, plugged.get(from)],
      [from, plugged.get(to)],
    ] as const;
    if (!moved[0][1]) throw new Error(`no adapter ${from}`);
    for (const [name] of moved) {
      plugged.delete(name);
      daemon?.unplug(name);
    }
    for (const [name, adapter] of moved) {
      if (!adapter) continue;
      plugged.set(name, adapter);
      daemon?.plug(name, adapter);
    }
  }

  async function counts() {
    const sums = { sessions: 0, filters: 0, notifying: 0, connected: 0 };
    for (const adapter of daemon?.adapters.values() ?? []) {
      const one = adapter.counts();
      for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += one[key];
    }
    const matchRules = await parts.matchRules();
    return { calls, ...sums, connecting, mostConnecting, objects: tree.size(), ...reports, matchRules };
  }

  async function carryOut(order: ReadOrder): Promise<object> {
    switch (order.order) {
      case 'advertise': {
        const { address, addressType, rssi, data, connectable, adapter } = order;
        const report = { address, addressType, rssi, data: Buffer.from(data, 'hex'), connectable };
        return { heard: hear(report, adapter) };
      }
      case 'peripheral': {
        const { address, addressType, rssi, everyMs } = order;
        air.put({ address, addressType, rssi, peripheral: createPeripheral(order, now) }, everyMs);
        return {};
      }
      case 'counts':
        return counts();
      case 'hang':
      case 'fail':
      case 'forbid':
        faults.order(order);
        return {};
      case 'mend':
        faults.order(order);
        air.mend();
        for (const adapter of daemon?.adapters.values() ?? []) adapter.mute(false);
        return {};
      case 'leave':
        daemon?.end(order.tidy ? 'tidily' : 'at once');
        daemon = undefined;
        await parts.disown();
        return {};
      case 'return':
        daemon ??= start();
        await parts.own();
        return {};
      case 'plug': {
        const { adapter, address, powered } = order;
        plugged.set(adapter, { address, powered });
        daemon?.plug(adapter, { address, powered });
        return {};
      }
      case 'renumber':
        renumber(order.adapter, order.as);
        return {};
      case 'power':
      case 'mute':
      case 'stop-scan':
      case 'unplug':
        for (const { name, adapter } of adapters(order.adapter)) {
          if (order.order === 'power') adapter.power(order.on);
          else if (order.order === 'mute') adapter.mute(order.on);
          else if (order.order === 'stop-scan') adapter.stopScan();
          else {
            plugged.delete(name);
            daemon?.unplug(name);
          }
        }
        return {};
      case 'remove':
        for (const { adapter } of adapters(undefined)) adapter.removeDevice(order.address);
        return {};
      default:
        return toPeripheral(air.at(order.address), order);
    }
  }

  return {
    carryOut,
    count(member) {
      calls[member] = (calls[member] ?? 0) + 1;
    },
    forget: (sender) => daemon?.forget(sender),
  };
}
