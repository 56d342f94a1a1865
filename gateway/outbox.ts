import type { AuditHead } from './audit.ts';
import { idOf } from './cloud-event.ts';
import { type Db, withoutSync } from './database.ts';
import { erasureEvent } from './erasure.ts';
import { type GapReason, gapsOf } from './gap.ts';
import { type OutboxCounts, outboxCounts } from './outbox-counts.ts';
import { type Row, statements } from './outbox-sql.ts';
import type { Erasure, StoreEvent } from './pipeline/outcome.ts';
import { bitsOf, type SealedEvents } from './sealed-events.ts';
import type { SigningKey } from './signing-key.ts';
import type { SubjectKeys } from './subject-keys.ts';

export { epochOf, type OutboxCounts, outboxCounts } from './outbox-counts.ts';

/*
 * The outbox: finished events on disk until every uplink has settled them.
 *
 * - An event's sequence and id are given in the transaction that stores it, contiguous in an epoch.
 * - `pending` holds a row for each (uplink, event) that is still owed. Settling is by id, never by
 *   position: what was added or purged meanwhile is not touched.
 * - Everything that leaves without being delivered is declared by a `gateway.gap` in the transaction
 *   that removes it, so that lost and erased never look alike.
 * - A purged event that is on its way to an uplink at that moment loses its body at once, and is
 *   declared only if the uplink turns out not to have taken it.
 */

export interface WaitingEvent {
  id: string;
  sequence: number;
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
   * already is left out.
   */
  take(uplink: string, lane: { from: number; below: number }, most: number): WaitingEvent[];
  /** Calls back when events that are on their way are purged: whoever has them is to let go of them. */
  whenRecalled(listener: (sequences: ReadonlySet<number>) => void): void;
  /** Throws where the disk refuses: nothing is settled then, and the same can be settled again. */
  settle(
    uplink: string,
    taken: readonly WaitingEvent[],
    result: { accepted: ReadonlySet<string>; rejected: ReadonlyMap<string, string> },
    at: number,
  ): void;
  /** Personal events whose time is up go, declared; their dead letters lose their bodies. */
  expire(at: number): void;
  /** The sequence that the next event will have. */
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
  epoch: string;
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
}

/** Events that one `expire` takes out at most; the next goes on. */
const EXPIRED_AT_ONCE = 10_000;

