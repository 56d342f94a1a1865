import type { Timers } from '../timers.ts';

/** First wait after a failure, and the longest; full jitter between 0 and the wait, ms. */
const BACK_OFF = 250;
const LONGEST_BACK_OFF = 60_000;
/** No attempt follows a failed one sooner, ms. */
const SHORTEST_BACK_OFF = 20;

/** Full jitter: all between nothing and a wait that doubles, so that shops do not come back together (P12). */
export function backOff(failures: number, random: () => number, longest = LONGEST_BACK_OFF): number {
  const most = Math.min(longest, BACK_OFF * 2 ** Math.min(failures - 1, 20));
  return Math.max(SHORTEST_BACK_OFF, random() * most);
}

/** Waits that end early where they are told to, or `signal` aborts. */
export interface Rest {
  /** For so long, or until `wake`. */
  sleep(ms?: number): Promise<void>;
  /** Ends the sleep that is under way; what is slept later is not touched. */
  wake(): void;
}

export function createRest(timers: Timers, signal: AbortSignal): Rest {
  let wakeUp = () => {};
  return {
    sleep(ms = Number.POSITIVE_INFINITY) {
      if (ms <= 0 || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const over = () => {
          callOff();
          signal.removeEventListener('abort', over);
          resolve();
        };
        const callOff = Number.isFinite(ms) ? timers.after(ms, over) : () => {};
        signal.addEventListener('abort', over);
        wakeUp = over;
      });
    },
    wake: () => wakeUp(),
  };
}
