import type { Db } from '../database.ts';
import type { Mark } from './mark.ts';
import type { Range } from './ranges.ts';

/* What of a database that lost rows has to be brought back into step with what is left. */

/** An epoch that nothing tells of: so that every position has a place. */
const NO_EPOCH = '00000000';

/** The epoch of events whose table of epochs was lost stands in each of them. */
export function completeEpochs(db: Db, mark: Mark | undefined): void {
  if (!db.prepare('SELECT 1 FROM events').get()) return;
  const put = db.prepare('INSERT OR IGNORE INTO epochs VALUES (?, ?)');
  const found = db
    .prepare<[], { first: number; epoch: string }>(
      `SELECT DISTINCT position - CAST(json_extract(body, '$.sequence') AS INTEGER) + 1 AS first,
         json_extract(body, '$.epoch') AS epoch
       FROM events WHERE json_valid(body)`,
    )
    .all();
  for (const { first, epoch } of found) if (first > 0 && /^[0-9a-f]{8}$/.test(epoch)) put.run(first, epoch);
  if (mark) put.run(mark.first, mark.epoch);
  if (!db.prepare('SELECT 1 FROM epochs WHERE first <= 1').get()) put.run(1, NO_EPOCH);
}

/** An event that is perhaps owed is owed: it is sent again under its id. */
export function oweAgain(
  db: Db,
  lost: ReadonlyMap<string, readonly Range[]>,
  uplinks: readonly string[],
): void {
  db.exec('DELETE FROM pending WHERE position NOT IN (SELECT position FROM events)');
  const oweRange = db.prepare(
    'INSERT OR IGNORE INTO pending SELECT ?, position FROM events WHERE position BETWEEN ? AND ?',
  );
  for (const [uplink, ranges] of lost) for (const range of ranges) oweRange.run(uplink, ...range);
  const owedToNobody = db
    .prepare<[], number>('SELECT position FROM events WHERE position NOT IN (SELECT position FROM pending)')
    .pluck()
    .all();
  const owe = db.prepare('INSERT INTO pending VALUES (?, ?)');
  for (const position of owedToNobody) for (const uplink of uplinks) owe.run(uplink, position);
}

/** The last position, and how many events are declared by now; the rest is counted through (`ensureCounts`). */
export function settleCounters(db: Db, last: number, lost: number): void {
  db.prepare("INSERT INTO meta VALUES ('position', ?) ON CONFLICT DO UPDATE SET value = excluded.value").run(
    String(last),
  );
  db.prepare(
    "INSERT INTO counters VALUES ('declared', ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
  ).run(lost);
}

export const countOf = (db: Db, table: 'events' | 'dead' | 'state' | 'audit'): number =>
  db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;

/** The highest position that any row tells of. */
export function highestIn(db: Db): number {
  const highest = db.prepare<[], number | null>(
    `SELECT max(position) FROM (SELECT max(position) AS position FROM events
       UNION ALL SELECT max(position) FROM pending UNION ALL SELECT max(position) FROM dead)`,
  );
  return highest.pluck().get() ?? 0;
}
