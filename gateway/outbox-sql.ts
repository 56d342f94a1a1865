import type { Db } from './database.ts';

/** The last sequence that was given, as text; no row before the first. */
export const LAST_SEQUENCE = "SELECT value FROM meta WHERE key = 'sequence'";

/** An event that waits. `body` is empty where it was wiped on its way. */
export interface Row {
  sequence: number;
  name: string;
  body: string;
}

/** What the outbox says to its tables: `events`, `pending` (a row for each uplink owed), `dead`, `counters`. */
export function statements(db: Db) {
  return {
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
    anyWiped: db.prepare("SELECT sequence FROM events WHERE body = '' LIMIT 1"),
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
}
