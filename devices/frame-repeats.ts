/** A beacon repeats itself up to ten times a second; twice is enough for presence and for its median RSSI. */
export const REPEAT_MS = 500;

export interface Repeats {
  /** Whether the same frame was let through less than `REPEAT_MS` before `at` (ms, monotonic); if not, notes it. */
  isRepeat(address: string, data: string, rssi: number | null, at: number): boolean;
  /** Forgets what is no longer of use; without new frames nothing else does. */
  forget(at: number): void;
}

/**
 * Lets one frame of equal (address, payload) through every 500 ms. What is let through is the frame as it was
 * heard, its own RSSI with it: smoothing is the gateway's, which knows the other receivers. A frame without
 * RSSI does not hold back one that has it. Two maps are turned over, so nothing is kept beyond two periods.
 */
export function frameRepeats(): Repeats {
  let recent = new Map<string, Sent>();
  let before = new Map<string, Sent>();
  let turnedAt = Number.NEGATIVE_INFINITY;

  const turn = (at: number): void => {
    if (at - turnedAt < REPEAT_MS) return;
    before = at - turnedAt < 2 * REPEAT_MS ? recent : new Map();
    recent = new Map();
    turnedAt = at;
  };
  return {
    isRepeat(address, data, rssi, at) {
      turn(at);
      const key = address + data;
      const sent = recent.get(key) ?? before.get(key);
      if (sent && at - sent.at < REPEAT_MS && (sent.hadRssi || rssi === null)) return true;
      recent.set(key, { at, hadRssi: rssi !== null });
      return false;
    },
    forget: turn,
  };
}

interface Sent {
  at: number;
  hadRssi: boolean;
}
