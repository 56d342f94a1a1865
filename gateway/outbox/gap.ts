import type { StoreEvent } from '../pipeline/outcome.ts';

/** Ranges in one gap at most: so that it stays far below the 64 KiB of an event. */
const RANGES_PER_GAP = 500;

/** Why events left without being delivered (contract, Events). */
export type GapReason = 'erased' | 'expired' | 'dead' | 'shed';

/**
 * `gateway.gap` events for what was removed before delivery; none for nothing. Without a subject, so
 * that an erasure tells only that something was erased. `sequences` in ascending order.
 */
export function gapsOf(
  sequences: readonly number[],
  { storeId, epoch, reason, at }: { storeId: string; epoch: string; reason: GapReason; at: number },
): StoreEvent[] {
  const all = rangesOf(sequences);
  const gaps: StoreEvent[] = [];
  for (let i = 0; i < all.length; i += RANGES_PER_GAP) {
    const ranges = all.slice(i, i + RANGES_PER_GAP);
    const data = {
      storeId,
      epoch,
      from: ranges[0]?.[0],
      to: ranges.at(-1)?.[1],
      count: ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0),
      reason,
      ...(ranges.length > 1 && { ranges }),
    };
    gaps.push({ name: 'gateway.gap', class: 'A', time: at, data });
  }
  return gaps;
}

function rangesOf(sequences: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const sequence of sequences) {
    const last = ranges.at(-1);
    if (last && sequence === last[1] + 1) last[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges;
}
