import type { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { takeCalls } from './bluez/calls.ts';
import { createMock } from './bluez/carry-out.ts';
import { askBus, connectBus, matchRules, signal } from './bluez/dbus.ts';
import { createFaults } from './bluez/faults.ts';
import { orders } from './bluez/orders.ts';
import { createTree } from './bluez/tree.ts';
import { startPrivateBus } from './private-bus.ts';

/**
 * A BlueZ without Bluetooth, a process of its own on a message bus:
 *
 *     node --import tsx firmware-sim/bluez.ts --bus unix:path=…/bus
 *
 * It behaves as bluetoothd 5.66 does, to the order of its signals, and is told by JSON lines on its
 * standard input what is in the air and what goes wrong (`bluez/orders.ts`). On standard output it says
 * `{"ready":true}` when it owns org.bluez, and answers each order. It ends with its standard input.
 * With `--own-bus` it starts the bus at that address too, and ends it with itself.
 */

const { values } = parseArgs({
  options: {
    bus: { type: 'string' },
    'own-bus': { type: 'string' },
    /** A name, `hci0`; it may be given again. */
    adapter: { type: 'string', multiple: true, default: ['hci0'] },
    'no-adapter': { type: 'boolean', default: false },
    off: { type: 'boolean', default: false },
    'temporary-ms': { type: 'string', default: '30000' },
    'connect-ms': { type: 'string', default: '20' },
    'connect-timeout-ms': { type: 'string', default: '25000' },
    'air-ms': { type: 'string', default: '8' },
  },
});

const NAME = 'org.bluez';
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

function fail(why: string): never {
  say({ error: why });
  process.exit(1);
}

const address = values.bus ?? values['own-bus'];
if (!address) fail('--bus is missing: the address of a message bus');
if (values['own-bus']) {
  await startPrivateBus({ address, clear() {} }).catch((error: Error) => fail(error.message));
}
for (const asked of ['SIGTERM', 'SIGINT'] as const) process.on(asked, () => process.exit(0));
const bus = connectBus(address);
// Its types leave this one out.
(bus as EventEmitter).on('error', (error: Error) => fail(error.message));
await new Promise<void>((resolve) => bus.once('connect', resolve));

const tree = createTree((path, member, signature, body) => bus.send(signal(path, member, signature, body)));
const faults = createFaults();
const names = values['no-adapter'] ? [] : values.adapter;
const mock = createMock({
  tree,
  faults,
  settings: {
    temporaryMs: Number(values['temporary-ms']),
    connectMs: Number(values['connect-ms']),
    connectTimeoutMs: Number(values['connect-timeout-ms']),
    airMs: Number(values['air-ms']),
  },
  plugged: new Map(
    names.map((name, i) => [name, { address: `00:1B:DC:00:00:0${i + 1}`, powered: !values.off }]),
  ),
  own: () => askBus(bus, 'RequestName', 'su', NAME, 0).then(() => {}),
  disown: () => askBus(bus, 'ReleaseName', 's', NAME).then(() => {}),
  matchRules: () => matchRules(bus),
  now: () => performance.now(),
});

// A name that nobody owns any more: a client went, and with it what it held.
bus.on('message', ({ member, sender, body }) => {
  if (member !== 'NameOwnerChanged' || sender !== 'org.freedesktop.DBus') return;
  const [name, , owner] = body.map(String);
  if (owner === '' && name?.startsWith(':')) mock.forget(name);
});
const GONE = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''";
await askBus(bus, 'AddMatch', 's', GONE);
takeCalls({ bus, tree, faults, count: mock.count });
await askBus(bus, 'RequestName', 'su', NAME, 0);
say({ ready: true });

async function take(line: string): Promise<object> {
  try {
    const read = orders.parse(JSON.parse(line));
    const carriedOut = Promise.all([read].flat().map(mock.carryOut));
    tree.flush();
    const answers = await carriedOut;
    return Array.isArray(read) ? { ok: true, answers } : { ok: true, ...answers[0] };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Each line is a turn of bluetoothd's: its signals leave, then its answer. */
let last = Promise.resolve();
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const answer = take(line);
    last = last.then(async () => void say(await answer));
  })
  .on('close', () => process.exit(0));
