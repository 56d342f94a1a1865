import { existsSync } from 'node:fs';

/** The two clocks apart by more than this: the system's was corrected, ms. */
const CORRECTED = 1_000;

/**
 * The gateway's clock, ms since the epoch: goes with the monotonic clock, so it never goes back; it
 * follows a forward correction of the wall clock over 1 s and waits out a backward one.
 */
export function createClock(wall: () => number, monotonic: () => number): () => number {
  let offset = wall() - monotonic();
  let last = 0;
  return () => {
    const difference = wall() - (monotonic() + offset);
    if (Math.abs(difference) > CORRECTED) offset += difference;
    // Of a backward correction: stands still until the wall clock has caught up.
    last = Math.max(last, Math.floor(monotonic() + offset));
    return last;
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

export function clockTrust(source: 'systemd' | 'uplink' | 'trusted', now: () => number): ClockTrust {
  let agreed = false;
  return {
    synchronised() {
      if (source === 'systemd') return existsSync(SYNCHRONISED);
      return source === 'trusted' || agreed;
    },
    heard(date) {
      agreed = Math.abs(date - now()) <= TOLERATED;
    },
  };
}
