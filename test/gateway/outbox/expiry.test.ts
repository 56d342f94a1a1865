import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { ALL, personal, press, said, TEN, type TestStore, testStore } from './event-store.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = { businessDays: 30, telemetryDays: 7 };

const climate = (n: number) => ({
  name: 'climate.measured',
  class: 'C' as const,
  time: TEN,
  data: { storeId: 's1', deviceId: 't1', zoneId: 'z', temperatureC: n },
});
const consent = (subjectRef: string) => ({
  ...personal('consent.granted', subjectRef, 'v1'),
  class: 'A' as const,
});

/** A box whose wall clock the test sets, and whose monotonic one goes on alone. */
function box(folder: string, wall: number) {
  const clock = { wall, monotonic: 5_000 };
  const clocks = { wall: () => clock.wall, monotonic: () => clock.monotonic };
  const store = testStore(['up'], folder, { ...DAYS, clock: clocks });
  const pass = (ms: number) => {
    clock.wall += ms;
    clock.monotonic += ms;
  };
  return { ...store, clock, pass, look: () => store.outbox.expire(clock.wall) };
}

const gone = ({ gaps }: TestStore) => gaps().map(({ from, to, reason }) => [from, to, reason]);

describe('P6: time to live', () => {
  it('is 30 days for business, 7 for telemetry, 72 hours for a person, and none for consent', () => {
    const store = testStore(['up'], undefined, DAYS);
    store.store([press(1), climate(1), personal('visit.started', 'p_1', 'v1'), consent('p_1'), press(2)]);
    const look = (ms: number) => {
      store.outbox.expire(TEN + ms);
      return gone(store);
    };
    expect(look(72 * HOUR - 1)).toEqual([]);
    expect(look(72 * HOUR)).toEqual([[3, 3, 'expired']]);
    expect(look(7 * DAY)).toEqual([
      [3, 3, 'expired'],
      [2, 2, 'expired'],
    ]);
    expect(look(30 * DAY - 1)).toHaveLength(2);
    expect(look(30 * DAY).at(-1)).toEqual([1, 5, 'expired']);
    expect(store.waiting()).toEqual([4, 6, 7, 8]);
    expect(look(1_000 * DAY)).toHaveLength(3);
  });

  it('takes a thousand at a time, and says that there is more', () => {
    const store = testStore(['up'], undefined, DAYS);
    store.store(Array.from({ length: 2_500 }, (_, n) => press(n)));
    const looks = [1, 2, 3].map(() => store.outbox.expire(TEN + 31 * DAY));
    expect(looks).toEqual([true, true, false]);
    expect(gone(store)).toEqual([
      [1, 1_000, 'expired'],
      [1_001, 2_000, 'expired'],
      [2_001, 2_500, 'expired'],
    ]);
  });

  it('goes on where the disk refused half-way', () => {
    const store = testStore(['up'], undefined, DAYS);
    store.store([press(1), press(2)]);
    store.db.pragma('query_only = ON');
    expect(() => store.outbox.expire(TEN + 31 * DAY)).toThrow(/readonly/);
    store.db.pragma('query_only = OFF');
    store.outbox.expire(TEN + 31 * DAY);
    expect(gone(store)).toEqual([[1, 2, 'expired']]);
  });

  it('lets what is on its way arrive', () => {
    const store = testStore(['up'], undefined, DAYS);
    store.store([press(1), press(2)]);
    const events = store.outbox.take('up', ALL, 1);
    store.outbox.expire(TEN + 31 * DAY);
    expect(gone(store)).toEqual([]);
    store.outbox.settle('up', events, said(events), TEN);
    store.outbox.expire(TEN + 31 * DAY);
    expect(gone(store)).toEqual([[2, 2, 'expired']]);
  });
});

describe('P13, F16: time to live is not fooled by the wall clock', () => {
  const events = () => [press(1), climate(1), personal('visit.started', 'p_1', 'v1')];

  it('of a box that starts in 1970 and is set right later, nor by its next start', () => {
    const folder = temporaryFolder();
    const first = box(folder, 0);
    first.store(events());
    first.pass(HOUR);
    first.clock.wall = TEN;
    first.look();
    first.store([press(2)]);
    expect(gone(first)).toEqual([]);
    const second = box(folder, TEN + HOUR);
    second.look();
    expect(gone(second)).toEqual([]);
    second.pass(70 * HOUR);
    second.look();
    expect(gone(second)).toEqual([[3, 3, 'expired']]);
  });

  it('of a box that ran in 1970 and was switched off before anybody set its clock', () => {
    const folder = temporaryFolder();
    const first = box(folder, 0);
    first.store(events());
    first.pass(HOUR);
    first.store([]);
    const second = box(folder, TEN);
    second.look();
    expect(gone(second)).toEqual([]);
    second.pass(71 * HOUR);
    second.look();
    expect(gone(second)).toEqual([[3, 3, 'expired']]);
  });

  it('of a box that stood still and woke in 1970: it may be older than it seems, never younger', () => {
    const folder = temporaryFolder();
    const first = box(folder, TEN);
    first.store(events());
    first.pass(10 * HOUR);
    first.store([]);
    const second = box(folder, 0);
    second.look();
    expect(gone(second)).toEqual([]);
    second.pass(62 * HOUR);
    second.look();
    expect(gone(second)).toEqual([[3, 3, 'expired']]);
  });

  it('that jumps a day forward, or ten years', () => {
    const store = box(temporaryFolder(), TEN);
    store.store(events());
    store.clock.wall += 3_650 * DAY;
    store.look();
    expect(gone(store)).toEqual([]);
    store.pass(72 * HOUR);
    store.look();
    expect(gone(store)).toEqual([[3, 3, 'expired']]);
  });

  it('that goes back a day: 72 hours are 72 hours', () => {
    const store = box(temporaryFolder(), TEN);
    store.store(events());
    store.clock.wall -= DAY;
    store.pass(72 * HOUR);
    store.look();
    expect(gone(store)).toEqual([[3, 3, 'expired']]);
  });

  it('and the time for which it was off counts', () => {
    const folder = temporaryFolder();
    const first = box(folder, TEN);
    first.store(events());
    const second = box(folder, TEN + 8 * DAY);
    second.look();
    expect(gone(second)).toEqual([
      [3, 3, 'expired'],
      [2, 2, 'expired'],
    ]);
  });

  it('tells since when the oldest waits, by the clock of now', () => {
    const store = box(temporaryFolder(), 0);
    store.store(events());
    store.pass(HOUR);
    store.clock.wall = TEN;
    store.store([press(2)]);
    expect(store.outbox.counts().oldestAt).toBe(TEN - HOUR);
  });
});
