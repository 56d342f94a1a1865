import { describe, expect, it } from 'vitest';
import { owedByUplink } from '../../../gateway/outbox/counts.ts';
import { judge, type LedgerEvent } from '../../support/ledger.ts';
import { ALL, personal, press, said, TEN, type TestStore, testStore } from './event-store.ts';

const HOUR = 3_600_000;

/** Everything that waits for an uplink is refused by it. */
function refuseAll({ outbox }: TestStore, uplink = 'up'): string[] {
  const events = outbox.take(uplink, ALL, 100);
  outbox.settle(uplink, events, said([], events), TEN);
  return events.map(({ id }) => id);
}

/** Everything that waits is taken; the events. */
function takeAll({ outbox }: TestStore, uplink = 'up'): LedgerEvent[] {
  const events = outbox.take(uplink, ALL, 100);
  outbox.settle(uplink, events, said(events), TEN);
  return events.map(({ body }) => JSON.parse(body));
}

describe('a dead letter', () => {
  it('P9: driven again arrives under its old id, as it was, and leaves no undeclared hole', () => {
    const store = testStore();
    store.store([press(1), personal('visit.started', 'p_1', 'v1'), press(2)]);
    const refused = refuseAll(store);
    store.store([press(3)]);
    const first = takeAll(store);
    expect(store.outbox.counts()).toMatchObject({ dead: 3, declared: 3, waiting: 0, owed: {} });
    expect(store.outbox.redrive({}, TEN)).toEqual({ redriven: 3, gone: 0, unconfigured: 0 });
    expect(store.outbox.counts()).toMatchObject({ dead: 0, declared: 0, waiting: 3, owed: { up: 3 } });
    const second = takeAll(store);
    expect(second.map(({ id }) => id)).toEqual(refused);
    expect(second[1]).toMatchObject({
      type: 'aisle.visit.started.v1',
      partitionkey: 'v1',
      data: { subject: { ref: 'p_1' } },
    });
    const acknowledged = [1, 2, 3].map((n) => `b1/boot/${n}`);
    const redriven = new Set(refused);
    expect(judge({ acknowledged, committed: [...first, ...second], redriven })).toEqual([]);
    expect(store.outbox.counts().waiting).toBe(0);
  });

  it('is driven alone where it is named, and only to the uplink that is named', () => {
    const store = testStore(['a', 'b']);
    store.store([press(1), press(2)]);
    const [, id = ''] = refuseAll(store, 'a');
    refuseAll(store, 'b');
    expect(store.outbox.redrive({ uplink: 'a', ids: [id] }, TEN)).toMatchObject({ redriven: 1 });
    expect(store.waiting('a')).toContain(2);
    expect(store.waiting('a')).not.toContain(1);
    expect(store.waiting('b')).not.toContain(2);
    // The two, and the gap that told of what the other refused.
    expect(store.outbox.redrive({ uplink: 'b' }, TEN)).toMatchObject({ redriven: 3 });
  });

  it('that another uplink waits for still is owed to both, and leaves when both have it', () => {
    const store = testStore(['a', 'b']);
    store.store([press(1)]);
    refuseAll(store, 'a');
    store.outbox.redrive({}, TEN);
    expect([store.waiting('a'), store.waiting('b')]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    takeAll(store, 'a');
    takeAll(store, 'b');
    expect(store.outbox.counts()).toMatchObject({ waiting: 0, owed: {}, taken: { a: 2, b: 2 } });
  });

  it('P14: of somebody who was erased, or whose time is up, cannot be driven', () => {
    const store = testStore();
    store.store([
      personal('visit.started', 'p_1', 'v1'),
      personal('visit.started', 'p_2', 'v2', TEN - HOUR),
      press(1),
    ]);
    refuseAll(store);
    store.store([], ['p_1']);
    takeAll(store);
    // Nobody looked yet for what has expired.
    expect(store.outbox.redrive({}, TEN + 71.5 * HOUR)).toMatchObject({ redriven: 1, gone: 2 });
    expect(store.outbox.take('up', ALL, 9).map(({ name }) => name)).toEqual(['button.pressed']);
  });

  it('that is driven again is still found by who erases', () => {
    const store = testStore();
    store.store([personal('visit.started', 'p_1', 'v1')]);
    refuseAll(store);
    takeAll(store);
    store.outbox.redrive({}, TEN);
    expect(store.outbox.waitingOf('p_1')).toBe(1);
    store.store([], ['p_1']);
    expect(takeAll(store).map(({ type }) => type)).not.toContain('aisle.visit.started.v1');
    expect(store.outbox.redrive({}, TEN)).toMatchObject({ redriven: 0 });
  });

  it('refused once more is a dead letter once more', () => {
    const store = testStore();
    store.store([press(1)]);
    refuseAll(store);
    takeAll(store);
    store.outbox.redrive({}, TEN);
    refuseAll(store);
    expect(store.outbox.counts()).toMatchObject({ dead: 1, declared: 1 });
    expect(store.gaps()).toMatchObject([{ from: 1, to: 1, reason: 'dead' }]);
  });

  it('of an uplink that is not configured any more stays where it is', () => {
    const before = testStore(['old']);
    before.store([press(1)]);
    refuseAll(before, 'old');
    const store = testStore(['new'], before.folder);
    expect(store.outbox.redrive({}, TEN)).toEqual({ redriven: 0, gone: 0, unconfigured: 1 });
    expect(store.outbox.counts().dead).toBe(1);
  });

  it('tells whoever brings events that there is something older than what waits', () => {
    const store = testStore();
    let told = 0;
    store.outbox.whenRedriven(() => {
      told += 1;
    });
    store.store([press(1)]);
    refuseAll(store);
    store.outbox.redrive({ ids: ['nothing'] }, TEN);
    expect(told).toBe(0);
    store.outbox.redrive({}, TEN);
    expect(told).toBe(1);
  });
});

describe('what an uplink is owed that is no more', () => {
  it('is given up on demand: declared where nobody else has to have it', () => {
    const before = testStore(['old', 'both']);
    before.store([press(1), press(2)]);
    takeAll(before, 'both');
    before.store([press(3)]);
    const store = testStore(['both'], before.folder);
    expect(store.outbox.counts().owed).toEqual({ old: 3, both: 1 });
    expect(store.outbox.forget('old', TEN)).toBe(3);
    expect(store.gaps()).toMatchObject([{ from: 1, to: 2, count: 2, reason: 'dead' }]);
    expect(store.waiting('both')).toEqual([3, 4]);
    expect(owedByUplink(store.db)).toEqual(new Map([['both', 2]]));
    expect(store.outbox.counts()).toMatchObject({ waiting: 2, owed: { both: 2 } });
  });

  it('is not given up while the uplink is configured', () => {
    expect(() => testStore(['up']).outbox.forget('up', TEN)).toThrow(/up is configured/);
  });
});

it('P9: an uplink that takes nothing holds nothing up for another', () => {
  const store = testStore(['dead', 'well']);
  store.store([press(1), press(2), press(3)]);
  store.outbox.take('dead', ALL, 100);
  expect(takeAll(store, 'well')).toHaveLength(3);
  expect(store.outbox.counts()).toMatchObject({ owed: { dead: 3 }, taken: { well: 3 }, waiting: 3 });
});