/** @throws where the disk refuses. */
export function createOutbox(db: Db, parts: OutboxParts): Outbox {
  oweOrphans(db, parts.uplinks);
  const sql = statements(db);
  /** Sequences on their way, by uplink. */
  const onTheWay = new Map(parts.uplinks.map((uplink) => [uplink, new Set<number>()]));
  const recallListeners: ((sequences: ReadonlySet<number>) => void)[] = [];
  const next = () => Number(sql.last.get()?.value ?? 0) + 1;
  /** Of the transaction under way: the sequence to give next, and what it counts. */
  let upcoming = 0;
  const tally = new Map<string, number>();

  /** Inside a transaction. Both begin from what is on disk, so that a rollback leaves no hole and no count. */
  function write(work: () => void): void {
    const first = next();
    upcoming = first;
    tally.clear();
    parts.subjectKeys.begin();
    work();
    if (upcoming > first) sql.setLast.run(String(upcoming - 1));
    for (const [name, n] of tally) sql.count.run(name, n);
  }

  function count(name: string, n = 1): void {
    if (n > 0) tally.set(name, (tally.get(name) ?? 0) + n);
  }

  function append(event: StoreEvent, recordedAt: number): void {
    const isPersonal = event.subjectRef !== undefined;
    // Contract, Events: `expirytime` on every personal event of class B.
    const expiresAt =
      isPersonal && event.class === 'B' ? event.time + parts.personalHours * 3_600_000 : undefined;
    const { source, epoch } = parts;
    const sequence = upcoming;
    const laid = parts.sealed.lay(event, { source, epoch, sequence, recordedAt, expiresAt });
    const { body, sealed, tag, purposes } = laid;
    const { name, time, visitId = null } = event;
    const expires = expiresAt ?? null;
    sql.insert.run(sequence, name, event.class, time, expires, tag, visitId, body, sealed, purposes);
    for (const uplink of parts.uplinks) sql.owe.run(uplink, sequence);
    upcoming += 1;
  }

  function storeOne({ events, purge }: Stored, recordedAt: number): void {
    const purged = purge.map((erasure) => purgeSubject(erasure, recordedAt));
    const neverStarted = new Set(purged.flatMap((one) => one.neverStarted));
    const queued = purged.reduce((sum, one) => sum + one.queued, 0);
    for (const event of events) {
      if (event.unlessStartPurged && neverStarted.has(event.visitId ?? '')) continue;
      append(event.countsQueued ? withQueued(event, queued) : event, recordedAt);
    }
  }

  /** Of its waiting events, and the visits of whose `visit.started` no uplink ever heard. */
  function purgeSubject(erasure: Erasure, at: number): { queued: number; neverStarted: string[] } {
    const tag = parts.sealed.tagOf(erasure.subjectRef);
    const mask = bitsOf(erasure.only ?? []);
    const rows = sql.ofSubject.all(tag).filter(({ purposes }) => mask === 0 || (purposes & mask) !== 0);
    const gone = rows.filter(({ sequence }) => !isOnTheWay(sequence));
    const neverStarted = gone.flatMap(({ sequence, name, visit }) =>
      name === 'visit.started' && visit !== null && isOwedToAll(sequence) ? [visit] : [],
    );
    const recalled = new Set(rows.flatMap(({ sequence }) => (isOnTheWay(sequence) ? [sequence] : [])));
    for (const sequence of recalled) sql.wipe.run(sequence);
    if (recalled.size > 0) for (const listener of recallListeners) listener(recalled);
    // They were declared when they were set aside.
    sql.eraseDead.run(tag, mask, mask);
    removeAndDeclare(gone, 'erased', at);
    // What is kept under other purposes stays readable; otherwise no copy of these bytes is, anywhere.
    if (!erasure.only) certify(erasure, tag, rows.length, at);
    return { queued: rows.length, neverStarted };
  }

  function certify(erasure: Erasure, tag: Buffer, queued: number, at: number): void {
    const { storeId, gateway, signingKey: key, auditHead } = parts;
    parts.subjectKeys.destroy(tag);
    const { event, certificate } = erasureEvent(erasure, {
      storeId,
      gateway,
      queued,
      key,
      audit: auditHead(),
      at,
    });
    erasure.certificate = certificate;
    append(event, at);
  }

  function isOwedToAll(sequence: number): boolean {
    const owed = new Set(sql.owed.all(sequence).map(({ uplink }) => uplink));
    return parts.uplinks.every((uplink) => owed.has(uplink));
  }

  function removeAndDeclare(rows: readonly { sequence: number }[], reason: GapReason, at: number): void {
    for (const { sequence } of rows) {
      sql.unoweAll.run(sequence);
      remove(sequence);
    }
    declare(
      rows.map(({ sequence }) => sequence),
      reason,
      at,
    );
  }

  function remove(sequence: number): void {
    if (sql.remove.run(sequence).changes > 0) count('gone');
  }

  function declare(sequences: readonly number[], reason: GapReason, at: number): void {
    const { storeId, epoch } = parts;
    for (const gap of gapsOf(sequences, { storeId, epoch, reason, at })) append(gap, at);
    count('declared', sequences.length);
  }

  function isOnTheWay(sequence: number): boolean {
    for (const sequences of onTheWay.values()) if (sequences.has(sequence)) return true;
    return false;
  }

  function take(uplink: string, lane: { from: number; below: number }, most: number): WaitingEvent[] {
    const sequences = onTheWay.get(uplink) ?? new Set<number>();
    const rows = sql.take
      .all(uplink, lane.from, lane.below, most + sequences.size)
      .filter(({ sequence, body }) => body !== '' && !sequences.has(sequence))
      .slice(0, most);
    return rows.flatMap((row) => {
      const body = parts.sealed.open(row);
      if (body === undefined) return [];
      const { sequence, name } = row;
      sequences.add(sequence);
      return [{ sequence, name, id: idOf(parts.epoch, sequence), body }];
    });
  }

  type Fate = 'left' | 'refused' | 'undelivered';

  /** What becomes of one event by what one uplink said of it. */
  function settleOne(uplink: string, event: WaitingEvent, result: Result, at: number): Fate | undefined {
    const { sequence, id } = event;
    const row = sql.get.get(sequence);
    // Another uplink's answer took it out already.
    if (!row) return undefined;
    const isWiped = row.body === '';
    const isAccepted = result.accepted.has(id);
    const reason = isAccepted ? undefined : result.rejected.get(id);
    if (!isAccepted && reason === undefined) return isWiped ? 'undelivered' : undefined;
    if (isAccepted) count(`taken ${uplink}`);
    else bury(uplink, row, reason ?? '', at);
    sql.unowe.run(uplink, sequence);
    const owed = sql.owed.all(sequence);
    // Wiped, and owed to an uplink that it is not on its way to: that one will never have it.
    if (isWiped && owed.some((other) => !onTheWay.get(other.uplink)?.has(sequence))) return 'undelivered';
    if (owed.length === 0) remove(sequence);
    return reason === undefined ? 'left' : 'refused';
  }

  function bury(uplink: string, row: NonNullable<ReturnType<typeof sql.get.get>>, why: string, at: number) {
    const { sequence, expires, subject, body, sealed, purposes } = row;
    // The other side's words may name the person; of who withdrew meanwhile they are not kept at all.
    const reason = body === '' ? 'erased' : parts.sealed.hide(why, subject);
    sql.bury.run(uplink, sequence, at, reason, expires, subject, body, sealed, purposes);
  }

  function settleAll(uplink: string, taken: readonly WaitingEvent[], result: Result, at: number): void {
    const fates = taken.map((event) => ({ ...event, fate: settleOne(uplink, event, result, at) }));
    const refused = fates.filter(({ fate, name }) => fate === 'refused' && name !== 'gateway.gap');
    declare(
      refused.map(({ sequence }) => sequence),
      'dead',
      at,
    );
    removeAndDeclare(
      fates.filter(({ fate }) => fate === 'undelivered'),
      'erased',
      at,
    );
  }

  /**
   * Lost with the power, a settlement that only takes away is made again: the events are sent again, and
   * known by their ids. One that gives a sequence is waited for, or it would be given a second time.
   */
  function givesNoSequence(taken: readonly WaitingEvent[], { accepted }: Result): boolean {
    return sql.anyWiped.get() === undefined && taken.every(({ id }) => accepted.has(id));
  }

  function expire(at: number): void {
    const due = sql.expired.all(at, EXPIRED_AT_ONCE).filter(({ sequence }) => !isOnTheWay(sequence));
    removeAndDeclare(due, 'expired', at);
    sql.expireDead.run(at);
    parts.subjectKeys.tidy();
  }

  const inTransaction = db.transaction(write);
  return {
    store: (batch, recordedAt) =>
      write(() => {
        for (const one of batch) storeOne(one, recordedAt);
      }),
    take,
    whenRecalled: (listener) => void recallListeners.push(listener),
    settle(uplink, taken, result, at) {
      const work = () => inTransaction(() => settleAll(uplink, taken, result, at));
      if (givesNoSequence(taken, result)) withoutSync(db, work);
      else work();
      const sequences = onTheWay.get(uplink);
      for (const { sequence } of taken) sequences?.delete(sequence);
    },
    expire: (at) => inTransaction(() => expire(at)),
    next,
    waitingOf: (subjectRef) => sql.ofSubject.all(parts.sealed.tagOf(subjectRef)).length,
    counts: () => outboxCounts(db),
  };
}

interface Result {
  accepted: ReadonlySet<string>;
  rejected: ReadonlyMap<string, string>;
}

/** Declares what a crash left wiped but unsettled: whether it arrived is not known. */
export function declareWiped(db: Db, outbox: Outbox, at: number): void {
  const rows = db
    .prepare<[], Row & { uplink: string; body: string }>(
      "SELECT uplink, sequence, name, body FROM events JOIN pending USING (sequence) WHERE body = '' ORDER BY sequence",
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
    .prepare<[], { sequence: number }>(
      'SELECT sequence FROM events WHERE NOT EXISTS (SELECT 1 FROM pending WHERE pending.sequence = events.sequence)',
    )
    .all();
  const owe = db.prepare('INSERT INTO pending VALUES (?, ?)');
  db.transaction(() => {
    for (const { sequence } of orphans) for (const uplink of uplinks) owe.run(uplink, sequence);
  })();
}
