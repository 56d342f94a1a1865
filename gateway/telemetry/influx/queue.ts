import type { Point } from '../point.ts';

/** Samples that wait to be written, oldest first. */
export interface SampleQueue {
  /** Keeps the array as it is; gives back how many of the oldest samples had to go. */
  add(samples: readonly Point[]): number;
  /** The oldest, at most so many; they are not in the queue any more. */
  next(most: number): Point[];
  /** What `next` gave and could not be written; gives back how many of the oldest samples had to go. */
  putBack(samples: readonly Point[]): number;
  size(): number;
}

/** Holds `most` samples, besides what `next` gave. Nothing is copied while they wait. */
export function sampleQueue(most: number): SampleQueue {
  /** As they came, none empty. */
  const chunks: (readonly Point[])[] = [];
  let size = 0;

  /** Takes at most so many of the oldest chunk off. */
  function oldest(count: number): readonly Point[] {
    const chunk = chunks.shift() ?? [];
    if (chunk.length > count) chunks.unshift(chunk.slice(count));
    const taken = chunk.length > count ? chunk.slice(0, count) : chunk;
    size -= taken.length;
    return taken;
  }

  function shrink(): number {
    const tooMany = Math.max(0, size - most);
    for (let left = tooMany; left > 0; ) left -= oldest(left).length;
    return tooMany;
  }

  return {
    add(samples) {
      if (samples.length > 0) chunks.push(samples);
      size += samples.length;
      return shrink();
    },
    next(count) {
      const batch: Point[] = [];
      while (size > 0 && batch.length < count) batch.push(...oldest(count - batch.length));
      return batch;
    },
    putBack(samples) {
      if (samples.length > 0) chunks.unshift(samples);
      size += samples.length;
      return shrink();
    },
    size: () => size,
  };
}
