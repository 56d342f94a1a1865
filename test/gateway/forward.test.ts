import { describe, expect, it, onTestFinished } from 'vitest';
import { type Forward, type ForwardState, startForward } from '../../gateway/forward.ts';
import type { StoreEvent } from '../../gateway/pipeline/outcome.ts';
import { type Delivery, type OutgoingEvent, RetryAfter, withDeadline } from '../../gateway/uplinks/uplink.ts';
import { until } from '../support/until.ts';
import { personal, press, TEN, type TestStore, testStore } from './outbox/event-store.ts';

/** One batch that is on its way, answered by the test. */
interface Sent {
  /** Sequences, in the order in which they were sent. */
  sequences: number[];
  events: readonly OutgoingEvent[];
  signal: AbortSignal;
  accept(...but: number[]): void;
  answer(delivery: Delivery): void;
  fail(error: Error): void;
}

interface TestForward extends TestStore {
  forward: Forward;
  /** Every batch, the oldest first. */
  sent: Sent[];
  /** The batch with this number, from 1, once it is there. */
  nth(n: number): Promise<Sent>;
  told: ForwardState[];
  /** Stores events and wakes the forwarder, as a commit does. */
  commit(...events: StoreEvent[]): void;
  closed: () => boolean;
}

/** A forwarder with a plain value for an uplink; its waits are as short as they can be. */
function testForward(before: StoreEvent[] = [], name = 'up', store = testStore()): TestForward {
  if (before.length > 0) store.store(before);
  const sent: Sent[] = [];
  const told: ForwardState[] = [];
  let isClosed = false;
  const forward = startForward({
    name,
    uplink: {
      send: (events, outer) =>
        withDeadline(outer, 60_000, (signal) => {
          const sequences = events.map(({ id }) => Number(id.split('-')[1]));
          return new Promise((resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')));
            const accept = (...but: number[]) => {
              const accepted = events.map(({ id }) => id).filter((_, i) => !but.includes(sequences[i] ?? 0));
              resolve({ accepted, rejected: [] });
            };
            sent.push({ sequences, events, signal, accept, answer: resolve, fail: reject });
          });
        }),
      async close() {
        isClosed = true;
      },
    },
    outbox: store.outbox,
    now: () => TEN,
    random: () => 0,
    changed: (state) => told.push(state),
  });
  onTestFinished(() => forward.close());
  return {
    ...store,
    forward,
    sent,
    told,
    closed: () => isClosed,
    async nth(n) {
      await until(() => sent.length >= n, `batch ${n}`);
      return sent[n - 1] as Sent;
    },
    commit(...events) {
      store.store(events);
      forward.wake(store.outbox.next() - 1);
    },
  };
}

const presses = (count: number) => Array.from({ length: count }, (_, i) => press(i));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
/** By now a batch that was to go would have gone. */
const later = () => new Promise((resolve) => setTimeout(resolve, 100));

describe('order', () => {
  it('is kept in batches of 100', async () => {
    const { nth, waiting } = testForward(presses(250));
    for (const [n, from, to] of [
      [1, 1, 100],
      [2, 101, 200],
      [3, 201, 250],
    ] as const) {
      const batch = await nth(n);
      expect(batch.sequences).toEqual(range(from, to));
      batch.accept();
    }
    await until(() => waiting().length === 0, 'the end');
  });

  it('P3: holds over failures: the same events come again, the oldest first', async () => {
    const { nth, commit } = testForward(presses(2));
    (await nth(1)).fail(new Error('away'));
    commit(press(3));
    const second = await nth(2);
    expect(second.sequences).toEqual([1, 2, 3]);
    second.accept(2);
    expect((await nth(3)).sequences).toEqual([2]);
  });
});

