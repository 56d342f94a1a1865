import { describe, expect, it } from 'vitest';
import { sampleQueue } from '../../../../gateway/telemetry/influx/queue.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';

const samples = (...numbers: number[]): Point[] =>
  numbers.map((at) => ({ measurement: 'gateway', tags: {}, fields: { messages: at }, at }));
const numbers = (points: readonly Point[]) => points.map(({ at }) => at);

describe('samples that wait', () => {
  it('come out oldest first, across what came together', () => {
    const queue = sampleQueue(10);
    queue.add(samples(1, 2, 3));
    queue.add([]);
    queue.add(samples(4, 5));
    expect(numbers(queue.next(2))).toEqual([1, 2]);
    expect(numbers(queue.next(2))).toEqual([3, 4]);
    expect(numbers(queue.next(9))).toEqual([5]);
    expect(queue.next(9)).toEqual([]);
    expect(queue.size()).toBe(0);
  });

  it('lose their oldest where they are too many, and say how many', () => {
    const queue = sampleQueue(3);
    expect(queue.add(samples(1, 2))).toBe(0);
    expect(queue.add(samples(3, 4, 5))).toBe(2);
    expect(queue.add(samples(6, 7, 8, 9))).toBe(4);
    expect(numbers(queue.next(9))).toEqual([7, 8, 9]);
  });

  it('take back what could not be written as their oldest, which go first', () => {
    const queue = sampleQueue(4);
    queue.add(samples(1, 2, 3, 4));
    const batch = queue.next(2);
    expect(queue.add(samples(5, 6))).toBe(0);
    expect(queue.putBack(batch)).toBe(2);
    expect(numbers(queue.next(9))).toEqual([3, 4, 5, 6]);
    expect(queue.putBack(samples(3, 4))).toBe(0);
    queue.add(samples(7));
    expect(numbers(queue.next(9))).toEqual([3, 4, 7]);
  });
});
