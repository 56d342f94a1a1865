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
  /**
   * Events owed to the uplink, in order, marked as being on their way until `settle`. What is on its way
   * already is left out.
   */
  take(uplink: string, lane: { from: number; below: number }, most: number): WaitingEvent[];
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
/** Events that one `expire` takes out at most; the next goes on. */
const EXPIRED_AT_ONCE = 10_000;

/** @throws where the disk refuses. */
export function createOutbox(db: Db, parts: OutboxParts): Outbox {
  oweOrphans(db, parts.uplinks);
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
    expired: db.prepare<[number, number], Row>(
      'SELECT sequence, name, body FROM events WHERE expires <= ? ORDER BY sequence LIMIT ?',
    ),
    get: db.prepare<[number], Row & { expires: number | null; subject: Buffer | null }>(
      'SELECT sequence, name, expires, subject, body FROM events WHERE sequence = ?',
    ),
    wipe: db.prepare("UPDATE events SET body = '', subject = NULL, expires = NULL WHERE sequence = ?"),
    unowe: db.prepare('DELETE FROM pending WHERE uplink = ? AND sequence = ?'),
    unoweAll: db.prepare('DELETE FROM pending WHERE sequence = ?'),
    owed: db.prepare<[number], { uplink: string }>('SELECT uplink FROM pending WHERE sequence = ?'),
    remove: db.prepare('DELETE FROM events WHERE sequence = ?'),
    bury: db.prepare('INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?, ?)'),
    eraseDead: db.prepare("UPDATE dead SET body = '', subject = NULL, expires = NULL WHERE subject = ?"),
    expireDead: db.prepare("UPDATE dead SET body = '', subject = NULL, expires = NULL WHERE expires <= ?"),
    count: db.prepare(
      'INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value',
    ),
    last: db.prepare<[], { value: string }>(LAST_SEQUENCE),
    setLast: db.prepare(
      "INSERT INTO meta VALUES ('sequence', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    ),
  };
  /** Sequences on their way, by uplink. */
  const onTheWay = new Map(parts.uplinks.map((uplink) => [uplink, new Set<number>()]));
  const next = () => Number(sql.last.get()?.value ?? 0) + 1;

  function append(event: StoreEvent, recordedAt: number): void {
    const sequence = next();
    const isPersonal = event.subjectRef !== undefined;
    // Contract, Events: `expirytime` on every personal event of class B.
    const expiresAt =
      isPersonal && event.class === 'B' ? event.time + parts.personalHours * 3_600_000 : undefined;
    const { source, epoch } = parts;
    const body = cloudEvent(event, { source, epoch, sequence, recordedAt, expiresAt });
    const tag = event.subjectRef === undefined ? null : parts.subjectTag(event.subjectRef);
    const { name, time, visitId = null } = event;
    sql.insert.run(sequence, name, event.class, time, expiresAt ?? null, tag, visitId, body);
    for (const uplink of parts.uplinks) sql.owe.run(uplink, sequence);
    sql.setLast.run(String(sequence));
  }

  function store(events: readonly StoreEvent[], purge: readonly string[], recordedAt: number): number {
    const neverStarted = new Set(purge.flatMap((ref) => purgeSubject(ref, recordedAt)));
    for (const event of events) {
      if (event.unlessStartPurged && neverStarted.has(event.visitId ?? '')) continue;
      append(event, recordedAt);
    }
    return next() - 1;
  }

  /** Returns the visits of whose `visit.started` no uplink ever heard. */
  function purgeSubject(subjectRef: string, at: number): string[] {
    const tag = parts.subjectTag(subjectRef);
    const rows = sql.ofSubject.all(tag);
    const gone = rows.filter(({ sequence }) => !isOnTheWay(sequence));
    const neverStarted = gone.flatMap(({ sequence, name, visit }) =>
      name === 'visit.started' && visit !== null && isOwedToAll(sequence) ? [visit] : [],
    );
    for (const { sequence } of rows) if (isOnTheWay(sequence)) sql.wipe.run(sequence);
    // They were declared when they were set aside.
    sql.eraseDead.run(tag);
    removeAndDeclare(gone, 'erased', at);
    return neverStarted;
  }

  function isOwedToAll(sequence: number): boolean {
    const owed = new Set(sql.owed.all(sequence).map(({ uplink }) => uplink));
    return parts.uplinks.every((uplink) => owed.has(uplink));
  }

  function removeAndDeclare(rows: readonly { sequence: number }[], reason: string, at: number): void {
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
    if (sql.remove.run(sequence).changes > 0) sql.count.run('gone', 1);
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
    const sequences = onTheWay.get(uplink) ?? new Set<number>();
    const rows = sql.take
      .all(uplink, lane.from, lane.below, most + sequences.size)
      .filter(({ sequence, body }) => body !== '' && !sequences.has(sequence))
      .slice(0, most);
    for (const { sequence } of rows) sequences.add(sequence);
    return rows.map((row) => ({ ...row, id: idOf(parts.epoch, row.sequence) }));
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
    if (isAccepted) sql.count.run(`taken ${uplink}`, 1);
    else sql.bury.run(uplink, sequence, at, reason, row.expires, row.subject, row.body);
    sql.unowe.run(uplink, sequence);
    const owed = sql.owed.all(sequence);
    // Wiped, and owed to an uplink that it is not on its way to: that one will never have it.
    if (isWiped && owed.some((other) => !onTheWay.get(other.uplink)?.has(sequence))) return 'undelivered';
    if (owed.length === 0) remove(sequence);
    return reason === undefined ? 'left' : 'refused';
  }

  const settleAll = db.transaction(
    (uplink: string, taken: readonly WaitingEvent[], result: Result, at: number) => {
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
    },
  );

  const expire = db.transaction((at: number) => {
    const due = sql.expired.all(at, EXPIRED_AT_ONCE).filter(({ sequence }) => !isOnTheWay(sequence));
    removeAndDeclare(due, 'expired', at);
    sql.expireDead.run(at);
  });

  return {
    store,
    take,
    settle(uplink, taken, result, at) {
      settleAll(uplink, taken, result, at);
      const sequences = onTheWay.get(uplink);
      for (const { sequence } of taken) sequences?.delete(sequence);
    },
    expire,
    next,
    waitingOf: (subjectRef) => sql.ofSubject.all(parts.subjectTag(subjectRef)).length,
    counts: () => outboxCounts(db),
  };
}

