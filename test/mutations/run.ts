import { Command, InvalidArgumentError } from 'commander';
import { seededRandom } from '../../gateway/seeded-random.ts';
import { type Mutation, readMutations } from './mutation.ts';
import { copyTree } from './tree-copy.ts';
import { closingLine, type Trial, trialLine, trials } from './trial.ts';

/*
 * Breaks each requirement in a copy of the tree and sees that its test notices: `npm run mutations`.
 * Exit 0 where all went red, 1 where one survived or proves nothing, 2 for wrong use.
 */

const { sample, seed, only } = new Command('mutations')
  .option('--sample <n>', 'only so many, drawn by the seed', count)
  .option('--seed <n>', 'what is drawn', count, 1)
  .option('--only <requirement>', 'only those of R4 or P9, or one by its name: R04-state')
  .parse()
  .opts<{ sample?: number; seed: number; only?: string }>();

const say = (line: string) => void process.stdout.write(`${line}\n`);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
// Nobody reads on (`| head`): to end without tidying up would leave the copy behind.
process.stdout.on('error', () => stop.abort());

const chosen = drawn(readMutations().filter(isWanted));
if (chosen.length === 0) {
  process.stderr.write(`there is no mutation ${only}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = (await tryAll()) ? 0 : 1;
}

async function tryAll(): Promise<boolean> {
  const copy = copyTree();
  const done: Trial[] = [];
  try {
    const attempt = trials(copy, stop.signal);
    for (const mutation of chosen) {
      const trial = await attempt(mutation);
      done.push(trial);
      say(trialLine(trial));
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say('stopped');
  } finally {
    copy.remove();
  }
  say(closingLine(done));
  return done.length === chosen.length && done.every(({ is }) => is === 'red');
}

function isWanted({ id, requirement }: Mutation): boolean {
  if (only === undefined) return true;
  return id === only || requirement === only.replace(/^([RP])0/, '$1');
}

function drawn(mutations: Mutation[]): Mutation[] {
  if (sample === undefined) return mutations;
  const random = seededRandom(seed);
  const places = new Map(mutations.map(({ id }) => [id, Buffer.from(random(4)).readUInt32BE()]));
  const inDrawnOrder = [...mutations].sort((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
  return inDrawnOrder.slice(0, sample);
}

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}
