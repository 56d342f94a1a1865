import type { Db } from './database.ts';
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
  /** ISO 8601. */
  at: string;
  reason: string;
  event: StoredEvent;
}

/** Reads what waits and what was refused, in order. What is wiped, or whose key is destroyed, is left out. */
export interface StoredEvents {
  /** Waiting and refused, each once; `since` is the time of what happened, ms. */
  since(since: number): Iterable<StoredEvent>;
  waitingOf(subjectRef: string): StoredEvent[];
  deadOf(subjectRef: string): DeadLetter[];
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
  const dead = db.prepare<[Buffer], DeadRow>('SELECT * FROM dead WHERE subject = ? ORDER BY position');

  function opened(row: FullRow): StoredEvent[] {
    const body = row.body === '' ? undefined : sealed.open(row);
    return body === undefined ? [] : [JSON.parse(body) as StoredEvent];
  }

  return {
    *since(since) {
      for (const row of all.iterate()) {
        for (const event of opened(row)) if (Date.parse(String(event.time)) >= since) yield event;
      }
    },
    waitingOf: (subjectRef) => waiting.all(sealed.tagOf(subjectRef)).flatMap(opened),
    deadOf: (subjectRef) =>
      dead.all(sealed.tagOf(subjectRef)).flatMap((row) => {
        const { uplink, at } = row;
        const reason = sealed.reveal(row.reason, row.subject);
        return opened(row).map((event) => ({ uplink, at: new Date(at).toISOString(), reason, event }));
      }),
  };
}
