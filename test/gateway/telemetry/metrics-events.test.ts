import { expect, it } from 'vitest';
import type { Db } from '../../../gateway/database.ts';
import {
  CLASSES,
  classOf,
  droppedAs,
  ERASURES,
  GAP_REASONS,
  storedAs,
} from '../../../gateway/outbox/event-counts.ts';
import type { Outbox } from '../../../gateway/outbox/outbox.ts';
import type { StoreEvent } from '../../../gateway/pipeline/outcome.ts';
import { ALL, erasureOf, personal, press, said, TEN, testStore } from '../outbox/event-store.ts';

const climate: StoreEvent = { name: 'climate.measured', class: 'C', time: TEN, data: { storeId: 's1' } };
const stored = ({ counted }: Outbox) => CLASSES.map((kind) => counted(storedAs(kind)));
const dropped = ({ counted }: Outbox) =>
  GAP_REASONS.flatMap((reason) =>
    CLASSES.flatMap((kind) => {
      const n = counted(droppedAs(reason, kind));
      return n > 0 ? [`${n} ${kind} ${reason}`] : [];
    }),
  );

it('events are counted by class as they are stored, and as many as sequences are given', () => {
  const { store, outbox } = testStore();
  store([press(1), press(2), climate]);
  expect(stored(outbox)).toEqual([0, 2, 1]);
  expect(outbox.counts().stored).toBe(3);
});

it('what is rolled back was never counted, what a restart finds was', () => {
  const { store, outbox, db, folder } = testStore();
  store([press(1)]);
  expect(() => undone(db, outbox)).toThrow('undone');
  expect(stored(outbox)).toEqual([0, 1, 0]);
  expect(stored(testStore(['up'], folder).outbox)).toEqual([0, 1, 0]);
});

function undone(db: Db, outbox: Outbox): void {
  db.transaction(() => {
    outbox.store([{ events: [press(2), climate], purge: [] }], TEN);
    throw new Error('undone');
  })();
}

it('P5: what leaves undelivered is counted by class and reason, and its gaps among the stored', () => {
  const { store, outbox } = testStore();
  store([personal('visit.started', 'p1', 'v1'), press(1), climate]);
  store([], [erasureOf('p1')]);
  expect(dropped(outbox)).toEqual(['1 B erased']);
  // The gap, and the certificate.
  expect(stored(outbox)).toEqual([2, 2, 1]);
  expect(outbox.counted(ERASURES)).toBe(1);
  const taken = outbox.take('up', ALL, 10);
  const refused = taken.filter(({ name }) => name === 'climate.measured');
  const rest = taken.filter((event) => !refused.includes(event));
  outbox.settle('up', taken, said(rest, refused), TEN);
  expect(dropped(outbox)).toEqual(['1 B erased', '1 C dead']);
  expect(outbox.counts().declared).toBe(2);
  expect(stored(outbox).reduce((sum, n) => sum + n)).toBe(outbox.counts().stored);
});

it('P6: what waited too long is counted by its class', () => {
  const { store, outbox } = testStore(['up'], undefined, { businessDays: 1, telemetryDays: 1 });
  store([press(1), press(2), climate, personal('visit.started', 'p1', 'v1')]);
  outbox.expire(TEN + 80 * 3_600_000);
  expect(dropped(outbox)).toEqual(['3 B expired', '1 C expired']);
});

it('an event of a type that is not known is counted as A: a figure never says less than it is', () => {
  expect(classOf('visit.started')).toBe('B');
  expect(classOf('of.another.version')).toBe('A');
});
