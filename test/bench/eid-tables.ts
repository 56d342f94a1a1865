import { parseArgs } from 'node:util';
import type { ConsentKey } from '../../gateway/consent-record.ts';
import { openAhead } from '../../gateway/recognise/ahead.ts';
import { eidTags } from '../../gateway/recognise/eid.ts';
import type { Recogniser } from '../../gateway/recognise/recogniser.ts';
import { rollingTokens } from '../../gateway/recognise/rolling-token.ts';
import { seededRandom } from '../../gateway/seeded-random.ts';

/*
 * How long the loop is held up by keys that change with time: each call of the table on its own.
 *
 *   npx tsx test/bench/eid-tables.ts [--tags 100000] [--ticks 1500] [--same-second] [--alone]
 *
 * Time passes a second a tick. `--same-second` has all tags change at the same second, `--alone` does without
 * the thread that works ids out beforehand.
 */

const { values } = parseArgs({
  options: {
    tags: { type: 'string', default: '100000' },
    ticks: { type: 'string', default: '1500' },
    'same-second': { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
  },
});
const tags = Number(values.tags);
const ticks = Number(values.ticks);
const START = Date.UTC(2026, 2, 2, 10);
const DAY = 86_400_000;

const random = seededRandom(1);
const hex = (n: number) => Buffer.from(random(n)).toString('hex');
const ahead = values.alone ? undefined : openAhead((error) => process.stderr.write(`${error.message}\n`));

await measure('EID', eidTags(ahead), (i) => ({
  kind: 'eid',
  identityKey: hex(16),
  exponent: 10,
  offset: values['same-second'] ? 0 : i,
}));
await measure('rolling token', rollingTokens({ ahead }), () => ({
  kind: 'rolling-token',
  key: hex(16),
  day: '2026-03-02',
}));
await ahead?.close();

async function measure(name: string, recogniser: Recogniser, key: (i: number) => ConsentKey): Promise<void> {
  const table = recogniser.createTable();
  const puts: Cost[] = [];
  for (let i = 0; i < tags; i++) {
    const owner = { recordId: `c${i}`, subjectRef: `p${i}` };
    const held = key(i);
    puts.push(timed(() => table.put(owner, held, START)));
    if (i % 500 === 0) await breath();
  }
  tell(`${name} put`, puts);
  tell(`${name} roll`, await rolls(table.roll, START, ticks));
  if (name === 'EID') tell(`${name} roll, all unseen for a day`, await rolls(table.roll, START + DAY, ticks));
  process.stdout.write(`${name}: ${table.size()} things kept, ${heapMb()} MB of heap\n`);
}

async function rolls(roll: (at: number) => void, from: number, count: number): Promise<Cost[]> {
  const times: Cost[] = [];
  for (let i = 1; i <= count; i++) {
    times.push(timed(() => roll(from + i * 1_000)));
    await breath();
  }
  return times;
}

/** Wall time, and the process's own: on a busy machine only the latter says what the call costs. */
interface Cost {
  wallMs: number;
  cpuMs: number;
}

function timed(act: () => void): Cost {
  const [started, before] = [performance.now(), process.cpuUsage()];
  act();
  const { user, system } = process.cpuUsage(before);
  return { wallMs: performance.now() - started, cpuMs: (user + system) / 1000 };
}

/** The thread's answers come in between calls, as they do in the gateway. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function tell(what: string, costs: Cost[]): void {
  const wall = spread(costs.map(({ wallMs }) => wallMs));
  const cpu = spread(costs.map(({ cpuMs }) => cpuMs));
  process.stdout.write(`${what}: ${costs.length} calls; ms per call ${wall}; of CPU, all threads, ${cpu}\n`);
}

function spread(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(3);
  return `p50 ${at(0.5)} p99 ${at(0.99)} most ${at(1)}`;
}

function heapMb(): string {
  return (process.memoryUsage().heapUsed / 2 ** 20).toFixed(0);
}
