import type { WaitingEvent } from '../outbox/outbox.ts';
import type { Timers } from '../timers.ts';
import type { Result } from './sending.ts';

/** Answered batches are settled together: up to so many events … */
const SETTLED_TOGETHER = 1_000;
/** … or so long after the first answer, ms. One fsync for all of them; a crash before it sends them again. */
const SETTLE_AFTER = 25;

/** What the other side answered for and is not settled yet. */
export interface Answered {
  add(events: readonly WaitingEvent[], result: Result): void;
  /** ms until it is to be settled, 0 where it is time; nothing where nothing is there. */
  dueIn(): number | undefined;
  /** All of it, as one batch; what was there is the caller's to settle. */
  take(): { events: WaitingEvent[]; result: Result };
}

export function createAnswered(timers: Timers): Answered {
  let events: WaitingEvent[] = [];
  let results: Result[] = [];
  let since = 0;
  return {
    add(more, result) {
      if (results.length === 0) since = timers.monotonic();
      events.push(...more);
      results.push(result);
    },
    dueIn() {
      if (results.length === 0) return undefined;
      if (events.length >= SETTLED_TOGETHER) return 0;
      return Math.max(0, since + SETTLE_AFTER - timers.monotonic());
    },
    take() {
      const all = { events, result: together(results) };
      events = [];
      results = [];
      return all;
    },
  };
}

function together(results: readonly Result[]): Result {
  return {
    accepted: new Set(results.flatMap(({ accepted }) => [...accepted])),
    rejected: new Map(results.flatMap(({ rejected }) => [...rejected])),
    skipped: new Set(results.flatMap(({ skipped }) => [...skipped])),
  };
}
