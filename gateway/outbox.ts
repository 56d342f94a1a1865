import { cloudEvent, idOf } from './cloud-event.ts';
import type { Db } from './database.ts';
import type { StoreEvent } from './pipeline/outcome.ts';

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

export interface OutboxCounts {
  epoch: string;
  /** Events that were given a sequence in this epoch. */
  stored: number;
  /** Of them, removed before delivery and declared. */
  declared: number;
  /** Waiting for at least one uplink. */
  waiting: number;
  /** ms since the epoch; null when nothing waits. */
  oldestAt: number | null;
  dead: number;
  /** Events that each uplink took. */
  taken: Record<string, number>;
}

export interface Outbox {
  /** Inside the storing transaction: purges first, then the events. Returns the last sequence given. */
  store(events: readonly StoreEvent[], purge: readonly string[], recordedAt: number): number;
  /** Events owed to the uplink, in order, marked as being on their way until `settle`. */
  take(uplink: string, lane: { from: number; below: number }, most: number): WaitingEvent[];
  settle(
    uplink: string,
    taken: readonly WaitingEvent[],
    result: { accepted: ReadonlySet<string>; rejected: ReadonlyMap<string, string> },
    at: number,
  ): void;
  /** Personal events whose time is up go, declared. */
  expire(at: number): void;
  next(): number;
  /** Events of one subject that still wait. */
  waitingOf(subjectRef: string): number;
  counts(): OutboxCounts;
}

export interface OutboxParts {
  source: string;
  epoch: string;
  storeId: string;
  uplinks: readonly string[];
  /** Keyed hash of a subject's reference: the index column names nobody. */
  subjectTag: (subjectRef: string) => Buffer;
  personalHours: number;
}

/** Events of one purge or expiry are declared by ranges, at most so many in one gap. */
const RANGES_PER_GAP = 500;

