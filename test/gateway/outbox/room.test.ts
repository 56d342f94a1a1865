import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../gateway/database.ts';
import { MIB, mostDead, quotaOn } from '../../../gateway/outbox/quota.ts';
import { levelOf, openRoom, type RoomState } from '../../../gateway/outbox/room.ts';
import { judge, type LedgerEvent } from '../../support/ledger.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { ALL, press, said, TEN, type TestStore, testStore } from './event-store.ts';

const climate = (n: number, text = '') => ({
  name: 'climate.measured',
  class: 'C' as const,
  time: TEN,
  causationId: `t1/boot/${n}`,
  data: { storeId: 's1', deviceId: 't1', zoneId: 'z', temperatureC: 20, text },
});
const large = (n: number) => ({ ...press(n), data: { text: 'x'.repeat(3_000) } });
const consent = (n: number) => ({ ...large(n), name: 'consent.granted', class: 'A' as const });

const waitingNames = ({ db }: TestStore) =>
  db.prepare<[], string>('SELECT name FROM events ORDER BY position').pluck().all();
const held = ({ db }: TestStore) =>
  db
    .prepare<[], string>('SELECT body FROM events ORDER BY position')
    .pluck()
    .all()
    .map((body) => JSON.parse(body) as LedgerEvent);

/** Stores so many at a time until a level is reached; how many. */
function fillTo(store: TestStore, level: Parameters<NonNullable<TestStore['room']>['is']>[0]): number {
  let n = 0;
  for (; !store.room?.is(level); n += 5) {
    store.store(Array.from({ length: 5 }, (_, i) => large(n + i)));
    store.room?.measure();
  }
  return n;
}

describe('the level', () => {
  it.each([
    [0.69, 'roomy'],
    [0.7, 'warned'],
    [0.85, 'shedding'],
    [0.95, 'reserved'],
    [0.99, 'full'],
    [1.3, 'full'],
  ])('P4: at %d of the quota is %s', (share, level) => {
    expect(levelOf(share)).toBe(level);
  });

  it('is left a little below where it was reached', () => {
    expect([levelOf(0.945, 'reserved'), levelOf(0.939, 'reserved')]).toEqual(['reserved', 'shedding']);
  });

  it('P4: is told when it changes, and is "reserved" at least while the disk is full', () => {
    const told: RoomState[] = [];
    let isDiskFull = false;
    const db = openDatabase(temporaryFolder());
    const room = openRoom(db, { limit: 4 * MIB, isDiskFull: () => isDiskFull, changed: (s) => told.push(s) });
    isDiskFull = true;
    expect([room.state().level, room.is('reserved'), room.is('full')]).toEqual(['reserved', true, false]);
    room.measure();
    isDiskFull = false;
    room.measure();
    db.close();
    expect(told.map(({ level }) => level)).toEqual(['reserved', 'roomy']);
  });
});

describe('the quota', () => {
  const retention = { personalHours: 72, businessDays: 30, telemetryDays: 7, quotaMiB: 4096, ballastMiB: 64 };

  it('P4: is kept below the size of the disk, beside ballast and journals', () => {
    expect(quotaOn(undefined, retention)).toBe(4096 * MIB);
    expect(quotaOn({ size: 100_000 * MIB, free: 10 }, retention)).toBe(4096 * MIB);
    expect(quotaOn({ size: 2048 * MIB, free: 2048 * MIB }, retention)).toBe((2048 - 64 - 32) * MIB);
    expect(quotaOn({ size: 16 * MIB, free: 0 }, { ...retention, ballastMiB: 2 })).toBe(10 * MIB);
  });

  it('P4: the file does not grow beyond it, what is settled makes room again, without a restart', () => {
    const store = testStore(['up'], undefined, { quota: 4 * MIB });
    const many = Array.from({ length: 1_200 }, (_, n) => large(n));
    expect(() => store.store(many)).toThrow(/full/);
    expect(store.outbox.counts()).toMatchObject({ stored: 0, waiting: 0 });
    fillTo(store, 'full');
    const events = store.outbox.take('up', ALL, 10_000);
    store.outbox.settle('up', events, said(events), TEN);
    store.room?.measure();
    expect(store.outbox.counts()).toMatchObject({ level: 'roomy', owed: {}, limit: 4 * MIB });
    expect(store.db.pragma('page_count', { simple: true })).toBeLessThanOrEqual((4 * MIB) / 4096);
  });

  it('P4: of a full outbox dead letters can still be set aside', () => {
    const store = testStore(['up'], undefined, { quota: 4 * MIB });
    fillTo(store, 'full');
    const events = store.outbox.take('up', ALL, 20);
    store.outbox.settle('up', events, said([], events), TEN);
    expect(store.outbox.counts()).toMatchObject({ declared: 20 });
    expect(store.outbox.counts().dead).toBeGreaterThan(0);
  });

  it('P10: made smaller than what is held, it takes nothing away', () => {
    const before = testStore(['up'], undefined, { quota: 4 * MIB });
    const n = fillTo(before, 'warned');
    const store = testStore(['up'], before.folder, { quota: MIB });
    store.store([]);
    expect(store.room?.state().level).toBe('full');
    expect(store.waiting()).toHaveLength(n);
    const events = store.outbox.take('up', ALL, 10_000);
    expect(events).toHaveLength(n);
  });
});

