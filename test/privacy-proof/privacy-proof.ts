import { parseArgs } from 'node:util';
import { isFound, leakNames, runWithLeak } from './leaks.ts';
import { runProof } from './proof.ts';

/*
 * The bystander proof: a simulated shop day, and a search of everything that it left for each stranger's mark
 * (R1, R3). The last line is JSON; exit 0 where nothing was found, 1 where something was, 2 for wrong use.
 */

const USAGE = `npm run -s privacy-proof -- [--strangers 10000] [--advertisements 1000000] [--seed 7] [--hours 12]
    [--short]         200 strangers, 10,000 advertisements, 4 hours
    [--keep]          leaves the folder that was searched
    [--leak <name>]   with a deliberate leak switched on: it has to be found
    [--leaks]         all of them in short form, a line each
`;

const FULL = { strangers: 10_000, advertisements: 1_000_000, hours: 12 };
const SHORT = { strangers: 200, advertisements: 10_000, hours: 4 };

function readOptions() {
  const { values } = parseArgs({
    options: {
      strangers: { type: 'string' },
      advertisements: { type: 'string' },
      seed: { type: 'string', default: '7' },
      hours: { type: 'string' },
      short: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      leak: { type: 'string' },
      leaks: { type: 'boolean', default: false },
    },
  });
  const size = values.short ? SHORT : FULL;
  const number = (name: 'strangers' | 'advertisements' | 'hours') =>
    positive(name, values[name] ?? size[name]);
  return {
    ...{ strangers: number('strangers'), advertisements: number('advertisements'), hours: number('hours') },
    ...{ seed: positive('seed', values.seed), memory: !values.short, keep: values.keep },
    ended: endedBySignal(),
    ...{ leak: values.leak, leaks: values.leaks },
  };
}

/** The servers that were started end with the run, however it ends. */
function endedBySignal(): AbortSignal {
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => ended.abort(new Error(`ended by ${signal}`)));
  }
  return ended.signal;
}

function positive(name: string, text: string | number): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number over 0`);
  return value;
}

const out = (value: object) => void process.stdout.write(`${JSON.stringify(value)}\n`);
const say = (text: string) => void process.stderr.write(`${text}\n`);

/** Found in every case: that is what these runs are for. */
async function runLeaks(names: readonly string[], options: readonly string[]): Promise<boolean> {
  let isEachFound = true;
  for (const leak of names) {
    const result = await runWithLeak(leak, options, say);
    const found = isFound(leak, result);
    const { marksFound, where } = result;
    out({ leak, found, marksFound, where });
    isEachFound &&= found;
  }
  return isEachFound;
}

async function run(options: ReturnType<typeof readOptions>): Promise<boolean> {
  if (options.leaks) return runLeaks(leakNames(), ['--short']);
  if (options.leak !== undefined) {
    const { strangers, advertisements, hours, seed } = options;
    const numbers = Object.entries({ strangers, advertisements, hours, seed });
    return runLeaks(
      [options.leak],
      numbers.flatMap(([name, value]) => [`--${name}`, `${value}`]),
    );
  }
  const result = await runProof(options, say);
  out(result);
  return result.ok;
}

let options: ReturnType<typeof readOptions> | undefined;
try {
  options = readOptions();
} catch (error) {
  say(`privacy-proof: ${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
try {
  if (options) process.exitCode = (await run(options)) ? 0 : 1;
} catch (error) {
  say(`privacy-proof: ${(error as Error).message}`);
  process.exitCode = 1;
}
// What a server of a run that was ended left open keeps nobody here.
if (options?.ended.aborted) process.exit();
