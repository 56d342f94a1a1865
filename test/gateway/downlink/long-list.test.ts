import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ConsentList } from '../../../gateway/consent-list.ts';
import type { ConsentRecord } from '../../../gateway/consent-record.ts';
import { createConsents } from '../../../gateway/consents.ts';
import type { ListHead } from '../../../gateway/downlink/central-message.ts';
import { feedList } from '../../../gateway/downlink/feed-list.ts';
import { packPart, recordsOf } from '../../../gateway/downlink/list-part.ts';
import { longList } from '../../../gateway/downlink/long-list.ts';
import type { LongListHandle } from '../../../gateway/downlink/reader.ts';
import { consent } from '../pipeline/shop.ts';

const AT = Date.UTC(2026, 2, 1, 10);

const head = (version: number, more: Partial<ListHead> = {}): ListHead => ({
  kind: 'consents',
  storeId: 's1',
  list: 'full',
  version,
  issuedAt: AT,
  ...more,
});

/** A list as the reading thread has it, without the thread. */
function handle(head: ListHead, records: readonly ConsentRecord[]): LongListHandle {
  const list = longList(head, packPart(records, 's1'));
  return {
    ...list,
    slice: async (n) => ({ records: recordsOf({ octets: list.slice(n) }), prepared: new Map() }),
    omitted: async (recordIds) => list.omitted(recordIds),
    forget() {},
  };
}

/** What consents in force permit, and the applied lists, slice by slice. */
function shop() {
  const consents = createConsents({ storeId: 's1', maxAgeHours: 24 }, { records: [] });
  const slices: ConsentList[] = [];
  const feed = (list: LongListHandle, most = Number.POSITIVE_INFINITY) =>
    feedList(list, {
      inForce: consents.recordIds,
      take: async (slice) => {
        if (slices.length >= most) throw new Error('the gateway ends');
        slices.push(slice);
        return consents.apply(slice, AT).refused;
      },
    });
  const state = () => [...consents.records()].sort((a, b) => (a.recordId < b.recordId ? -1 : 1));
  return { consents, slices, feed, state };
}

const many = (count: number, more?: (n: number) => object) =>
  Array.from({ length: count }, (_, n) => consent(n, more?.(n)));

it('R10: a long list in slices leaves what it would have left in one signal', async () => {
  const anyRecord = fc.record({
    n: fc.integer({ min: 0, max: 12 }),
    version: fc.integer({ min: 1, max: 4 }),
    state: fc.constantFrom('given', 'renewed', 'withdrawn', 'expired'),
    stores: fc.constantFrom(['s1'], ['s2']),
    subjectRef: fc.constantFrom('p1', 'p2'),
  });
  const anyList = fc.array(anyRecord, { minLength: 1, maxLength: 40 });
  const recordsOfList = (list: readonly { n: number }[]) => list.map(({ n, ...more }) => consent(n, more));
  await fc.assert(
    fc.asyncProperty(anyList, anyList, fc.constantFrom('full', 'change'), async (first, second, kind) => {
      const [whole, sliced] = [shop(), shop()];
      for (const [i, one] of [first, second].entries()) {
        const about = head(i + 1, i === 1 ? { list: kind as 'full' | 'change', previous: 1 } : {});
        whole.consents.apply({ ...about, records: recordsOfList(one) }, AT);
        await sliced.feed(handle(about, recordsOfList(one)));
      }
      expect(sliced.state()).toEqual(whole.state());
      expect(sliced.consents.inForce()).toEqual(whole.consents.inForce());
    }),
    { numRuns: 300 },
  );
});

it('R6: what takes away comes first, what a full list leaves out before all, and no slice takes long', async () => {
  const { feed, slices } = shop();
  await feed(handle(head(1), many(600)));
  slices.length = 0;
  const withdrawn = (n: number) => (n >= 540 ? { version: 2, state: 'withdrawn' } : {});
  await feed(handle(head(2), many(600, withdrawn).slice(70)));
  const carried = slices.map(({ slice, records }) => [
    slice?.ended.length,
    records[0]?.state ?? '',
    records.length,
    slice?.last,
  ]);
  expect(carried).toEqual([
    [50, '', 0, false],
    [20, '', 0, false],
    [0, 'withdrawn', 50, false],
    [0, 'withdrawn', 10, false],
    [0, 'given', 250, false],
    [0, 'given', 220, true],
  ]);
});

it('a list is in force with its last slice, not before', async () => {
  const { feed, consents, slices } = shop();
  await expect(feed(handle(head(1), many(600)), 2)).rejects.toThrow('the gateway ends');
  expect([slices.length, consents.inForce()]).toEqual([2, undefined]);
  expect(consents.permits('c0', 'recognition', AT)).toBeUndefined();
});

it('a list that ended half-way, wherever, leaves the same once it comes again', async () => {
  const first = many(600);
  const second = many(700, (n) => (n % 5 === 0 ? { version: 2, state: 'withdrawn' } : { version: 2 })).slice(
    80,
  );
  const undisturbed = shop();
  await undisturbed.feed(handle(head(1), first));
  await undisturbed.feed(handle(head(2), second));
  const all = undisturbed.slices.length;
  for (let most = 3; most < all; most += 1) {
    const disturbed = shop();
    await disturbed.feed(handle(head(1), first));
    await disturbed.feed(handle(head(2), second), most).catch(() => {});
    await disturbed.feed(handle(head(2), second));
    expect(disturbed.state()).toEqual(undisturbed.state());
    expect(disturbed.consents.inForce()).toEqual({ version: 2, issuedAt: AT });
  }
});

it('R10: an older, a foreign or a future one is let go of with its first slice, of which nothing is taken', async () => {
  const { feed, slices, state, consents } = shop();
  await feed(handle(head(7), many(300)));
  const before = state();
  const refused = async (more: Partial<ListHead>) => {
    slices.length = 0;
    const reason = await feed(handle(head(8, more), many(700).slice(400)));
    return [reason, slices.map(({ records, slice }) => [records.length, slice?.last])];
  };
  const nothing = [
    [0, false],
    [0, false],
  ];
  expect(await refused({ version: 6 })).toEqual(['list 6 is not newer than 7, which is in force', nothing]);
  expect(await refused({ storeId: 's2' })).toEqual(['the list is for store s2', nothing]);
  expect(await refused({ issuedAt: AT + 600_000 })).toEqual(['list 8 is issued in the future', nothing]);
  expect([state(), consents.inForce()?.version]).toEqual([before, 7]);
});

it('a change after a gap takes away all that it withdraws, and is told of once', async () => {
  const { feed, state, consents, slices } = shop();
  await feed(handle(head(1), many(300)));
  slices.length = 0;
  const change = many(900, (n) => (n < 200 ? { version: 2, state: 'withdrawn' } : { version: 2 }));
  const reason = await feed(handle(head(5, { list: 'change', previous: 4 }), change));
  expect(reason).toContain('list 5 follows 4, in force is 1: a full list is needed');
  expect(slices.at(-1)?.slice?.last).toBe(true);
  expect(state().map(({ version }) => version)).toEqual(new Array(100).fill(1));
  expect(consents.inForce()).toEqual({ version: 1, issuedAt: AT, withdrawnUpTo: 5 });
});