describe('shedding', () => {
  it('P4, P5: at 85 % the oldest telemetry goes, with one gap, and business and consent stay', () => {
    const store = testStore(['up'], undefined, { quota: 4 * MIB });
    store.store(Array.from({ length: 300 }, (_, n) => climate(n)));
    store.store([consent(1)]);
    fillTo(store, 'shedding');
    store.store([large(10_000)]);
    const names = waitingNames(store);
    expect(names.filter((name) => name === 'climate.measured')).toEqual([]);
    expect(names).toContain('consent.granted');
    expect(store.gaps()).toEqual([
      { storeId: 's1', epoch: expect.anything(), from: 1, to: 300, count: 300, reason: 'shed' },
    ]);
    expect(judge({ acknowledged: [], committed: [], waiting: held(store) })).toEqual([]);
  });

  it('P5: lets what is on its way arrive, for whichever uplink', () => {
    const store = testStore(['a', 'b'], undefined, { quota: 4 * MIB });
    store.store(Array.from({ length: 300 }, (_, n) => climate(n)));
    const onTheWay = store.outbox.take('b', ALL, 120);
    fillTo(store, 'shedding');
    store.store([large(10_000)]);
    expect(store.gaps()).toMatchObject([{ from: 121, to: 300, count: 180, reason: 'shed' }]);
    store.outbox.settle('b', onTheWay, said(onTheWay), TEN);
    expect(store.waiting('a').slice(0, 120)).toEqual(onTheWay.map(({ position }) => position));
  });

  it('does not make a gap for each of the few that are left', () => {
    const store = testStore(['up'], undefined, { quota: 4 * MIB });
    fillTo(store, 'shedding');
    for (let n = 0; n < 99; n += 1) store.store([climate(n)]);
    expect(store.gaps()).toEqual([]);
    store.store([climate(99), climate(100)]);
    expect(store.gaps()).toHaveLength(1);
  });
});

describe('dead letters', () => {
  it('P9: have an end inside the quota: the oldest go', () => {
    const store = testStore(['up'], undefined, { quota: MIB });
    const most = mostDead(MIB);
    store.store(Array.from({ length: most + 10 }, (_, n) => press(n)));
    for (let n = 0; n < most + 10; n += 1) {
      const events = store.outbox.take('up', { from: 0, below: most + 11 }, 1);
      store.outbox.settle('up', events, said([], events), TEN + n);
    }
    const positions = store.db.prepare<[], number>('SELECT position FROM dead ORDER BY at').pluck().all();
    expect(positions.length).toBeLessThanOrEqual(most);
    expect(positions.at(-1)).toBe(most + 10);
    expect(store.outbox.counts()).toMatchObject({ dead: positions.length, declared: most + 10 });
  });

  it('P5: of which a gap never goes: nothing else declares what it declares', () => {
    const store = testStore(['up'], undefined, { quota: MIB });
    const most = mostDead(MIB);
    store.store([press(1)]);
    const refuseNext = (n: number) => {
      const events = store.outbox.take('up', { from: 0, below: Number.MAX_SAFE_INTEGER }, 1);
      store.outbox.settle('up', events, said([], events), TEN + n);
      return events[0]?.name;
    };
    expect([refuseNext(0), refuseNext(1)]).toEqual(['button.pressed', 'gateway.gap']);
    store.store(Array.from({ length: most + 10 }, (_, n) => press(n + 2)));
    for (let n = 0; n < most + 10; n += 1) refuseNext(n + 2);
    const oldest = store.db.prepare('SELECT body FROM dead ORDER BY at LIMIT 1').pluck().get() as string;
    expect(JSON.parse(oldest)).toMatchObject({ type: 'aisle.gateway.gap.v1', data: { from: 1, to: 1 } });
  });
});
