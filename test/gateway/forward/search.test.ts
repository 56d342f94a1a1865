import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSearch } from '../../../gateway/forward/search.ts';

it('leaves batches as they are where a failure or two are all there is', () => {
  const search = createSearch();
  expect([search.failed(100), search.failed(100), search.size()]).toEqual([false, false, 100]);
  search.took(100);
  expect(search.size()).toBe(100);
});

it('P9: suspects the one event that batches fail on, wherever it stands among them', () => {
  fc.assert(
    fc.property(fc.nat(99), (poison) => {
      const search = createSearch();
      let from = 0;
      for (let tries = 1; tries <= 40; tries += 1) {
        const count = Math.min(search.size(), 100 - from);
        const isFailing = from <= poison && poison < from + count;
        if (isFailing && search.failed(count)) return from === poison && count === 1;
        if (isFailing) continue;
        search.took(count);
        from += count;
      }
      return false;
    }),
  );
});

it('comes back to whole batches, by doubling, once something is taken', () => {
  const search = createSearch();
  while (!search.failed(search.size()));
  const sizes = Array.from({ length: 8 }, () => {
    search.took(search.size());
    return search.size();
  });
  expect(sizes).toEqual([2, 4, 8, 16, 32, 64, 100, 100]);
});

it('waits like anybody after the first failures, hardly while it halves, and longer and longer in an outage', () => {
  const search = createSearch();
  const steps = Array.from({ length: 16 }, (_, i) => {
    search.failed(search.size());
    return search.step(i + 1);
  });
  expect(steps).toEqual([1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4]);
});
