import type { BootStamp } from '../cloud-event.ts';
import { type Db, isDiskRefusing } from '../database.ts';
import type { Erasure, StoreEvent } from '../pipeline/outcome.ts';
import type { Age } from './age.ts';
import { ensureCounts, type OutboxCounts, outboxCounts } from './counts.ts';
import { deadLetters } from './dead-letters.ts';
import { readEpochs } from './epochs.ts';
import { countingDropped, countingStored } from './event-counts.ts';
import { expiring, type TimeToLive } from './expiry.ts';
import { onTheWayTo } from './on-the-way.ts';
import { type PurgeParts, purging } from './purge.ts';
import { MIB, mostDead } from './quota.ts';
import { type Redriven, redriving, type Wanted } from './redrive.ts';
import type { Room } from './room.ts';
import { type SettleResult, settling } from './settle.ts';
import { shedding } from './shed.ts';
import { type Row, statements } from './sql.ts';
import { outboxWriter, owedTo } from './writer.ts';

/*
 * The outbox: finished events on disk until every uplink has settled them.
 *
 * - An event's sequence and id are given in the transaction that stores it, contiguous in an epoch
 *   (`epochs.ts`); inside, it is known by its position, which goes on over epochs.
 * - `pending` holds a row for each (uplink, event) that is still owed. Settling is by id (`settle.ts`):
 *   what was added or purged meanwhile is not touched.
 * - Everything that leaves without being delivered is declared by a `gateway.gap` in the transaction
 *   that removes it, so that lost and erased never look alike (`writer.ts`).
 * - It has a quota (`room.ts`), telemetry that goes first (`shed.ts`), and times to live (`expiry.ts`).
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
  /** Events whose time is up go, declared, some at a time: true where there may be more (`expiry.ts`). */
  expire(at: number): boolean;
  /** Dead letters are owed to their uplinks again, under their old ids (`redrive.ts`). */
  redrive(wanted: Wanted, at: number): Redriven;
  /** Calls back when letters were driven: they are older than what waits. */
  whenRedriven(listener: () => void): void;
  /**
   * What an uplink is owed that is not configured any more goes; what nobody else has to have, declared.
   * Gives back how many. @throws with a sentence where the uplink is configured.
   */
  forget(uplink: string, at: number): number;
  /** The position that the next event will have. */
  next(): number;
  /** Events of one subject that still wait. */
  waitingOf(subjectRef: string): number;
  counts(): OutboxCounts;
  /** A count by its name (`event-counts.ts`), as it is on disk. */
  counted(name: string): number;
}

/** What one signal gives the outbox. */
export interface Stored {
  events: readonly StoreEvent[];
  /** Subjects whose waiting events go. */
  purge: readonly Erasure[];
}

export interface OutboxParts extends PurgeParts {
  source: string;
  /** Of undelivered events; for ever where nothing is said of a class. */
  personalHours: number;
  businessDays?: number;
  telemetryDays?: number;
  /** How full it is; without an end where it is left out. */
  room?: Room | undefined;
  /** How long events wait; by the time given with each call where it is left out. */
  age?: Age | undefined;
  /** The disk refused something that somebody else tries again: room may be wanted. */
  refused?: (error: Error) => void;
  /** What events are stamped with beside their times (P13). */
  boot?: (() => BootStamp) | undefined;
}

