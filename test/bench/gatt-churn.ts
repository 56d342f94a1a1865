import { parseArgs } from 'node:util';
import { openBus } from '../../gateway/radio/bluez/bus.ts';
import { gattCycles, type Held } from '../support/gatt-cycles.ts';
import { startMockBluez } from '../support/mock-bluez.ts';

/*
 * What connecting to a thermostat, reading it and letting it go leaves behind, at BlueZ's stand-in on a D-Bus daemon
 * of its own: listeners, match rules, calls that wait, heap. Every tenth link is lost instead.
 *
 *   npx tsx test/bench/gatt-churn.ts [--cycles 10000] [--drop-every 10]
 */

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '10000' },
    'drop-every': { type: 'string', default: '10' },
  },
});
const [cycles, dropEvery] = [values.cycles, values['drop-every']].map(Number) as [number, number];
/** What a thousand cycles more may leave on the heap, octets each. */
const OCTETS_A_CYCLE = 64;
const ADDRESS = '00:1A:22:00:00:01';

const mock = await startMockBluez({ temporaryMs: 0, connectMs: 1 });
const bus = openBus({ log: console, address: mock.bus });
try {
  await mock.order({ order: 'peripheral', address: ADDRESS, model: 'eq-3', everyMs: 20 });
  await new Promise<void>((resolve) => bus.follow({ onSession: () => resolve(), onNone() {} }));
  const startedAt = performance.now();
  const looks: Held[] = [];
  const lookEvery = Math.max(Math.floor(cycles / 10), 1);
  await gattCycles({ mock, bus, address: ADDRESS }, { cycles, lookEvery, dropEvery }, (held) => {
    looks.push(held);
    process.stdout.write(`${JSON.stringify(held)}\n`);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  process.stdout.write(
    `${cycles} cycles in ${seconds.toFixed(0)} s, ${(cycles / seconds).toFixed(0)} a second\n`,
  );
  process.exitCode = isFlat(looks) ? 0 : 1;
} finally {
  bus.close();
  await mock.stop();
}

/** Nothing but the heap differs from look to look, and the heap no more than its noise. */
function isFlat([first, ...rest]: Held[]): boolean {
  const last = rest.at(-1);
  if (!first || !last) return true;
  const counted = ({ cycles: _, heapMiB: __, ...counts }: Held) => JSON.stringify(counts);
  const grownMiB = last.heapMiB - first.heapMiB;
  const allowedMiB = 1 + ((last.cycles - first.cycles) * OCTETS_A_CYCLE) / 2 ** 20;
  return rest.every((held) => counted(held) === counted(first)) && grownMiB < allowedMiB;
}
