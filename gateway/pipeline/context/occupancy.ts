import type { StoreMap } from '../../store-map.ts';
import type { StoreEvent } from '../outcome.ts';
import type { Emit } from './emit.ts';

/** Below so many nothing is told (R18; an engineering default, no legal number is known). */
export const K = 10;
/** Counts are rounded to this. */
export const ROUNDING = 5;
/** Counts are told for windows of so long, ms, aligned to the clock. */
const WINDOW = 300_000;

export interface Occupancy {
  counted(receiver: string, count: { windowS: number; near: number; far: number }, at: number): void;
  tick(at: number, emit: Emit): void;
  /** Unlisted addresses close to a zone's receivers in their last window; for reckoning alone, never told. */
  near(zone: string, at: number): number;
  /** Everybody else in the shop, by the receiver that heard most; null below k. Rounded. */
  everybody(at: number): number | null;
}

/**
 * Counts that receivers made in their memory: a zone's is the largest `near` of its receivers, never a sum.
 * With `enabled` false (mode `off`) nobody is counted.
 */
export function createOccupancy(map: StoreMap, enabled: boolean): Occupancy {
  const zones = new Map<string, number>();
  const latest = new Map<string, { zone: string | undefined; near: number; count: number; until: number }>();
  let windowStart: number | undefined;

  return {
    counted(receiver, { windowS, near, far }, at) {
      if (!enabled) return;
      const zone = map.anchors.get(receiver)?.zone;
      if (zone !== undefined && map.zones.get(zone)?.counted === false) return;
      latest.set(receiver, { zone, near, count: near + far, until: at + 2 * windowS * 1000 });
      if (zone !== undefined) zones.set(zone, Math.max(zones.get(zone) ?? 0, near));
    },
    tick(at, emit) {
      const start = Math.floor(at / WINDOW) * WINDOW;
      const from = windowStart ?? start;
      windowStart = start;
      if (from === start) return;
      for (const [zone, count] of zones) {
        emit.event(aggregated(zone, count, from, start, at));
        if (count < K) continue;
        emit.point({ measurement: 'occupancy', tags: { zone }, fields: { people: rounded(count) }, at });
      }
      zones.clear();
    },
    near(zone, at) {
      let most = 0;
      for (const heard of latest.values()) {
        if (heard.zone === zone && heard.until >= at) most = Math.max(most, heard.near);
      }
      return most;
    },
    everybody(at) {
      let most = 0;
      for (const { count, until } of latest.values()) if (until >= at) most = Math.max(most, count);
      return most < K ? null : rounded(most);
    },
  };
}

function aggregated(zoneId: string, count: number, from: number, to: number, at: number): StoreEvent {
  const suppressed = count < K;
  return {
    name: 'occupancy.aggregated',
    class: 'C',
    time: at,
    data: {
      zoneId,
      windowStart: new Date(from).toISOString(),
      windowEnd: new Date(to).toISOString(),
      count: suppressed ? null : rounded(count),
      suppressed,
      k: K,
      rounding: ROUNDING,
      method: 'largest-near',
    },
  };
}

function rounded(count: number): number {
  return Math.round(count / ROUNDING) * ROUNDING;
}
