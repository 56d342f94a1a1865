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

/** An event and what its dead letter keeps of it. `expires` is by the outbox's own clock (`age.ts`). */
export interface SettledRow extends FullRow {
  expires: number | null;
  purposes: number;
}

/** An event and how long it waits: `time` is when it was stored, by the outbox's own clock. */
export interface AgedRow extends Row {
  class: string;
  time: number;
}

/** A dead letter. */
export interface DeadRow extends Omit<SettledRow, 'name'> {
  uplink: string;
  at: number;
  reason: string;
}

/** What the outbox says to its tables: `events`, `pending` (a row for each uplink owed), `dead`, `counters`. */
export function statements(db: Db) {
  return {
    insert: db.prepare(
      `INSERT INTO events (position, name, class, time, expires, subject, visit, body, sealed, purposes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    owe: db.prepare('INSERT INTO pending VALUES (?, ?) ON CONFLICT DO NOTHING'),
    take: db.prepare<[string, number, number, number], FullRow>(
      `SELECT position, name, body, subject, sealed FROM pending JOIN events USING (position)
       WHERE uplink = ? AND position >= ? AND position < ? ORDER BY position LIMIT ?`,
    ),
    ofSubject: db.prepare<[Buffer], Row & { visit: string | null; purposes: number }>(
      'SELECT position, name, visit, purposes FROM events WHERE subject = ? ORDER BY position',
    ),
    expired: db.prepare<[number, number], Row>(
      // By position it would look through the whole queue for those few.
      'SELECT position, name FROM events WHERE expires <= ? ORDER BY expires LIMIT ?',
    ),
    from: db.prepare<[number, number], AgedRow>(
      'SELECT position, name, class, time FROM events WHERE position >= ? ORDER BY position LIMIT ?',
    ),
    oldestTelemetry: db.prepare<[number], Row>(
      "SELECT position, name FROM events WHERE class = 'C' ORDER BY time LIMIT ?",
    ),
    oldTelemetry: db.prepare<[number, number], Row>(
      "SELECT position, name FROM events WHERE class = 'C' AND time <= ? ORDER BY time LIMIT ?",
    ),
    get: db.prepare<[number], SettledRow>(
      'SELECT position, name, expires, subject, body, sealed, purposes FROM events WHERE position = ?',
    ),
    anyWiped: db.prepare("SELECT position FROM events WHERE body = '' LIMIT 1"),
    wipe: db.prepare(
      "UPDATE events SET body = '', sealed = NULL, subject = NULL, expires = NULL WHERE position = ?",
    ),
    unowe: db.prepare('DELETE FROM pending WHERE uplink = ? AND position = ?'),
    unoweAll: db.prepare<[number], { uplink: string }>(
      'DELETE FROM pending WHERE position = ? RETURNING uplink',
    ),
    owedTo: db.prepare<[string, number], Row>(
      `SELECT position, name FROM pending JOIN events USING (position)
       WHERE uplink = ? ORDER BY position LIMIT ?`,
    ),
    owed: db.prepare<[number], { uplink: string }>('SELECT uplink FROM pending WHERE position = ?'),
    remove: db.prepare('DELETE FROM events WHERE position = ?'),
    unoweThese: db.prepare(
      'DELETE FROM pending WHERE uplink = ? AND position IN (SELECT value FROM json_each(?))',
    ),
    removeSettled: db.prepare(
      `DELETE FROM events WHERE position IN (SELECT value FROM json_each(?))
         AND NOT EXISTS (SELECT 1 FROM pending WHERE pending.position = events.position)`,
    ),
    bury: db.prepare('INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    unbury: db.prepare('DELETE FROM dead WHERE uplink = ? AND position = ?'),
    oldestDead: db.prepare<[number], { uplink: string; position: number }>(
      // Never a gap: what it declares would be declared by nothing any more (P5).
      `SELECT uplink, position FROM dead WHERE body NOT LIKE '%"type":"aisle.gateway.gap.v1"%'
       ORDER BY body != '', at LIMIT ?`,
    ),
    dead: db.prepare<[], DeadRow>('SELECT * FROM dead ORDER BY uplink, position'),
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
    counted: db.prepare<[string], { value: number }>('SELECT value FROM counters WHERE name = ?'),
    last: db.prepare<[], { value: string }>(LAST_POSITION),
    setLast: db.prepare(
      "INSERT INTO meta VALUES ('position', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    ),
  };
}
