import type { Mutation } from './mutation.ts';
import type { TreeCopy } from './tree-copy.ts';
import { askWitness, type Verdict } from './witness.ts';

/** `red` is as it should be: the test noticed. `broken`: nothing is proved, and `why` says what is wrong. */
export interface Trial {
  mutation: Mutation;
  is: 'red' | 'survived' | 'broken';
  why: string;
  tookMs: number;
}

/**
 * Tries mutations one after another in a copy of the tree. Each test is asked before anything is broken,
 * once: one that is not green then proves nothing.
 */
export function trials(copy: TreeCopy, stop?: AbortSignal): (mutation: Mutation) => Promise<Trial> {
  const before = new Map<string, Verdict>();

  async function unbroken(mutation: Mutation): Promise<Verdict> {
    const test = `${mutation.test} ${mutation.name}`;
    const known = before.get(test) ?? (await askWitness(copy.folder, mutation, stop));
    before.set(test, known);
    return known;
  }

  async function broken(mutation: Mutation): Promise<Verdict> {
    copy.apply(mutation.patch);
    try {
      return await askWitness(copy.folder, mutation, stop);
    } finally {
      copy.undo(mutation.patch);
    }
  }

  async function judge(mutation: Mutation): Promise<Pick<Trial, 'is' | 'why'>> {
    const was = await unbroken(mutation);
    if (was.is !== 'green') return { is: 'broken', why: `without the patch: ${was.why}` };
    const is = await broken(mutation).catch((error: Error) => {
      stop?.throwIfAborted();
      return { is: 'broken' as const, why: `the patch does not fit: ${error.message}` };
    });
    return is.is === 'green' ? { is: 'survived', why: mutation.breaks } : is;
  }

  return async (mutation) => {
    const startedAt = performance.now();
    const judged = await judge(mutation);
    return { mutation, ...judged, tookMs: performance.now() - startedAt };
  };
}

/** `R04-state  red  R4: in state %s permits recognition  (3.1 s)` */
export function trialLine({ mutation: { id, name }, is, why, tookMs }: Trial): string {
  const said = is === 'red' ? name : `${name}: ${why}`;
  return `${id.padEnd(22)} ${(is === 'red' ? is : is.toUpperCase()).padEnd(8)} ${said}  (${(tookMs / 1000).toFixed(1)} s)`;
}

/** `37 mutations, 37 red, 0 survived, 0 broken` */
export function closingLine(done: readonly Trial[]): string {
  const count = (wanted: Trial['is']) => done.filter(({ is }) => is === wanted).length;
  return `${done.length} mutations, ${count('red')} red, ${count('survived')} survived, ${count('broken')} broken`;
}
