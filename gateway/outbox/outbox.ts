import type { AuditHead } from '../audit.ts';
import type { BootStamp } from '../cloud-event.ts';
import { type Db, withoutSync } from '../database.ts';
import type { Erasure, StoreEvent } from '../pipeline/outcome.ts';
import type { SealedEvents } from '../sealed-events.ts';
import type { SigningKey } from '../signing-key.ts';
import type { SubjectKeys } from '../subject-keys.ts';
import { type OutboxCounts, outboxCounts } from './counts.ts';
import { readEpochs } from './epochs.ts';
import { onTheWayTo } from './on-the-way.ts';
import { purging } from './purge.ts';
import { type SettleResult, settling } from './settle.ts';
import { type Row, statements } from './sql.ts';
import { outboxWriter } from './writer.ts';

/*
 * The outbox: finished events on disk until every uplink has settled them.
 *
 * - An event's sequence and id are given in the transaction that stores it, contiguous in an epoch
 *   (`epochs.ts`); inside, it is known by its position, which goes on over epochs.
 * - `pending` holds a row for each (uplink, event) that is still owed. Settling is by id (`settle.ts`):
 *   what was added or purged meanwhile is not touched.
 * - Everything that leaves without being delivered is declared by a `gateway.gap` in the transaction
 *   that removes it, so that lost and erased never look alike (`writer.ts`).
 */

export interface WaitingEvent {
  id: string;
  position: number;
  /** The middle of `aisle.<name>.v1`. */
  name: string;
  /** The CloudEvent as JSON. */
  body: string;
}

export interface Outbox {
  /** Inside the storing transaction: of each entry the purges first, then its events. */
  store(batch: readonly Stored[], recordedAt: number): void;
  /**
   * Events owed to the uplink, in order, marked as being on their way until `settle`. What is on its way
   * already is left out. `from` and `below` are positions.
   */
  take(uplink: string, lane: { from: number; below: number }, most: number): WaitingEvent[];
  /** Calls back when events that are on their way are purged: whoever has them is to let go of them. */
  whenRecalled(listener: (positions: ReadonlySet<number>) => void): void;
  /** Throws where the disk refuses: nothing is settled then, and the same can be settled again. */
  settle(uplink: string, taken: readonly WaitingEvent[], result: SettleResult, at: number): void;
  /** Personal events whose time is up go, declared; their dead letters lose their bodies. */
  expire(at: number): void;
  /** The position that the next event will have. */
  next(): number;
  /** Events of one subject that still wait. */
  waitingOf(subjectRef: string): number;
  counts(): OutboxCounts;
}

/** What one signal gives the outbox. */
export interface Stored {
  events: readonly StoreEvent[];
  /** Subjects whose waiting events go. */
  purge: readonly Erasure[];
}

export interface OutboxParts {
  source: string;
  storeId: string;
  gateway: string;
  uplinks: readonly string[];
  sealed: SealedEvents;
  subjectKeys: SubjectKeys;
  /** Signs the certificates of erasures. */
  signingKey: SigningKey;
  /** The audit's head, in the transaction under way. */
  auditHead: () => AuditHead;
  personalHours: number;
  /** What events are stamped with beside their times (P13). */
  boot?: (() => BootStamp) | undefined;
}

/** Events that one `expire` takes out at most; the next goes on. */
const EXPIRED_AT_ONCE = 10_000;

