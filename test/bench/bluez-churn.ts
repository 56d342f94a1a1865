import { parseArgs } from 'node:util';
import { openBus } from '../../gateway/radio/bluez/bus.ts';
import { openBluez } from '../../gateway/radio/bluez.ts';
import { heldHeap } from '../support/held-heap.ts';
import { startMockBluez } from '../support/mock-bluez.ts';

/*
 * What rotating addresses leave behind in the radio process that hears by BlueZ:
 *
 *   npx tsx test/bench/bluez-churn.ts [--addresses 10000]
 *
 * BlueZ (the mock) and a dbus-daemon are processes of their own. Each address is a device of BlueZ that sends two
 * frames and is removed; one in ten is public. A line at a tenth of them, and one at the end: EventEmitter
 * listeners of node-ble's connection, match rules that the daemon holds for it, octets of the heap after a
 * collection. Ends with 1 where one of them grew.
 */

const { values } = parseArgs({ options: { addresses: { type: 'string', default: '10000' } } });
const addresses = Number(values.addresses);
const log = { info() {}, warn() {}, error() {} };

const bluez = await startMockBluez({ temporaryMs: 0 });
const bus = openBus({ log, address: bluez.bus });
let connection: Connection | undefined;
interface Connection {
  name: string;
  listenerCount(event: string): number;
  _signals: NodeJS.EventEmitter;
  _matchRules: object;
}
bus.follow({
  onSession({ bluetooth }) {
    connection = (bluetooth as unknown as { dbus: Connection }).dbus;
  },
  onNone() {},
});
let heard = 0;
const radio = openBluez({
  adapter: { kind: 'local', index: 0 },
  bus,
  onAdvertisement() {
    heard += 1;
  },
  onState() {},
  log,
  now: () => performance.now(),
});
while ((await bluez.counts()).sessions === 0) await new Promise((resolve) => setTimeout(resolve, 10));

const figures = async (done: number) => {
  if (!connection) throw new Error('no session');
  const { matchRules, objects } = await bluez.counts();
  return {
    addresses: done,
    frames: heard,
    listeners:
      ['message', 'error', 'connect'].reduce(
        (sum, event) => sum + (connection?.listenerCount(event) ?? 0),
        0,
      ) + connection._signals.eventNames().length,
    matchRules: matchRules[connection.name],
    objectsOfBluez: objects,
    heapBytes: heldHeap(),
  };
};
type Figures = Awaited<ReturnType<typeof figures>>;
const looks: Figures[] = [];

/** What an address more may leave on the heap, octets, and what it is uncertain by. */
const OCTETS_AN_ADDRESS = 32;
const NOISE_OCTETS = 2 ** 20;

function isFlat([first, last]: Figures[]): boolean {
  if (!first || !last) return true;
  const allowed = NOISE_OCTETS + (last.addresses - first.addresses) * OCTETS_AN_ADDRESS;
  return (
    last.frames === 2 * last.addresses &&
    last.listeners === first.listeners &&
    last.matchRules === first.matchRules &&
    last.objectsOfBluez === first.objectsOfBluez &&
    last.heapBytes - first.heapBytes < allowed
  );
}

const startedAt = performance.now();
for (let i = 1; i <= addresses; i += 1) {
  const octets = i.toString(16).padStart(8, '0').match(/../g) ?? [];
  const address = ['40', '00', ...octets].join(':').toUpperCase();
  const addressType = i % 10 === 0 ? 'public' : 'random';
  for (const rssi of [-60, -61]) {
    await bluez.order({
      order: 'advertise',
      address,
      addressType,
      rssi,
      data: '02011a020a0c0aff4c001005441cbd08c5',
    });
  }
  await bluez.order({ order: 'remove', address });
  if (i * 10 !== addresses && i !== addresses) continue;
  const deadline = performance.now() + 5_000;
  while (heard < 2 * i && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const look = await figures(i);
  looks.push(look);
  process.stdout.write(`${JSON.stringify(look)}\n`);
}
process.exitCode = isFlat(looks) ? 0 : 1;
process.stdout.write(`${Math.round((performance.now() - startedAt) / 1_000)} s\n`);
radio.close();
bus.close();
await bluez.stop();
