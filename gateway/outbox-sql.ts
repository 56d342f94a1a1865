import type { Db } from './database.ts';

/** The last sequence that was given, as text; no row before the first. */
export const LAST_SEQUENCE = "SELECT value FROM meta WHERE key = 'sequence'";

/** An event that waits. */
export interface Row {
  sequence: number;
  name: string;
}

/** `body` is empty where it was wiped on its way, and without `data` where that is `sealed`. */
export interface FullRow extends Row {
  body: string;
  subject: Buffer | null;
  sealed: Buffer | null;
}

/** What the outbox says to its tables: `events`, `pending` (a row for each uplink owed), `dead`, `counters`. */
export function statements(db: Db) {
  return {
    insert: db.prepare(
      `INSERT INTO events (sequence, name, class, time, expires, subject, visit, body, sealed, purposes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    owe: db.prepare('INSERT INTO pending VALUES (?, ?)'),
    take: db.prepare<[string, number, number, number], FullRow>(
      `SELECT sequence, name, body, subject, sealed FROM pending JOIN events USING (sequence)
       WHERE uplink = ? AND sequence >= ? AND sequence < ? ORDER BY sequence LIMIT ?`,
    ),
    ofSubject: db.prepare<[Buffer], Row & { visit: string | null; purposes: number }>(
      'SELECT sequence, name, visit, purposes FROM events WHERE subject = ? ORDER BY sequence',
    ),
    expired: db.prepare<[number, number], Row>(
      'SELECT sequence, name FROM events WHERE expires <= ? ORDER BY sequence LIMIT ?',
    ),
    get: db.prepare<[number], FullRow & { expires: number | null; purposes: number }>(
      'SELECT sequence, name, expires, subject, body, sealed, purposes FROM events WHERE sequence = ?',
    ),
    anyWiped: db.prepare("SELECT sequence FROM events WHERE body = '' LIMIT 1"),
    wipe: db.prepare(
      "UPDATE events SET body = '', sealed = NULL, subject = NULL, expires = NULL WHERE sequence = ?",
    ),
    unowe: db.prepare('DELETE FROM pending WHERE uplink = ? AND sequence = ?'),
    unoweAll: db.prepare('DELETE FROM pending WHERE sequence = ?'),
    owed: db.prepare<[number], { uplink: string }>('SELECT uplink FROM pending WHERE sequence = ?'),
    remove: db.prepare('DELETE FROM events WHERE sequence = ?'),
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
    last: db.prepare<[], { value: string }>(LAST_SEQUENCE),
    setLast: db.prepare(
      "INSERT INTO meta VALUES ('sequence', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    ),
  };
}
