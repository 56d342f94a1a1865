import { createHmac } from 'node:crypto';

/** Signal at or above which an address counts as near, dBm. */
export const NEAR_DBM = -70;
/** What `crowd` can carry; more addresses than this are noise or an attack. */
const MAX_COUNT = 100_000;
const BUCKET_BITS = 20;
const NOT_HEARD = 0;
const OURS = 255;
/** Stands for "heard, without RSSI": below every RSSI there is (−127 dBm becomes 2). */
const NO_RSSI = 1;
const RSSI_OFFSET = 129;

/** Beside `seq` and `boot`, the payload of the message `crowd`. */
export interface Crowd {
  windowS: number;
  near: number;
  far: number;
}

export interface CrowdWindow {
  /** Notes an address that is nobody's of ours. RSSI in dBm. */
  heard(address: string, rssi: number | null): void;
  /** Notes an address that sent a frame of ours: it is not counted, whatever else it sends in the window. */
  ours(address: string): void;
  /** Counts and forgets: every bucket and the key are overwritten. Nothing where no frame was heard at all. */
  close(at: number): Crowd | undefined;
}

/**
 * Counts the strangers that one receiver hears in one window, by the best RSSI of each. An address is kept
 * only as one of 2^20 buckets of an HMAC under `key` (32 random bytes, new for each window, in memory only),
 * and a bucket only as a best RSSI: truncated, so that even the key's holder could not name an address.
 * Windows are at most five minutes; `openedAt` and `close(at)` are ms on one monotonic clock.
 */
export function crowdWindow(key: Uint8Array, openedAt: number): CrowdWindow {
  const best = new Uint8Array(2 ** BUCKET_BITS);
  const bucket = (address: string): number => {
    const digest = createHmac('sha256', key).update(address).digest();
    return digest.readUInt32BE(0) >>> (32 - BUCKET_BITS);
  };
  const count = { near: 0, far: 0 };
  const add = (level: number, by: 1 | -1): void => {
    if (level === NOT_HEARD || level === OURS) return;
    count[level >= NEAR_DBM + RSSI_OFFSET ? 'near' : 'far'] += by;
  };
  const raise = (index: number, level: number): void => {
    const before = best[index] ?? OURS;
    if (level <= before) return;
    add(before, -1);
    add(level, 1);
    best[index] = level;
  };
  let heardAnything = false;
  return {
    heard(address, rssi) {
      heardAnything = true;
      raise(bucket(address), rssi === null ? NO_RSSI : rssi + RSSI_OFFSET);
    },
    ours(address) {
      heardAnything = true;
      raise(bucket(address), OURS);
    },
    close(at) {
      best.fill(NOT_HEARD);
      key.fill(0);
      const { near, far } = count;
      count.near = 0;
      count.far = 0;
      if (!heardAnything) return undefined;
      return {
        windowS: Math.max(1, Math.round((at - openedAt) / 1000)),
        near: Math.min(near, MAX_COUNT),
        far: Math.min(far, MAX_COUNT),
      };
    },
  };
}
