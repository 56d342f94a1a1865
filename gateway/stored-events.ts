import type { Db } from './database.ts';
import { readEpochs } from './outbox/epochs.ts';
import type { FullRow } from './outbox/sql.ts';
import type { SealedEvents } from './sealed-events.ts';

/** A CloudEvent as it waits, opened. */
export type StoredEvent = Record<string, unknown> & {
  id: string;
  type: string;
  data: Record<string, unknown>;
};

/** One that an uplink refused for good. */
export interface DeadLetter {
  uplink: string;
  /** Of the event. */
  id: string;
  /** ISO 8601. */
  at: string;
  reason: string;
  /** Nothing where it was erased or has expired. */
  event?: StoredEvent;
}

/** Reads what waits and what was refused, in order. What is wiped, or whose key is destroyed, is left out. */
export interface StoredEvents {
  /** Waiting and refused, each once; `since` is the time of what happened, ms. */
  since(since: number): Iterable<StoredEvent>;
  waitingOf(subjectRef: string): StoredEvent[];
  deadOf(subjectRef: string): (DeadLetter & { event: StoredEvent })[];
  /** All of them, those that lost their body too. */
  dead(): Iterable<DeadLetter>;
}

type DeadRow = FullRow & { uplink: string; at: number; reason: string };

export function storedEvents(db: Db, sealed: SealedEvents): StoredEvents {
  const all = db.prepare<[], FullRow>(
    `SELECT position, body, subject, sealed FROM events
     UNION ALL
     SELECT position, body, subject, sealed FROM dead AS d
       WHERE uplink = (SELECT min(uplink) FROM dead WHERE position = d.position)
         AND NOT EXISTS (SELECT 1 FROM events WHERE position = d.position)
     ORDER BY position`,
  );
  const waiting = db.prepare<[Buffer], FullRow>('SELECT * FROM events WHERE subject = ? ORDER BY position');
  const deadOf = db.prepare<[Buffer], DeadRow>('SELECT * FROM dead WHERE subject = ? ORDER BY position');
  const dead = db.prepare<[], DeadRow>('SELECT * FROM dead ORDER BY position');
  const epochs = readEpochs(db);

  function opened(row: FullRow): StoredEvent[] {
    const body = row.body === '' ? undefined : sealed.open(row);
    return body === undefined ? [] : [JSON.parse(body) as StoredEvent];
  }

  function letterOf(row: DeadRow): DeadLetter {
    const [event] = opened(row);
    const reason = sealed.reveal(row.reason, row.subject);
    const at = new Date(row.at).toISOString();
    return { uplink: row.uplink, id: epochs.idAt(row.position), at, reason, ...(event && { event }) };
  }

  return {
    *since(since) {
      for (const row of all.iterate()) {
        for (const event of opened(row)) if (Date.parse(String(event.time)) >= since) yield event;
      }
    },
    waitingOf: (subjectRef) => waiting.all(sealed.tagOf(subjectRef)).flatMap(opened),
    deadOf: (subjectRef) =>
      deadOf
        .all(sealed.tagOf(subjectRef))
        .flatMap((row) => opened(row).map((event) => ({ ...letterOf(row), event }))),
    dead: () => dead.all().map(letterOf),
  };
}