/** The database has an epoch (`ensureEpoch`). @throws where the disk refuses. */
export function createOutbox(db: Db, parts: OutboxParts): Outbox {
  const { uplinks, sealed, subjectKeys, room, refused = () => {} } = parts;
  ensureCounts(db);
  oweOrphans(db, uplinks);
  const sql = statements(db);
  const epochs = readEpochs(db);
  const onTheWay = onTheWayTo(uplinks);
  const laying = countingStored(sealed, (name) => writer.count(name));
  const writing = { ...parts, sealed: laying, epochs, forget: subjectKeys.begin };
  const writer = countingDropped(outboxWriter(sql, writing));
  const letters = deadLetters(sql, writer, { sealed, most: mostDead(room?.state().limit ?? DEFAULT_QUOTA) });
  const purge = purging(sql, writer, onTheWay, parts);
  const settleAll = settling(sql, writer, onTheWay, letters);
  const shed = shedding(sql, writer, onTheWay);
  const expiry = expiring(sql, writer, onTheWay, { ttl: timeToLive(parts), subjectKeys });
  const again = redriving(sql, writer, { uplinks, sealed, letters, epochs });
  const redrivenListeners: (() => void)[] = [];
  const ageAt = (at: number) => parts.age?.now() ?? at;

  function write<T>(work: () => T, at: number): T {
    writer.begin(ageAt(at));
    const result = work();
    writer.end();
    return result;
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
    const events: WaitingEvent[] = [];
    let { from } = lane;
    while (events.length < most) {
      const wanted = most - events.length;
      const rows = sql.take.all(uplink, from, lane.below, wanted);
      for (const row of rows) {
        const { position, name } = row;
        const body = row.body === '' || positions.has(position) ? undefined : sealed.open(row);
        if (body !== undefined) events.push({ position, name, id: epochs.idAt(position), body });
      }
      const last = rows.at(-1);
      if (!last || rows.length < wanted) break;
      from = last.position + 1;
    }
    for (const { position } of events) positions.add(position);
    return events;
  }

  function store(batch: readonly Stored[], recordedAt: number): void {
    room?.measure();
    for (const one of batch) storeOne(one, recordedAt);
    if (room?.is('shedding')) shed(recordedAt);
    parts.age?.keep();
  }

  function redrive(wanted: Wanted, at: number): Redriven {
    const { first, ...result } = inTransaction(() => again.redrive(wanted, ageAt(at)), at);
    if (first === undefined) return result;
    expiry.lookAgainFrom(first);
    for (const listener of redrivenListeners) listener();
    return result;
  }

  function forget(uplink: string, at: number): number {
    if (uplinks.includes(uplink)) throw new Error(`${uplink} is configured: what it is owed goes to it`);
    let forgotten = 0;
    for (let some = -1; some !== 0; forgotten += some) {
      some = inTransaction(() => again.forget(uplink, at), at);
    }
    return forgotten;
  }

  function settle(uplink: string, taken: readonly WaitingEvent[], result: SettleResult, at: number): void {
    try {
      writer.about(result.rejected.size > 0 ? taken : []);
      inTransaction(() => settleAll(uplink, taken, result, at), at);
    } catch (error) {
      if (isDiskRefusing(error)) refused(error as Error);
      throw error;
    }
    const positions = onTheWay.of(uplink);
    for (const { position } of taken) positions?.delete(position);
  }

  const transaction = db.transaction(write);
  // better-sqlite3's types lose the one of what comes back.
  const inTransaction = <T>(work: () => T, at: number): T => transaction(work, at) as T;
  return {
    store: (batch, recordedAt) => write(() => store(batch, recordedAt), recordedAt),
    take,
    whenRecalled: onTheWay.whenRecalled,
    settle,
    expire: (at) => inTransaction(() => expiry.expire(ageAt(at), at), at),
    redrive,
    whenRedriven: (listener) => void redrivenListeners.push(listener),
    forget,
    next: writer.next,
    waitingOf: (subjectRef) => sql.ofSubject.all(sealed.tagOf(subjectRef)).length,
    counts: () => outboxCounts(db, room?.state()),
    counted: (name) => sql.counted.get(name)?.value ?? 0,
  };
}

/** Where nobody says how much there may be: as the configuration's. */
const DEFAULT_QUOTA = 4_096 * MIB;

function timeToLive({ personalHours, businessDays, telemetryDays }: OutboxParts): TimeToLive {
  const forEver = Number.POSITIVE_INFINITY;
  return { personalHours, businessDays: businessDays ?? forEver, telemetryDays: telemetryDays ?? forEver };
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
  const { waiting, owed } = outboxCounts(db);
  // One that is owed all leaves no orphan: a long backlog is not looked through at each start (P7).
  if (Object.values(owed).includes(waiting)) return;
  const orphans = db
    .prepare<[], { position: number }>(
      'SELECT position FROM events WHERE NOT EXISTS (SELECT 1 FROM pending WHERE pending.position = events.position)',
    )
    .all();
  if (orphans.length === 0) return;
  const owe = db.prepare('INSERT INTO pending VALUES (?, ?)');
  const count = db.prepare('INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + ?');
  db.transaction(() => {
    for (const uplink of uplinks) {
      for (const { position } of orphans) owe.run(uplink, position);
      count.run(owedTo(uplink), orphans.length, orphans.length);
    }
  })();
}