/** The database has an epoch (`ensureEpoch`). @throws where the disk refuses. */
export function createOutbox(db: Db, parts: OutboxParts): Outbox {
  const { uplinks, sealed, subjectKeys } = parts;
  oweOrphans(db, uplinks);
  const sql = statements(db);
  const epochs = readEpochs(db);
  const onTheWay = onTheWayTo(uplinks);
  const writer = outboxWriter(sql, { ...parts, epochs, forget: subjectKeys.begin });
  const purge = purging(sql, writer, onTheWay, parts);
  const settleAll = settling(sql, writer, onTheWay, sealed);

  function write(work: () => void): void {
    writer.begin();
    work();
    writer.end();
  }

  function storeOne({ events, purge: erasures }: Stored, recordedAt: number): void {
    const purged = erasures.map((erasure) => purge(erasure, recordedAt));
    const neverStarted = new Set(purged.flatMap((one) => one.neverStarted));
    const queued = purged.reduce((sum, one) => sum + one.queued, 0);
    for (const event of events) {
      if (event.unlessStartPurged && neverStarted.has(event.visitId ?? '')) continue;
      writer.append(event.countsQueued ? withQueued(event, queued) : event, recordedAt);
    }
  }

  function take(uplink: string, lane: { from: number; below: number }, most: number): WaitingEvent[] {
    const positions = onTheWay.of(uplink) ?? new Set<number>();
    const rows = sql.take
      .all(uplink, lane.from, lane.below, most + positions.size)
      .filter(({ position, body }) => body !== '' && !positions.has(position))
      .slice(0, most);
    return rows.flatMap((row) => {
      const body = sealed.open(row);
      if (body === undefined) return [];
      const { position, name } = row;
      positions.add(position);
      return [{ position, name, id: epochs.idAt(position), body }];
    });
  }

  /**
   * Lost with the power, a settlement that only takes away is made again: the events are sent again, and
   * known by their ids. One that gives a position is waited for, or it would be given a second time.
   */
  function givesNoPosition(taken: readonly WaitingEvent[], { accepted }: SettleResult): boolean {
    return sql.anyWiped.get() === undefined && taken.every(({ id }) => accepted.has(id));
  }

  function expire(at: number): void {
    const due = sql.expired.all(at, EXPIRED_AT_ONCE).filter(({ position }) => !onTheWay.has(position));
    writer.removeAndDeclare(due, 'expired', at);
    sql.expireDead.run(at);
    subjectKeys.tidy();
  }

  const inTransaction = db.transaction(write);
  return {
    store: (batch, recordedAt) =>
      write(() => {
        for (const one of batch) storeOne(one, recordedAt);
      }),
    take,
    whenRecalled: onTheWay.whenRecalled,
    settle(uplink, taken, result, at) {
      const work = () => inTransaction(() => settleAll(uplink, taken, result, at));
      if (givesNoPosition(taken, result)) withoutSync(db, work);
      else work();
      const positions = onTheWay.of(uplink);
      for (const { position } of taken) positions?.delete(position);
    },
    expire: (at) => inTransaction(() => expire(at)),
    next: writer.next,
    waitingOf: (subjectRef) => sql.ofSubject.all(sealed.tagOf(subjectRef)).length,
    counts: () => outboxCounts(db),
  };
}

/** Declares what a crash left wiped but unsettled: whether it arrived is not known. */
export function declareWiped(db: Db, outbox: Outbox, at: number): void {
  const rows = db
    .prepare<[], Row & { uplink: string; body: string }>(
      "SELECT uplink, position, name, body FROM events JOIN pending USING (position) WHERE body = '' ORDER BY position",
    )
    .all();
  const nothing = { accepted: new Set<string>(), rejected: new Map<string, string>() };
  for (const uplink of new Set(rows.map((row) => row.uplink))) {
    const events = rows.filter((row) => row.uplink === uplink).map((row) => ({ ...row, id: '' }));
    outbox.settle(uplink, events, nothing, at);
  }
}

function withQueued(event: StoreEvent, queued: number): StoreEvent {
  const purge = event.data.purge as Record<string, unknown>;
  return { ...event, data: { ...event.data, purge: { ...purge, queued } } };
}

/** What was stored while no uplink was configured is owed to those of now. */
function oweOrphans(db: Db, uplinks: readonly string[]): void {
  const orphans = db
    .prepare<[], { position: number }>(
      'SELECT position FROM events WHERE NOT EXISTS (SELECT 1 FROM pending WHERE pending.position = events.position)',
    )
    .all();
  const owe = db.prepare('INSERT INTO pending VALUES (?, ?)');
  db.transaction(() => {
    for (const { position } of orphans) for (const uplink of uplinks) owe.run(uplink, position);
  })();
}
