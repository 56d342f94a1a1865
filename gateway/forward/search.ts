import { MOST_AT_ONCE } from '../uplinks/uplink.ts';

/** The same events are tried so often as they are before fewer are. */
const TRIES = 3;
/** Other events that are tried against a single one at most. */
const MOST_WITNESSES = 10;
/** So many failures in a row can be those of one event, and are tried again soon; more are an outage. */
const SOON = 12;

/**
 * How many events the next batch has: all that fit, or fewer where the other side answers and takes
 * nothing. A batch that keeps failing is halved until one event is left; what it does with a smaller one
 * says in which half the event is that it fails on (P9).
 */
export interface Search {
  size(): number;
  /** So many were taken, or refused one by one. */
  took(count: number): void;
  /** It answered and took nothing of so many. True where a single event has failed often enough to be suspected. */
  failed(count: number): boolean;
  /** The wait after so many failures in a row, in steps of the back-off. */
  step(failures: number): number;
  /** How many other events are to be tried against it. */
  witnesses(): number;
  /** Nothing else was taken either: it is no event's doing, or of more events than were tried. */
  acquit(): void;
}

export function createSearch(): Search {
  let size = MOST_AT_ONCE;
  let failures = 0;
  /** Of the smallest batch that failed: events that were not taken since. One of them it fails on. */
  let left = 0;
  let alone = 0;
  let acquitted = 0;

  return {
    size: () => size,
    took(count) {
      failures = 0;
      alone = 0;
      acquitted = 0;
      left = Math.max(0, left - count);
      size = left > 0 ? Math.ceil(left / 2) : Math.min(MOST_AT_ONCE, size * 2);
    },
    failed(count) {
      failures += 1;
      alone = count === 1 ? alone + 1 : 0;
      if (failures >= TRIES || left > 0) {
        left = count;
        size = Math.ceil(count / 2);
      }
      return alone >= TRIES;
    },
    step: (inARow) => (inARow < TRIES || left === 0 ? inARow : Math.max(1, inARow - SOON)),
    witnesses: () => Math.min(MOST_WITNESSES, 2 ** acquitted),
    acquit() {
      alone = 0;
      acquitted += 1;
    },
  };
}
