import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOccupancy, K, ROUNDING } from '../../../../gateway/pipeline/context/occupancy.ts';
import { collector, MINUTE, SECOND, shopMap, TEN } from '../shop.ts';

function occupancy(enabled = true) {
  const counts = createOccupancy(shopMap(), enabled);
  const tick = (at: number) => {
    const { emit, outcome } = collector();
    counts.tick(at, emit);
    return outcome.events;
  };
  const counted = (receiver: string, near: number, at: number, far = 0) =>
    counts.counted(receiver, { windowS: 60, near, far }, at);
  return { counted, tick, everybody: counts.everybody };
}

describe('occupancy', () => {
  it('is told for each whole five minutes of the clock: the largest count of the zone, never a sum', () => {
    const { counted, tick } = occupancy();
    tick(TEN);
    counted('r-shoes', 12, TEN + MINUTE, 90);
    counted('r-shoes', 23, TEN + 2 * MINUTE);
    counted('r-shoes', 14, TEN + 3 * MINUTE);
    expect(tick(TEN + 5 * MINUTE - SECOND)).toEqual([]);
    expect(tick(TEN + 5 * MINUTE)).toEqual([
      {
        name: 'occupancy.aggregated',
        class: 'C',
        time: TEN + 5 * MINUTE,
        data: {
          storeId: 's1',
          zoneId: 'shoes',
          windowStart: '2026-03-02T10:00:00.000Z',
          windowEnd: '2026-03-02T10:05:00.000Z',
          count: 25,
          suppressed: false,
          k: 10,
          rounding: 5,
          method: 'largest-near',
        },
      },
    ]);
    expect(tick(TEN + 10 * MINUTE)).toEqual([]);
  });

  it('of a gateway that started in mid-window is told at that window’s end', () => {
    const { counted, tick } = occupancy();
    counted('r-shoes', 12, TEN + MINUTE);
    expect(tick(TEN + 2 * MINUTE)).toEqual([]);
    expect(tick(TEN + 5 * MINUTE)).toMatchObject([
      { data: { windowStart: '2026-03-02T10:00:00.000Z', count: 10 } },
    ]);
  });

  it.each([
    [0, null],
    [9, null],
    [10, 10],
    [12, 10],
    [13, 15],
    [99_999, 100_000],
  ])('R18: of %d is told as %s', (near, count) => {
    const { counted, tick } = occupancy();
    tick(TEN);
    counted('r-shoes', near, TEN + MINUTE);
    expect(tick(TEN + 5 * MINUTE)).toMatchObject([{ data: { count, suppressed: count === null } }]);
  });

  it('never says a number below k, nor one that is not rounded (R18)', () => {
    const counts = fc.array(fc.tuple(fc.constantFrom('r-shoes', 'r-bags'), fc.nat(40), fc.nat(40)));
    fc.assert(
      fc.property(counts, (heard) => {
        const { counted, tick, everybody } = occupancy();
        tick(TEN);
        for (const [receiver, near, far] of heard) counted(receiver, near, TEN + MINUTE, far);
        const told = [everybody(TEN + MINUTE), ...tick(TEN + 5 * MINUTE).map(({ data }) => data.count)];
        for (const count of told) {
          if (count !== null) expect([Number(count) >= K, Number(count) % ROUNDING]).toEqual([true, 0]);
        }
      }),
    );
  });

  it('in all is the receiver that hears most, for as long as its count is fresh', () => {
    const { counted, everybody } = occupancy();
    counted('r-shoes', 5, TEN, 20);
    counted('r-bags', 11, TEN, 3);
    expect(everybody(TEN)).toBe(25);
    expect(everybody(TEN + 2 * MINUTE)).toBe(25);
    expect(everybody(TEN + 2 * MINUTE + 1)).toBeNull();
  });

  it('is not counted in mode off', () => {
    const { counted, tick, everybody } = occupancy(false);
    tick(TEN);
    counted('r-shoes', 50, TEN);
    expect([tick(TEN + 5 * MINUTE), everybody(TEN)]).toEqual([[], null]);
  });
});