describe('two lanes', () => {
  it('let what happens now go before the backlog is through', async () => {
    const { nth, commit } = testForward(presses(300));
    (await nth(1)).accept();
    expect((await nth(2)).sequences).toEqual(range(101, 200));
    commit(press(301));
    const live = await nth(3);
    expect(live.sequences).toEqual([301]);
    live.accept();
    (await nth(2)).accept();
    expect((await nth(4)).sequences).toEqual(range(201, 300));
  });

  it('P3: leave each other their events: the backlog does not take what is live', async () => {
    const { nth, commit, sent } = testForward(presses(150));
    (await nth(1)).accept();
    const backlog = await nth(2);
    commit(press(151));
    const live = await nth(3);
    commit(press(152));
    backlog.accept();
    await later();
    expect(sent).toHaveLength(3);
    live.accept();
    expect((await nth(4)).sequences).toEqual([152]);
  });

  it('keep everything in order after an outage: what failed live is the first of the backlog', async () => {
    const { nth, commit, forward, told } = testForward(presses(1));
    (await nth(1)).accept();
    await until(() => forward.state().connected, 'the connection');
    commit(press(2), press(3));
    const live = await nth(2);
    expect(live.sequences).toEqual([2, 3]);
    commit(press(4));
    live.fail(new Error('away'));
    const again = await nth(3);
    expect(again.sequences).toEqual([2, 3, 4]);
    expect(forward.state()).toMatchObject({ connected: false, error: 'away' });
    again.accept();
    await until(() => forward.state().connected, 'the connection');
    commit(press(5));
    expect((await nth(4)).sequences).toEqual([5]);
    expect(told.map(({ connected, error }) => [connected, error])).toEqual([
      [true, undefined],
      [false, 'away'],
      [true, undefined],
    ]);
  });

  it('send live events although the backlog is refused', async () => {
    const { nth, commit, forward } = testForward(presses(150));
    (await nth(1)).accept();
    const backlog = await nth(2);
    commit(press(151));
    const live = await nth(3);
    backlog.fail(new Error('HTTP 500'));
    live.accept();
    await until(() => forward.state().connected, 'the live lane');
    commit(press(152));
    await until(() => forward.state().lastSuccess !== undefined, 'a success');
    const next = await nth(5);
    const lanes = [(await nth(4)).sequences, next.sequences];
    expect(lanes).toContainEqual([152]);
    expect(lanes).toContainEqual(range(101, 150));
  });

  it('leave to the backlog what the live lane has fallen behind with, in order', async () => {
    const { nth, commit, forward } = testForward(presses(1));
    (await nth(1)).accept();
    await until(() => forward.state().connected, 'the connection');
    commit(press(2));
    const live = await nth(2);
    commit(...presses(2_100));
    await later();
    // Nothing of the backlog before the live batch is settled: it might have to go first.
    expect((await nth(2)).sequences).toEqual([2]);
    live.fail(new Error('away'));
    expect((await nth(3)).sequences).toEqual(range(2, 101));
  });

  it('go on with live events when the backlog takes over what was left', async () => {
    const { nth, commit, forward } = testForward(presses(1));
    (await nth(1)).accept();
    await until(() => forward.state().connected, 'the connection');
    commit(press(2));
    const live = await nth(2);
    commit(...presses(2_100));
    live.accept();
    expect((await nth(3)).sequences).toEqual(range(3, 102));
    commit(press(0));
    expect((await nth(4)).sequences).toEqual([2_103]);
  });

  it('do not take the steady flow of many events for falling behind', async () => {
    const { nth, commit } = testForward(presses(101));
    (await nth(1)).accept();
    // The backlog's own batch is not answered: whatever else goes, goes live.
    expect((await nth(2)).sequences).toEqual([101]);
    for (let n = 1; n <= 25; n += 1) {
      commit(...presses(100));
      const batch = await nth(n + 2);
      expect(batch.sequences).toEqual(range(100 * n + 2, 100 * n + 101));
      batch.accept();
    }
  });
});

describe('a refusal', () => {
  it('that asks for rest is given it, by both lanes', async () => {
    const { nth, commit, sent, forward } = testForward(presses(150));
    (await nth(1)).accept();
    const backlog = await nth(2);
    backlog.fail(new RetryAfter('HTTP 429', 400));
    const failedAt = performance.now();
    await until(() => forward.state().error !== undefined, 'the failure');
    commit(press(151));
    await nth(3);
    expect(performance.now() - failedAt).toBeGreaterThan(390);
    expect(sent).toHaveLength(3);
  });

  it('is tried again, whatever comes, until it is taken', async () => {
    const { nth, waiting } = testForward(presses(1));
    for (let n = 1; n <= 5; n += 1) (await nth(n)).fail(new Error('HTTP 503'));
    (await nth(6)).accept();
    await until(() => waiting().length === 0, 'the end');
  });

  it('without a word is one too: an answer that takes nothing is not progress', async () => {
    const { nth, forward } = testForward(presses(1));
    (await nth(1)).answer({ accepted: ['another id'], rejected: [] });
    await until(() => forward.state().error !== undefined, 'the failure');
    expect(forward.state().error).toBe('nothing of the batch was taken');
    (await nth(2)).accept();
  });

  it('of one event sets it aside, and its gap goes out without waiting for anything else', async () => {
    const { nth, waiting, outbox } = testForward(presses(3));
    const batch = await nth(1);
    const [first, second, third] = batch.events.map(({ id }) => id);
    batch.answer({
      accepted: [first, third].flatMap((id) => id ?? []),
      rejected: [{ id: second ?? '', reason: 'too heavy' }],
    });
    const gap = await nth(2);
    expect(gap.events.map(({ name }) => name)).toEqual(['gateway.gap']);
    gap.accept();
    await until(() => waiting().length === 0, 'the end');
    expect(outbox.counts()).toMatchObject({ dead: 1, declared: 1 });
  });
});