export function createOutbox(db: Db, parts: OutboxParts): Outbox {
  const sql = {
    insert: db.prepare(
      'INSERT INTO events (sequence, name, class, time, expires, subject, visit, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    owe: db.prepare('INSERT INTO pending VALUES (?, ?)'),
    take: db.prepare<[string, number, number, number], Row>(
      `SELECT sequence, name, body FROM pending JOIN events USING (sequence)
       WHERE uplink = ? AND sequence >= ? AND sequence < ? ORDER BY sequence LIMIT ?`,
    ),
    ofSubject: db.prepare<[Buffer], Row & { visit: string | null }>(
      'SELECT sequence, name, visit, body FROM events WHERE subject = ? ORDER BY sequence',
    ),
    expired: db.prepare<[number], Row>(
      'SELECT sequence, name, body FROM events WHERE expires <= ? ORDER BY sequence LIMIT 1000',
    ),
    wiped: db.prepare<[], Row>("SELECT sequence, name, body FROM events WHERE body = '' ORDER BY sequence"),
    wipe: db.prepare("UPDATE events SET body = '', subject = NULL, expires = NULL WHERE sequence = ?"),
    unowe: db.prepare('DELETE FROM pending WHERE uplink = ? AND sequence = ?'),
    unoweAll: db.prepare('DELETE FROM pending WHERE sequence = ?'),
    owed: db.prepare<[number], { n: number }>('SELECT count(*) AS n FROM pending WHERE sequence = ?'),
    remove: db.prepare('DELETE FROM events WHERE sequence = ?'),
    bury: db.prepare('INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?)'),
    count: db.prepare(
      'INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value',
    ),
  };
  /** Sequences on their way, by uplink. */
  const onTheWay = new Map(parts.uplinks.map((uplink) => [uplink, new Set<number>()]));
  let next = lastSequence(db) + 1;

  function append(event: StoreEvent, recordedAt: number): void {
    const sequence = next++;
    const isPersonal = event.subjectRef !== undefined;
    const expiresAt = isPersonal ? event.time + parts.personalHours * 3_600_000 : undefined;
    const { source, epoch } = parts;
    const body = cloudEvent(event, { source, epoch, sequence, recordedAt, expiresAt });
    const tag = event.subjectRef === undefined ? null : parts.subjectTag(event.subjectRef);
    sql.insert.run(
      sequence,
      event.name,
      event.class,
      event.time,
      expiresAt ?? null,
      tag,
      event.visitId ?? null,
      body,
    );
    for (const uplink of parts.uplinks) sql.owe.run(uplink, sequence);
  }

  function store(events: readonly StoreEvent[], purge: readonly string[], recordedAt: number): number {
    // A rolled-back transaction must not leave a hole in the sequence.
    next = lastSequence(db) + 1;
    const neverStarted = new Set(purge.flatMap((ref) => purgeSubject(ref, recordedAt)));
    for (const event of events) {
      if (event.unlessStartPurged && neverStarted.has(event.visitId ?? '')) continue;
      append(event, recordedAt);
    }
    setLastSequence(db, next - 1);
    return next - 1;
  }

  /** Returns the visits whose `visit.started` never left. */
  function purgeSubject(subjectRef: string, at: number): string[] {
    const rows = sql.ofSubject.all(parts.subjectTag(subjectRef));
    const gone = rows.filter(({ sequence }) => !isOnTheWay(sequence));
    for (const { sequence } of rows) {
      if (isOnTheWay(sequence)) sql.wipe.run(sequence);
    }
    removeAndDeclare(gone, 'erased', at);
    return gone.flatMap(({ name, visit }) => (name === 'visit.started' && visit !== null ? [visit] : []));
  }

  function removeAndDeclare(rows: readonly { sequence: number }[], reason: string, at: number): void {
    for (const { sequence } of rows) {
      sql.unoweAll.run(sequence);
      sql.remove.run(sequence);
    }
    declare(
      rows.map(({ sequence }) => sequence),
      reason,
      at,
    );
  }

  function declare(sequences: readonly number[], reason: string, at: number): void {
    const all = rangesOf(sequences);
    for (let i = 0; i < all.length; i += RANGES_PER_GAP) {
      const ranges = all.slice(i, i + RANGES_PER_GAP);
      const count = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
      const data = {
        storeId: parts.storeId,
        epoch: parts.epoch,
        from: ranges[0]?.[0],
        to: ranges.at(-1)?.[1],
        count,
        reason,
        ...(ranges.length > 1 && { ranges }),
      };
      append({ name: 'gateway.gap', class: 'A', time: at, data }, at);
      sql.count.run('declared', count);
    }
  }

  function isOnTheWay(sequence: number): boolean {
    for (const sequences of onTheWay.values()) if (sequences.has(sequence)) return true;
    return false;
  }

  function take(uplink: string, lane: { from: number; below: number }, most: number): WaitingEvent[] {
    const sequences = onTheWay.get(uplink);
    const rows = sql.take
      .all(uplink, lane.from, lane.below, most)
      .filter(({ sequence, body }) => body !== '' && !sequences?.has(sequence));
    for (const { sequence } of rows) sequences?.add(sequence);
    return rows.map((row) => ({ ...row, id: idOf(parts.epoch, row.sequence) }));
  }

  const settle: Outbox['settle'] = (uplink, taken, { accepted, rejected }, at) => {
    const sequences = onTheWay.get(uplink);
    db.transaction(() => {
      next = lastSequence(db) + 1;
      const wiped = new Set(sql.wiped.all().map(({ sequence }) => sequence));
      const undelivered: { sequence: number }[] = [];
      const refused: { sequence: number }[] = [];
      for (const event of taken) {
        const reason = rejected.get(event.id);
        if (accepted.has(event.id)) sql.count.run(`taken ${uplink}`, 1);
        else if (reason !== undefined) {
          // A purged event leaves no copy among the dead either.
          sql.bury.run(uplink, event.sequence, at, reason, wiped.has(event.sequence) ? '' : event.body);
          if (event.name !== 'gateway.gap') refused.push(event);
        } else if (wiped.has(event.sequence)) undelivered.push(event);
        else continue;
        sql.unowe.run(uplink, event.sequence);
        if (wiped.has(event.sequence)) sql.unoweAll.run(event.sequence);
        if (sql.owed.get(event.sequence)?.n === 0) sql.remove.run(event.sequence);
      }
      declare(
        refused.map(({ sequence }) => sequence),
        'dead',
        at,
      );
      removeAndDeclare(undelivered, 'erased', at);
      setLastSequence(db, next - 1);
    })();
    for (const { sequence } of taken) sequences?.delete(sequence);
  };

  function expire(at: number): void {
    db.transaction(() => {
      next = lastSequence(db) + 1;
      removeAndDeclare(
        sql.expired.all(at).filter(({ sequence }) => !isOnTheWay(sequence)),
        'expired',
        at,
      );
      setLastSequence(db, next - 1);
    })();
  }

  return {
    store,
    take,
    settle,
    expire,
    next: () => next,
    waitingOf: (subjectRef) => sql.ofSubject.all(parts.subjectTag(subjectRef)).length,
    counts: () => outboxCounts(db),
  };
}

interface Row {
  sequence: number;
  name: string;
  body: string;
}

/** Declares what a crash left wiped but unsettled: whether it arrived is not known. */
export function declareWiped(db: Db, outbox: Outbox, at: number): void {
  const rows = db.prepare<[], Row>("SELECT sequence, name, body FROM events WHERE body = ''").all();
  const byUplink = db.prepare<[number], { uplink: string }>('SELECT uplink FROM pending WHERE sequence = ?');
  for (const row of rows) {
    const uplinks = byUplink.all(row.sequence).map(({ uplink }) => uplink);
    const result = { accepted: new Set<string>(), rejected: new Map<string, string>() };
    for (const uplink of uplinks) outbox.settle(uplink, [{ ...row, id: '' }], result, at);
  }
}

export function outboxCounts(db: Db): OutboxCounts {
  const counters = new Map(
    db
      .prepare<[], { name: string; value: number }>('SELECT name, value FROM counters')
      .all()
      .map(({ name, value }) => [name, value]),
  );
  const waiting = db
    .prepare<[], { n: number; oldest: number | null }>(
      'SELECT count(*) AS n, min(time) AS oldest FROM events',
    )
    .get();
  const dead = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM dead').get();
  const taken = [...counters].filter(([name]) => name.startsWith('taken '));
  return {
    epoch: epochOf(db),
    stored: lastSequence(db),
    declared: counters.get('declared') ?? 0,
    waiting: waiting?.n ?? 0,
    oldestAt: waiting?.oldest ?? null,
    dead: dead?.n ?? 0,
    taken: Object.fromEntries(taken.map(([name, value]) => [name.slice('taken '.length), value])),
  };
}

/** The database's epoch; made with the database. */
export function epochOf(db: Db, make?: () => string): string {
  const found = db.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'epoch'").get();
  if (found) return found.value;
  const epoch = make?.() ?? '';
  if (make) db.prepare("INSERT INTO meta VALUES ('epoch', ?)").run(epoch);
  return epoch;
}

function lastSequence(db: Db): number {
  const row = db.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'sequence'").get();
  return Number(row?.value ?? 0);
}

function setLastSequence(db: Db, sequence: number): void {
  db.prepare("INSERT INTO meta VALUES ('sequence', ?) ON CONFLICT DO UPDATE SET value = excluded.value").run(
    String(sequence),
  );
}

function rangesOf(sequences: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const sequence of sequences) {
    const last = ranges.at(-1);
    if (last && sequence === last[1] + 1) last[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges;
}
