import { parseArgs } from 'node:util';
import { SPANS, type Span } from './plan.ts';
import { type Simulated, simulate } from './simulation.ts';

/*
 * The simulated shop-year (F32): the whole road in one process, in virtual time, with everything that a seed
 * makes go wrong. The last line is the result; exit 0 where every invariant held, 1 where one did not, 2 for
 * wrong use.
 */

const USAGE = `npm run -s simulate -- [--seeds 1000] [--from 1] [--span day|week|year] [--for <s>] [--trace] [--check] [--json]
    --seeds <n>    how many, one after the other
    --from <s>     the first
    --span <span>  that long each; left out, mostly days, some weeks, now and then a year
    --for <s>      begins no further seed after so many seconds
    --trace        tells what happens, on the error output
    --check        runs each seed twice: it has to say the same
`;

interface Options {
  seeds: number;
  from: number;
  span: Span | undefined;
  /** s */
  for: number;
  trace: boolean;
  check: boolean;
  json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      span: { type: 'string' },
      for: { type: 'string' },
      trace: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const span = SPANS.find((known) => known === values.span);
  if (values.span !== undefined && !span) throw new Error(`--span must be one of ${SPANS.join(', ')}`);
  const { trace, check, json } = values;
  return {
    seeds: whole('seeds', values.seeds),
    from: whole('from', values.from),
    for: values.for === undefined ? Number.POSITIVE_INFINITY : whole('for', values.for),
    ...{ span, trace, check, json },
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} must be a whole number`);
  return value;
}

const say = (text: string) => void process.stderr.write(`${text}\n`);

/** A sample of the seeds is run twice in any case: without determinism no seed is worth anything. */
const CHECKED = 50;

async function runSeed(seed: number, options: Options): Promise<Simulated> {
  const { span, trace, check } = options;
  const first = await simulate(seed, { span, ...(trace && { trace: say }) });
  if (!check && seed % CHECKED !== 0) return first;
  const again = await simulate(seed, { span });
  if (again.digest === first.digest) return first;
  return { ...first, broken: [...first.broken, 'the same seed said something else the second time'] };
}

function tellBroken({ seed, broken }: Simulated, { span }: Options): void {
  say(`seed ${seed}:`);
  for (const what of broken) say(`  ${what}`);
  const again = span === undefined ? '' : ` --span ${span}`;
  say(`  again: npm run -s simulate -- --seeds 1 --from ${seed}${again} --trace`);
}

async function run(options: Options): Promise<boolean> {
  const startedAt = performance.now();
  const lasted = () => (performance.now() - startedAt) / 1000;
  const sum = { days: 0, starts: 0, acknowledged: 0, committed: 0, duplicates: 0, steps: 0 };
  const broken: number[] = [];
  const { from } = options;
  let seeds = 0;
  for (; seeds < options.seeds && lasted() < options.for; seeds += 1) {
    const result = await runSeed(from + seeds, options);
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
    if (result.broken.length === 0) continue;
    broken.push(result.seed);
    tellBroken(result, options);
  }
  const seedsPerS = Math.round((seeds / lasted()) * 10) / 10;
  const cpuPerSeedMs = Math.round(
    (process.cpuUsage().user + process.cpuUsage().system) / 1000 / Math.max(1, seeds),
  );
  const result = { seeds, from, broken, ...sum, seedsPerS, cpuPerSeedMs };
  process.stdout.write(`${options.json ? JSON.stringify(result) : sentence(result)}\n`);
  return broken.length === 0;
}

function sentence(
  result: { seeds: number; from: number; broken: number[]; seedsPerS: number } & Record<string, unknown>,
) {
  const { seeds, from, broken, days, starts, acknowledged, committed, duplicates, seedsPerS } = result;
  const which =
    broken.length === 0 ? '' : ` (${broken.slice(0, 10).join(', ')}${broken.length > 10 ? ', …' : ''})`;
  return `${seeds} seeds from ${from}, ${broken.length} broken${which}: ${days} shop-days, ${starts} starts, ${acknowledged} acknowledged messages with an event, ${committed} events committed, ${duplicates} doubled deliveries; ${seedsPerS} seeds/s`;
}

let options: Options | undefined;
try {
  options = readOptions();
} catch (error) {
  say(`simulate: ${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
if (options && !(await run(options))) process.exitCode = 1;