it('a gap that the backlog leaves goes out at once, by the live lane if it must', async () => {
  const { nth } = testForward(presses(101));
  (await nth(1)).accept();
  const backlog = await nth(2);
  backlog.answer({ accepted: [], rejected: backlog.events.map(({ id }) => ({ id, reason: 'no' })) });
  expect((await nth(3)).events.map(({ name }) => name)).toEqual(['gateway.gap']);
});

describe('two uplinks', () => {
  it('settle each for itself: one that is away holds nobody up', async () => {
    const store = testStore(['a', 'b']);
    const a = testForward(presses(2), 'a', store);
    const b = testForward([], 'b', store);
    (await b.nth(1)).fail(new Error('away'));
    (await a.nth(1)).accept();
    await until(() => a.waiting('a').length === 0, 'the first');
    expect(store.waiting('b')).toEqual([1, 2]);
    expect(store.outbox.counts().waiting).toBe(2);
    (await b.nth(2)).accept();
    await until(() => store.outbox.counts().waiting === 0, 'both');
  });
});

describe('a disk that refuses', () => {
  const fill = ({ db }: TestStore) => db.pragma('query_only = ON');
  const heal = ({ db }: TestStore) => db.pragma('query_only = OFF');

  it('keeps the answer, which is settled when it takes again: nothing is sent twice', async () => {
    const test = testForward(presses(2));
    const batch = await test.nth(1);
    fill(test);
    batch.accept();
    await later();
    expect(test.waiting()).toEqual([1, 2]);
    heal(test);
    await until(() => test.waiting().length === 0, 'the settlement');
    expect(test.sent).toHaveLength(1);
  });

  it('does not hold up the end', async () => {
    const test = testForward(presses(2));
    const batch = await test.nth(1);
    fill(test);
    batch.accept();
    await later();
    await test.forward.close();
    heal(test);
    expect(test.waiting()).toEqual([1, 2]);
  });
});

describe('the end', () => {
  it('cuts a batch that is on its way, which is sent again after the next start', async () => {
    const { nth, forward, closed, folder } = testForward(presses(2));
    const batch = await nth(1);
    await forward.close();
    expect(batch.signal.aborted).toBe(true);
    expect(closed()).toBe(true);
    const next = testForward([], 'up', testStore(['up'], folder));
    expect((await next.nth(1)).sequences).toEqual([1, 2]);
  });

  it('cuts a wait', async () => {
    const { nth, forward } = testForward(presses(1));
    (await nth(1)).fail(new RetryAfter('HTTP 503', 3_600_000));
    await until(() => forward.state().error !== undefined, 'the failure');
    await forward.close();
  });

  it('sends again what the other side took and we do not know of: it knows the id', async () => {
    const first = testForward(presses(2));
    const taken = new Set((await first.nth(1)).events.map(({ id }) => id));
    await first.forward.close();
    const next = testForward([press(3)], 'up', testStore(['up'], first.folder));
    const again = await next.nth(1);
    expect(again.events.map(({ id }) => taken.has(id))).toEqual([true, true, false]);
    again.accept();
    await until(() => next.waiting().length === 0, 'the end');
  });
});

it('sends a purged event no more, and declares it', async () => {
  const { nth, store, commit } = testForward([personal('visit.started', 'p_1', 'v1'), press(1)]);
  (await nth(1)).fail(new Error('away'));
  const second = await nth(2);
  store([], ['p_1']);
  second.fail(new Error('away'));
  commit(press(2));
  const third = await nth(3);
  expect(third.events.map(({ name }) => name).sort()).toEqual([
    'button.pressed',
    'button.pressed',
    'gateway.gap',
    'subject.erased',
  ]);
  expect(third.events.map(({ body }) => body).join()).not.toContain('p_1');
});

it('R6: breaks off a batch with a purged event that is not answered for, and sends the rest again at once', async () => {
  const { nth, store, waiting, told } = testForward([personal('visit.started', 'p_1', 'v1'), press(1)]);
  const first = await nth(1);
  store([], ['p_1']);
  await until(() => first.signal.aborted, 'the recall', 5_000);
  const second = await nth(2);
  expect(second.events.map(({ body }) => body).join()).not.toContain('p_1');
  second.accept();
  await until(() => waiting().length === 0, 'the end');
  expect(told.filter(({ error }) => error !== undefined)).toEqual([]);
});

it('R6: lets a batch that is answered for within a moment be, with a purged event too', async () => {
  const { nth, store, gaps, waiting } = testForward([personal('visit.started', 'p_1', 'v1')]);
  const first = await nth(1);
  store([], ['p_1']);
  first.accept();
  (await nth(2)).accept();
  await until(() => waiting().length === 0, 'the end');
  expect([first.signal.aborted, gaps()]).toEqual([false, []]);
});
