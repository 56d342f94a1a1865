import { expect, it } from 'vitest';
import { gapsOf } from '../../../gateway/outbox/gap.ts';

const of = (...sequences: number[]) =>
  gapsOf(sequences, { storeId: 's1', epoch: 'e', reason: 'expired', at: 5 }).map(({ data }) => data);

it('declares nothing for nothing', () => {
  expect(of()).toEqual([]);
});

it('names ranges only where not all between its ends were removed', () => {
  expect(of(4, 5, 6)).toEqual([{ storeId: 's1', epoch: 'e', from: 4, to: 6, count: 3, reason: 'expired' }]);
  expect(of(4, 5, 9)).toMatchObject([
    {
      from: 4,
      to: 9,
      count: 3,
      ranges: [
        [4, 5],
        [9, 9],
      ],
    },
  ]);
});

it('keeps each gap small, and all of them together exact', () => {
  const odd = Array.from({ length: 1_200 }, (_, i) => 2 * i + 1);
  const gaps = of(...odd);
  expect(gaps.map(({ count }) => count)).toEqual([500, 500, 200]);
  expect(gaps.map(({ from, to }) => [from, to])).toEqual([
    [1, 999],
    [1001, 1999],
    [2001, 2399],
  ]);
  for (const gap of gaps) expect(JSON.stringify(gap).length).toBeLessThan(10_000);
});
