import { setImmediate as turn } from 'node:timers/promises';

/**
 * Time that passes only by what happens in it: the next thing due is next, whether it is a millisecond or a
 * month away. Two things due together come in the order in which they were arranged.
 */
export interface VirtualTime {
  /** ms since the simulation began. */
  now(): number;
  /** Calls back once, `ms` from now, in whole ones as the system's timers; what comes back calls it off. */
  after(ms: number, work: () => void): () => void;
  /** What happens now goes on in promises: they are let run before time passes. */
  stir(): void;
  /** Until then, or until nothing is due. */
  run(until: number): Promise<void>;
  /** How many things have happened. */
  steps(): number;
}

interface Due {
  at: number;
  /** Of two at once the lower comes first. */
  order: number;
  work: (() => void) | undefined;
}

export function virtualTime(): VirtualTime {
  const heap: Due[] = [];
  let now = 0;
  let orders = 0;
  let steps = 0;
  let isStirred = false;

  return {
    now: () => now,
    after(ms, work) {
      const due: Due = { at: now + Math.max(0, Math.ceil(ms)), order: orders, work };
      orders += 1;
      push(heap, due);
      return () => {
        due.work = undefined;
      };
    },
    stir() {
      isStirred = true;
    },
    async run(until) {
      for (;;) {
        if (isStirred) {
          isStirred = false;
          // Promises alone wait here, never a timer: by the end of the turn all of them have run.
          await turn();
          continue;
        }
        const first = heap[0];
        if (!first || first.at > until) break;
        pop(heap);
        if (!first.work) continue;
        now = first.at;
        steps += 1;
        first.work();
      }
      now = Math.max(now, until);
    },
    steps: () => steps,
  };
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** A binary heap: the children of place n are at 2n + 1 and 2n + 2. */
function push(heap: Due[], due: Due): void {
  let place = heap.push(due) - 1;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap[above];
    if (!parent || !isBefore(due, parent)) break;
    heap[place] = parent;
    heap[above] = due;
    place = above;
  }
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let place = 0;
  for (;;) {
    const left = 2 * place + 1;
    const [a, b] = [heap[left], heap[left + 1]];
    const isRight = a !== undefined && b !== undefined && isBefore(b, a);
    const child = isRight ? b : a;
    if (!child || !isBefore(child, last)) break;
    heap[place] = child;
    place = isRight ? left + 1 : left;
  }
  heap[place] = last;
}
