import { onTestFinished } from 'vitest';
import { auditHead } from '../../../gateway/audit.ts';
import { type Db, openDatabase } from '../../../gateway/database.ts';
import { type AgeParts, openAge } from '../../../gateway/outbox/age.ts';
import { ensureEpoch } from '../../../gateway/outbox/epochs.ts';
import {
  createOutbox,
  type Outbox,
  type OutboxParts,
  type WaitingEvent,
} from '../../../gateway/outbox/outbox.ts';
import { openRoom, type Room } from '../../../gateway/outbox/room.ts';
import {
  type Erasure,
  emptyOutcome,
  type Outcome,
  type StoreEvent,
} from '../../../gateway/pipeline/outcome.ts';
import { sealedEvents } from '../../../gateway/sealed-events.ts';
import { signingKey } from '../../../gateway/signing-key.ts';
import { subjectKeys } from '../../../gateway/subject-keys.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

export const EPOCH = 'e0e0e0e0';
/** 2026-03-01T10:00:00Z, ms. */
export const TEN = Date.UTC(2026, 2, 1, 10);

/** Stands in for every key of a box. */
export const KEY = Buffer.alloc(32, 7);

export interface TestStore {
  folder: string;
  db: Db;
  outbox: Outbox;
  /** Where it has a quota. */
  room?: Room;
  /** Stores events in a transaction of their own, as a commit does. */
  store(events: StoreEvent[], purge?: (string | Erasure)[]): void;
  /** Positions owed to an uplink that are not on their way, without marking them. */
  waiting(uplink?: string): number[];
  /** What is left to be delivered: `data` of each `gateway.gap`, in order. */
  gaps(): Record<string, unknown>[];
}

/** A database file with an outbox on it, as the gateway opens them. */
export function testStore(
  uplinks: readonly string[] = ['up'],
  folder = temporaryFolder(),
  { quota, clock, ...more }: Partial<OutboxParts> & { quota?: number; clock?: AgeParts } = {},
): TestStore {
  const db = openDatabase(folder);
  const room = quota === undefined ? undefined : openRoom(db, { limit: quota });
  onTestFinished(() => void db.close());
  ensureEpoch(db, () => EPOCH);
  const keys = subjectKeys(db, KEY);
  const outbox = createOutbox(db, {
    source: 'urn:aisle:store:s1:gateway:g1',
    storeId: 's1',
    uplinks,
    gateway: 'g1',
    sealed: sealedEvents(keys, KEY),
    subjectKeys: keys,
    signingKey: signingKey(KEY),
    auditHead: () => auditHead(db),
    personalHours: 72,
    room,
    ...(clock && { age: openAge(db, clock) }),
    ...more,
  });
  return {
    folder,
    db,
    outbox,
    ...(room && { room }),
    store(events, purge = []) {
      const erasures = purge.map((one) => (typeof one === 'string' ? erasureOf(one) : one));
      db.transaction(() => outbox.store([{ events, purge: erasures }], TEN))();
    },
    waiting: (uplink = 'up') =>
      db
        .prepare<[string], { position: number }>(
          'SELECT position FROM pending WHERE uplink = ? ORDER BY position',
        )
        .all(uplink)
        .map(({ position }) => position),
    gaps: () =>
      db
        .prepare<[], { body: string }>("SELECT body FROM events WHERE name = 'gateway.gap' ORDER BY position")
        .all()
        .map(({ body }) => JSON.parse(body).data),
  };
}

/** Of somebody of whom nothing but events is known. */
export const erasureOf = (subjectRef: string): Erasure => ({ subjectRef, recordIds: [], keys: 0, caches: 0 });

export const ALL = { from: 0, below: Number.MAX_SAFE_INTEGER };

export const press = (n: number): StoreEvent => ({
  name: 'button.pressed',
  class: 'B',
  time: TEN,
  causationId: `b1/boot/${n}`,
  data: { storeId: 's1', deviceId: 'b1', zoneId: 'z', button: 1, press: 'press' },
});

export const personal = (name: string, subjectRef: string, visitId: string, time = TEN): StoreEvent => ({
  name,
  class: 'B',
  time,
  subjectRef,
  visitId,
  purposes: ['recognition'],
  data: { storeId: 's1', visitId, subject: { ref: subjectRef } },
});

export const outcome = (...events: StoreEvent[]): Outcome => ({ ...emptyOutcome(), events });

/** What an uplink said of events: the first of the lists that names one. */
export const said = (accepted: readonly WaitingEvent[], rejected: readonly WaitingEvent[] = []) => ({
  accepted: new Set(accepted.map(({ id }) => id)),
  rejected: new Map(rejected.map(({ id }) => [id, 'no'])),
});
