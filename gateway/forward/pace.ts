import type { Timers } from '../timers.ts';
import type { Rest } from './waits.ts';

/** A backlog is brought no faster, events a second: many shops come back at once (P12). */
const MOST_PER_SECOND = 30_000;
/** Ahead of that by less it is let be: a timer is no finer, ms. */
const AHEAD = 10;
/** A timer that comes later than this tells that devices wait for their turn, ms. */
const LATE = 20;
/** The backlog waits as long as they did, and no longer than that, ms. */
const LONGEST = 200;

/** Holds a backlog back: to a rate, and to less while the process is late for its devices (P11, P12). */
export interface Pace {
  /** Before each batch. */
  wait(rest: Rest): Promise<void>;
  /** So many events went; measures, while they are on their way, how late the process is. */
  went(count: number): void;
}

export function createPace(timers: Timers, mostPerSecond = MOST_PER_SECOND): Pace {
  /** When the events that went were due, by the rate. */
  let due = timers.monotonic();
  let lateMs = 0;
  let isMeasuring = false;

  function measure(): void {
    if (isMeasuring) return;
    isMeasuring = true;
    const from = timers.monotonic();
    timers.after(1, () => {
      isMeasuring = false;
      lateMs = timers.monotonic() - from - 1;
    });
  }

  return {
    async wait(rest) {
      const ahead = due - timers.monotonic();
      const pause = Math.max(ahead > AHEAD ? ahead : 0, lateMs > LATE ? Math.min(LONGEST, lateMs) : 0);
      lateMs = 0;
      if (pause > 0) await rest.sleep(pause);
    },
    went(count) {
      due = Math.max(due, timers.monotonic()) + (count * 1_000) / mostPerSecond;
      measure();
    },
  };
}
