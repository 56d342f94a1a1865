import { expect, it, onTestFinished } from 'vitest';
import { startForward } from '../../../gateway/forward.ts';
import type { StoreEvent } from '../../../gateway/pipeline/outcome.ts';
import { judge, type LedgerEvent } from '../../support/ledger.ts';
import { until } from '../../support/until.ts';
import { personal, press, TEN, type TestStore, testStore } from '../outbox/event-store.ts';
import { type SuiteReceiver, segmentStore, unomiStore } from './receivers.ts';

const consent = { recordId: 'r-1', version: 2, noticeVersion: '3', purposes: ['recognition'] };

/** Somebody's, with the consent that it rests on. */
function of(ref: string, n: number, name = 'visit.started'): StoreEvent {
  const event = personal(name, ref, `visit-${ref}`);
  return { ...event, causationId: `app/${ref}/${n}`, data: { ...event.data, n, consent } };
}

const causesOf = (events: readonly StoreEvent[]) => events.flatMap(({ causationId }) => causationId ?? []);

/** Brings what is stored to the receiver, as the gateway does. */
function forwarding(store: TestStore, receiver: SuiteReceiver) {
  const parts = { outbox: store.outbox, now: () => TEN, random: () => 0, changed: () => {} };
  const forward = startForward({ ...parts, name: 'up', uplink: receiver.uplink() });
  onTestFinished(() => forward.close());
  return {
    forward,
    commit(...events: StoreEvent[]) {
      store.store(events);
      forward.wake(store.outbox.next() - 1);
    },
  };
}

it('P2, F12, F13: Segment has each event once in effect, whatever becomes of answers', async () => {
  let requests = 0;
  const receiver = await segmentStore(({ response }) => {
    requests += 1;
    if (requests % 3 === 1) response.writeHead(503).end();
    return requests % 3 === 1;
  });
  const store = testStore();
  const backlog = Array.from({ length: 250 }, (_, i) => (i % 5 === 0 ? of(`crm-${i % 7}`, i) : press(i)));
  store.store(backlog);
  receiver.line.set('lose answers');
  const { commit } = forwarding(store, receiver);
  await until(() => receiver.calls().length > 0, 'some of them there, and no answer here');
  receiver.line.cut();
  receiver.line.set('pass');
  const live = Array.from({ length: 50 }, (_, i) => press(1_000 + i));
  for (const event of live) commit(event);
  await until(() => store.waiting().length === 0, 'all of them settled', 30_000);
  const committed = receiver
    .calls()
    .filter(({ type }) => type === 'track')
    .map(({ context }) => context.aisle as unknown as LedgerEvent);
  expect(judge({ acknowledged: causesOf([...backlog, ...live]), committed })).toEqual([]);
  expect(committed).toHaveLength(300);
});

it('P9, P14: Unomi has everybody’s but what it fails on, and who is erased goes with it', async () => {
  const receiver = await unomiStore(({ body, response }) => {
    const [sent] = body.events as { properties: { n: number } }[];
    if (sent?.properties.n !== 13) return false;
    response.writeHead(500).end();
    return true;
  });
  const store = testStore();
  const theirs = Array.from({ length: 40 }, (_, i) => of(`crm-${i % 4}`, i));
  const shops = Array.from({ length: 20 }, (_, i) => press(i));
  store.store([...theirs, ...shops]);
  const { forward } = forwarding(store, receiver);
  await until(() => store.waiting().length === 1, 'all but the one that it fails on', 30_000);
  expect(receiver.has()).toHaveLength(39);
  // What is of nobody is settled, and not counted as taken.
  expect(store.outbox.counts().taken).toEqual({ up: 39 });
  expect([...receiver.profiles].sort()).toEqual(['crm-0', 'crm-1', 'crm-2', 'crm-3']);

  // 13 was of crm-1: erased there, and here with what still waits; nothing brings them back.
  store.store([], ['crm-1']);
  receiver.profiles.delete('crm-1');
  forward.wake(store.outbox.next() - 1);
  await until(() => store.waiting().length === 0, 'nothing of theirs waits', 30_000);
  store.store([of('crm-2', 99)]);
  forward.wake(store.outbox.next() - 1);
  await until(() => receiver.has().length === 40, 'the next of somebody else');
  expect([...receiver.profiles].sort()).toEqual(['crm-0', 'crm-2', 'crm-3']);
  expect(store.outbox.counts()).toMatchObject({ declared: 1, dead: 0 });
});
