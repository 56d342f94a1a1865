import { type Db, openStateRow } from '../database.ts';
import { readEpochs } from '../outbox/epochs.ts';
import type { FullRow } from '../outbox/sql.ts';
import type { StateKind } from '../pipeline/outcome.ts';
import type { SealedEvents } from '../sealed-events.ts';

/* Whether rows that can be read are as they were written: what a check of the file's shape does not see. */

type StateRow = { kind: StateKind; key: string; value: string | Buffer };

/** Rows of `state` that are not as they were written. */
export function brokenState(db: Db, stateKey: Buffer): { kind: StateKind; key: string }[] {
  const rows = db.prepare<[], StateRow>('SELECT kind, key, value FROM state');
  const broken: { kind: StateKind; key: string }[] = [];
  for (const row of rows.iterate()) {
    if (!isRowWhole(row, stateKey)) broken.push({ kind: row.kind, key: row.key });
  }
  return broken;
}

function isRowWhole(row: StateRow, stateKey: Buffer): boolean {
  try {
    const text = openStateRow(stateKey, row);
    // A seal that opens is proof enough.
    if (typeof row.value === 'string') JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Positions of waiting events that cannot be delivered as they were stored, ascending. */
export function brokenEvents(db: Db, sealed: SealedEvents): number[] {
  const epochs = readEpochs(db);
  const rows = db.prepare<[], FullRow>('SELECT position, name, body, subject, sealed FROM events');
  const broken: number[] = [];
  for (const row of rows.iterate()) {
    if (!isEventWhole(row, epochs.idAt(row.position), sealed)) broken.push(row.position);
  }
  return broken;
}

function isEventWhole(row: FullRow, id: string, sealed: SealedEvents): boolean {
  // Wiped on its way: what becomes of it is settled at the start.
  if (row.body === '') return true;
  try {
    const event = sealed.open(row);
    return event !== undefined && (JSON.parse(event) as { id?: unknown }).id === id;
  } catch {
    return false;
  }
}

/** Refused events lose a body that cannot be opened; that they were refused stays known. */
export function wipeBrokenDead(db: Db, sealed: SealedEvents): void {
  const wipe = db.prepare(
    "UPDATE dead SET body = '', reason = 'unreadable', sealed = NULL, subject = NULL, expires = NULL WHERE uplink = ? AND position = ?",
  );
  const rows = db
    .prepare<[], FullRow & { uplink: string }>(
      'SELECT uplink, position, body, subject, sealed FROM dead WHERE sealed IS NOT NULL',
    )
    .all();
  for (const row of rows) if (!canOpen(row, sealed)) wipe.run(row.uplink, row.position);
}

function canOpen(row: FullRow, sealed: SealedEvents): boolean {
  try {
    return sealed.open(row) !== undefined;
  } catch {
    return false;
  }
}
