import { existsSync } from 'node:fs';

/** The two clocks apart by more than this: the system's was corrected, ms. */
const CORRECTED = 1_000;

/** After a backward correction the clock goes at this share of its speed, until the wall clock has caught up. */
const SLOWED = 0.5;

/**
 * The gateway's clock, ms since the epoch: goes with the monotonic clock, so it never goes back and never
 * stands still. It follows a forward correction of the wall clock over 1 s at once and waits out a backward
 * one at half its speed: what is timed by it, the end of a visit say, takes twice as long and no more (P13).
 */
export function createClock(wall: () => number, monotonic: () => number): () => number {
  let before = monotonic();
  let offset = wall() - before;
  let shown = before + offset;
  return () => {
    const at = monotonic();
    const difference = wall() - (at + offset);
    if (Math.abs(difference) > CORRECTED) offset += difference;
    shown = Math.max(at + offset, shown + SLOWED * (at - before));
    before = at;
    return Math.floor(shown);
  };
}

/** systemd-timesyncd leaves this file once it has set the clock. */
const SYNCHRONISED = '/run/systemd/timesync/synchronized';
/** How far the platform's clock may differ from ours, ms. */
const TOLERATED = 60_000;

/** Whether the wall clock can be trusted; consents hang on it (R9, P13). */
export interface ClockTrust {
  synchronised(): boolean;
  /** The platform's clock, from the `Date` of an answer whose certificate and token were checked. */
  heard(date: number): void;
}

export function clockTrust(
  source: 'systemd' | 'uplink' | 'trusted',
  now: () => number,
  monotonic: () => number = () => performance.now(),
): ClockTrust {
  /** Our clock against the monotonic one, when it agreed with the platform's: a correction since then shows. */
  let agreedAt: number | undefined;
  const offset = () => now() - monotonic();
  return {
    synchronised() {
      if (source === 'systemd') return existsSync(SYNCHRONISED);
      if (source === 'trusted') return true;
      return agreedAt !== undefined && Math.abs(offset() - agreedAt) <= TOLERATED;
    },
    heard(date) {
      agreedAt = Math.abs(date - now()) <= TOLERATED ? offset() : undefined;
    },
  };
}
