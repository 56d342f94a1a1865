import type { Database } from 'better-sqlite3';
import { type CloudEvent, EVENT_BYTES, readCloudEvent } from './cloud-event.ts';
import { withoutSync } from './database.ts';

export interface Taken {
  /** Ids that are committed now, those that were before included. */
  accepted: string[];
  /** `id` is null where the event had none that could be read. */
  rejected: { id: string | null; reason: string }[];
}

export interface StoredEvent {
  /** Grows with every event; for paging. */
  row: number;
  /** When the event's transaction had been committed, ms since the epoch. */
  receivedAt: number;
  event: CloudEvent;
}

export interface ProfileSummary {
  ref: string;
  visits: number;
  events: number;
}

export interface EventStore {
  /** Takes parsed events; returns after the commit. Throws where the disk refuses: then nothing is taken. */
  take(events: readonly unknown[], refuseTypes?: readonly string[]): Taken;
  /** The same, in one transaction with what else comes in this turn of the loop: one fsync for all. */
  takeSoon(events: readonly unknown[], refuseTypes?: readonly string[]): Promise<Taken>;
  events(after: number, limit: number): StoredEvent[];
  /** Everything that belongs to a profile, also what names no subject; in no particular order. */
  eventsOf(ref: string): CloudEvent[];
  profiles(): ProfileSummary[];
}

// A withdrawal names its visit or its record only, an erasure its records only (contract, "Events"):
// both are found through what the subject's own events named.
const EVENTS_OF = `
  SELECT event FROM events WHERE subject_ref = @ref
  UNION
  SELECT event FROM events WHERE subject_ref IS NULL
    AND visit_id IN (SELECT visit_id FROM events WHERE subject_ref = @ref AND visit_id IS NOT NULL)
  UNION
  SELECT event FROM events WHERE subject_ref IS NULL AND type = 'aisle.consent.withdrawn.v1'
    AND record_id IN (SELECT record_id FROM events WHERE subject_ref = @ref)
  UNION
  SELECT event FROM events WHERE subject_ref IS NULL AND type = 'aisle.subject.erased.v1' AND EXISTS (
    SELECT 1 FROM json_each(event, '$.data.recordIds') AS erased
    WHERE erased.value IN (SELECT record_id FROM events WHERE subject_ref = @ref))`;

/** When an event's commit was over; nothing where a crash came in between. */
export const COMMITTED_AT = `(SELECT iif(last >= events.rowid, at, NULL) FROM commits
  WHERE first <= events.rowid ORDER BY first DESC LIMIT 1)`;

export function createEventStore(db: Database, now: () => number): EventStore {
  const insert = db.prepare(
    'INSERT INTO events (source, id, received_at, event) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const stamp = db.prepare('INSERT OR REPLACE INTO commits VALUES (?, ?, ?)');
  const count = db.prepare('UPDATE counters SET n = n + ? WHERE name = ?');
  const page = db.prepare<[number, number], { row: number; received_at: number; event: string }>(
    `SELECT rowid AS row, coalesce(${COMMITTED_AT}, received_at) AS received_at, event
     FROM events WHERE rowid > ? ORDER BY rowid LIMIT ?`,
  );
  const ofSubject = db.prepare<{ ref: string }, { event: string }>(EVENTS_OF);
  const summaries = db.prepare<[], ProfileSummary>(
    `SELECT subject_ref AS ref, count(DISTINCT visit_id) AS visits, count(*) AS events
     FROM events WHERE subject_ref IS NOT NULL GROUP BY subject_ref`,
  );

  const commit = db.transaction((valid: readonly { event: CloudEvent; text: string }[], rejected: number) => {
    const receivedAt = now();
    const rows: number[] = [];
    for (const { event, text } of valid) {
      const result = insert.run(event.source, event.id, receivedAt, text);
      if (result.changes > 0) rows.push(Number(result.lastInsertRowid));
    }
    count.run(valid.length - rows.length, 'duplicates');
    count.run(rejected, 'rejected');
    return rows;
  });

  function take(events: readonly unknown[], refuseTypes: readonly string[] = []): Taken {
    const [taken] = takeAll([{ events, refuseTypes }]);
    if (!taken) throw new Error('a batch has one answer');
    return taken;
  }

  /** Batches in one transaction, in order. */
  function takeAll(batches: readonly Batch[]): Taken[] {
    const read = batches.map(readBatch);
    const rejected = read.reduce((sum, one) => sum + one.rejected.length, 0);
    const rows = commit(
      read.flatMap(({ valid }) => valid),
      rejected,
    );
    // The time of the commit is known only after it; a crash in between leaves the time just before.
    const [first] = rows;
    if (first !== undefined) withoutSync(db, () => stamp.run(first, rows.at(-1), now()));
    return read.map(({ valid, rejected }) => ({ accepted: valid.map(({ event }) => event.id), rejected }));
  }

  let waiting: (Batch & Answer)[] = [];

  function takeWaiting(): void {
    const batches = waiting;
    waiting = [];
    try {
      for (const [i, taken] of takeAll(batches).entries()) batches[i]?.resolve(taken);
    } catch (error) {
      for (const { reject } of batches) reject(error as Error);
    }
  }

  function takeSoon(events: readonly unknown[], refuseTypes: readonly string[] = []): Promise<Taken> {
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(takeWaiting);
      waiting.push({ events, refuseTypes, resolve, reject });
    });
  }

  return {
    take,
    takeSoon,
    events: (after, limit) =>
      page.all(after, limit).map(({ row, received_at, event }) => ({
        row,
        receivedAt: received_at,
        event: JSON.parse(event) as CloudEvent,
      })),
    eventsOf: (ref) => ofSubject.all({ ref }).map(({ event }) => JSON.parse(event) as CloudEvent),
    profiles: () => summaries.all(),
  };
}

interface Batch {
  events: readonly unknown[];
  refuseTypes: readonly string[];
}

interface Answer {
  resolve: (taken: Taken) => void;
  reject: (error: Error) => void;
}

function readBatch({ events, refuseTypes }: Batch) {
  const valid: { event: CloudEvent; text: string }[] = [];
  const rejected: Taken['rejected'] = [];
  for (const value of events) {
    const read = readOne(value, refuseTypes);
    if ('reason' in read) rejected.push({ id: idOf(value), reason: read.reason });
    else valid.push(read);
  }
  return { valid, rejected };
}

function readOne(value: unknown, refuseTypes: readonly string[]) {
  const read = readCloudEvent(value);
  if ('reason' in read) return read;
  if (refuseTypes.includes(read.event.type))
    return { reason: `type '${read.event.type}' is refused on request` };
  const text = JSON.stringify(read.event);
  if (Buffer.byteLength(text) > EVENT_BYTES) return { reason: `an event has at most ${EVENT_BYTES} octets` };
  return { event: read.event, text };
}

function idOf(value: unknown): string | null {
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id : null;
}