interface Result {
  accepted: ReadonlySet<string>;
  rejected: ReadonlyMap<string, string>;
}

interface Row {
  sequence: number;
  name: string;
  body: string;
}

/** Declares what a crash left wiped but unsettled: whether it arrived is not known. */
export function declareWiped(db: Db, outbox: Outbox, at: number): void {
  const rows = db
    .prepare<[], Row & { uplink: string }>(
      "SELECT uplink, sequence, name, body FROM events JOIN pending USING (sequence) WHERE body = '' ORDER BY sequence",
    )
    .all();
  const nothing = { accepted: new Set<string>(), rejected: new Map<string, string>() };
  for (const uplink of new Set(rows.map((row) => row.uplink))) {
    const events = rows.filter((row) => row.uplink === uplink).map((row) => ({ ...row, id: '' }));
    outbox.settle(uplink, events, nothing, at);
  }
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

/** How many events wait for each uplink, those that are not configured any more included. */
export function owedByUplink(db: Db): Map<string, number> {
  const rows = db
    .prepare<[], { uplink: string; n: number }>('SELECT uplink, count(*) AS n FROM pending GROUP BY uplink')
    .all();
  return new Map(rows.map(({ uplink, n }) => [uplink, n]));
}

/** Read by `status` too, beside a running gateway. */
export function outboxCounts(db: Db): OutboxCounts {
  const counters = new Map(
    db
      .prepare<[], { name: string; value: number }>('SELECT name, value FROM counters')
      .all()
      .map(({ name, value }) => [name, value]),
  );
  const stored = Number(db.prepare<[], { value: string }>(LAST_SEQUENCE).get()?.value ?? 0);
  const oldest = db.prepare<[], { time: number }>('SELECT time FROM events ORDER BY sequence LIMIT 1').get();
  const dead = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM dead').get();
  const taken = [...counters].filter(([name]) => name.startsWith('taken '));
  return {
    epoch: epochOf(db),
    stored,
    declared: counters.get('declared') ?? 0,
    // Counted as they go: a backlog of a million is not to be counted through for each look.
    waiting: stored - (counters.get('gone') ?? 0),
    oldestAt: oldest?.time ?? null,
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

const LAST_SEQUENCE = "SELECT value FROM meta WHERE key = 'sequence'";

function rangesOf(sequences: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const sequence of sequences) {
    const last = ranges.at(-1);
    if (last && sequence === last[1] + 1) last[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges;
}
