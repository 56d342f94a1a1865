import type { Db } from '../database.ts';

/** The last position that was given, as text; no row before the first. */
export const LAST_POSITION = "SELECT value FROM meta WHERE key = 'position'";

/** An event that waits. */
export interface Row {
  position: number;
  name: string;
}

/** `body` is empty where it was wiped on its way, and without `data` where that is `sealed`. */
export interface FullRow extends Row {
  body: string;
  subject: Buffer | null;
  sealed: Buffer | null;
}

export type Statements = ReturnType<typeof statements>;

/** An event and what its dead letter keeps of it. */
export interface SettledRow extends FullRow {
  expires: number | null;
  purposes: number;
}

/** What the outbox says to its tables: `events`, `pending` (a row for each uplink owed), `dead`, `counters`. */
export function statements(db: Db) {
  return {
    insert: db.prepare(
      `INSERT INTO events (position, name, class, time, expires, subject, visit, body, sealed, purposes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    owe: db.prepare('INSERT INTO pending VALUES (?, ?)'),
    take: db.prepare<[string, number, number, number], FullRow>(
      `SELECT position, name, body, subject, sealed FROM pending JOIN events USING (position)
       WHERE uplink = ? AND position >= ? AND position < ? ORDER BY position LIMIT ?`,
    ),
    ofSubject: db.prepare<[Buffer], Row & { visit: string | null; purposes: number }>(
      'SELECT position, name, visit, purposes FROM events WHERE subject = ? ORDER BY position',
    ),
    expired: db.prepare<[number, number], Row>(
      'SELECT position, name FROM events WHERE expires <= ? ORDER BY position LIMIT ?',
    ),
    get: db.prepare<[number], SettledRow>(
      'SELECT position, name, expires, subject, body, sealed, purposes FROM events WHERE position = ?',
    ),
    anyWiped: db.prepare("SELECT position FROM events WHERE body = '' LIMIT 1"),
    wipe: db.prepare(
      "UPDATE events SET body = '', sealed = NULL, subject = NULL, expires = NULL WHERE position = ?",
    ),
    unowe: db.prepare('DELETE FROM pending WHERE uplink = ? AND position = ?'),
    unoweAll: db.prepare('DELETE FROM pending WHERE position = ?'),
    owed: db.prepare<[number], { uplink: string }>('SELECT uplink FROM pending WHERE position = ?'),
    remove: db.prepare('DELETE FROM events WHERE position = ?'),
    bury: db.prepare('INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    eraseDead: db.prepare(
      `UPDATE dead SET body = '', reason = 'erased', sealed = NULL, subject = NULL, expires = NULL
       WHERE subject = ? AND (? = 0 OR purposes & ? != 0)`,
    ),
    expireDead: db.prepare(
      "UPDATE dead SET body = '', reason = 'expired', sealed = NULL, subject = NULL, expires = NULL WHERE expires <= ?",
    ),
    count: db.prepare(
      'INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value',
    ),
    last: db.prepare<[], { value: string }>(LAST_POSITION),
    setLast: db.prepare(
      "INSERT INTO meta VALUES ('position', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    ),
  };
}
