import { existsSync, linkSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type Db, isDamage, openPrivate } from './database.ts';
import { APPLICATION_ID, migrate, VERSION, versionOf } from './migrations.ts';
import { lastPosition, readEpochs } from './outbox/epochs.ts';
import { GRANTED_HERE, RECOGNITION } from './salvage/personal.ts';
import { type Range, union } from './salvage/ranges.ts';
import { withOldAsync } from './salvage/read-rows.ts';
import { BACKUP, type BackupNote } from './salvage/rebuild.ts';
import { KEY_CHECK } from './salvage/salvage.ts';
import { inEpochs } from './salvage/unreadable.ts';
import { syncFile } from './synced-file.ts';

/*
 * A copy of the database beside a running gateway: one snapshot, made by another process, in pieces with
 * pauses between, so that the gateway keeps the disk and the processor.
 *
 * It is made without what must not come back (P14, R15): who is erased, or takes their consent back, after
 * the backup is not in it. So no consent, no visit, no event of a person and no key of theirs; consents come
 * anew from the platform's list.
 */

export interface Backup {
  file: string;
  bytes: number;
  /** ISO 8601. */
  at: string;
  epoch: string;
  /** The last sequence of that epoch. */
  sequence: number;
  /** Rows that are in it. */
  rows: { events: number; pending: number; dead: number; state: number; audit: number };
  /** Rows that are left out: they are people's. */
  leftOut: { events: number; dead: number; state: number };
}

const EVENTS_AT_ONCE = 1_000;

/**
 * Makes the backup and checks it. `pause` is waited for between pieces, with how long the last took, ms.
 * @throws with a sentence where the file is there already, there is no database, or it is another version's.
 */
export async function makeBackup(
  source: string,
  file: string,
  { at, pause }: { at: number; pause: (workedMs: number) => Promise<void> },
): Promise<Backup> {
  if (existsSync(file)) throw new Error(`${file}: is there already; a backup replaces nothing`);
  if (!existsSync(source))
    throw new Error(`${source}: no database there yet; it is made when the gateway first runs`);
  const draft = `${file}.part`;
  rmSync(draft, { force: true });
  try {
    const made = await write(source, draft, { at, pause });
    syncFile(draft);
    // Unlike a rename, it replaces nothing that came meanwhile.
    linkSync(draft, file);
    syncFile(dirname(file));
    return { file, bytes: statSync(file).size, ...made };
  } finally {
    rmSync(draft, { force: true });
    rmSync(`${draft}-journal`, { force: true });
  }
}

type Written = Omit<Backup, 'file' | 'bytes'>;

async function write(
  source: string,
  draft: string,
  { at, pause }: { at: number; pause: (workedMs: number) => Promise<void> },
): Promise<Written> {
  const db = openPrivate(draft);
  try {
    db.exec('PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000;');
    migrate(db);
    return await withOldAsync(db, source, async () => {
      const version = db.pragma('old.user_version', { simple: true });
      if (version !== VERSION) {
        throw new Error(
          `${source}: is of version ${version}, this Aisle's is ${VERSION}; the gateway's next start brings it up`,
        );
      }
      // One snapshot from here to the end.
      db.exec('BEGIN');
      copySmall(db);
      await copyEvents(db, pause);
      const written = describe(db, at);
      db.exec('COMMIT');
      const said = db.pragma('quick_check', { simple: true });
      if (said !== 'ok')
        throw new Error(`${draft}: the backup is not sound (${said}); the disk may be failing`);
      return written;
    });
  } finally {
    db.close();
  }
}

function copySmall(db: Db): void {
  db.exec(`
    INSERT INTO main.meta SELECT * FROM old.meta WHERE key != '${KEY_CHECK}';
    INSERT INTO main.epochs SELECT * FROM old.epochs;
    INSERT INTO main.counters SELECT * FROM old.counters;
    INSERT INTO main.audit SELECT * FROM old.audit;
    INSERT INTO main.state SELECT * FROM old.state WHERE NOT (${RECOGNITION}) AND NOT (${GRANTED_HERE});
    INSERT INTO main.dead SELECT * FROM old.dead WHERE subject IS NULL;`);
}

async function copyEvents(db: Db, pause: (workedMs: number) => Promise<void>): Promise<void> {
  const nextPiece = db
    .prepare<[number, number], number>(
      'SELECT max(position) FROM (SELECT position FROM old.events WHERE position > ? ORDER BY position LIMIT ?)',
    )
    .pluck();
  const events = db.prepare(
    'INSERT INTO main.events SELECT * FROM old.events WHERE position > ? AND position <= ? AND subject IS NULL',
  );
  const pending = db.prepare(
    `INSERT INTO main.pending SELECT uplink, position FROM old.pending
     WHERE position > ? AND position <= ? AND position IN (SELECT position FROM main.events)`,
  );
  for (let from = 0; ; ) {
    const startedAt = performance.now();
    const to = nextPiece.get(from, EVENTS_AT_ONCE);
    if (to === undefined || to === null) return;
    events.run(from, to);
    pending.run(from, to);
    from = to;
    await pause(performance.now() - startedAt);
  }
}

function describe(db: Db, at: number): Written {
  const count = (from: string) => db.prepare<[], number>(`SELECT count(*) FROM ${from}`).pluck().get() ?? 0;
  const last = lastPosition(db);
  const note: BackupNote = { at, leftOut: leftOutOf(db) };
  db.prepare('INSERT INTO main.meta VALUES (?, ?)').run(BACKUP, JSON.stringify(note));
  const { epoch, sequence } =
    last > 0 ? readEpochs(db).at(last) : { epoch: readEpochs(db).current(), sequence: 0 };
  const tables = ['events', 'pending', 'dead', 'state', 'audit'] as const;
  const rows = Object.fromEntries(tables.map((table) => [table, count(`main.${table}`)])) as Backup['rows'];
  return {
    at: new Date(at).toISOString(),
    epoch,
    sequence,
    rows,
    leftOut: {
      events: count('old.events WHERE subject IS NOT NULL'),
      dead: count('old.dead WHERE subject IS NOT NULL'),
      state: count('old.state') - rows.state,
    },
  };
}

/** Sequences of waiting events of persons, by epoch. */
function leftOutOf(db: Db): BackupNote['leftOut'] {
  const positions = db
    .prepare<[], number>('SELECT position FROM old.events WHERE subject IS NOT NULL ORDER BY position')
    .pluck()
    .all();
  const byEpoch = new Map<string, Range[]>();
  for (const range of union(positions.map((position): Range => [position, position]))) {
    for (const [epoch, part] of inEpochs(db, range))
      byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), part]);
  }
  return [...byEpoch];
}

/**
 * Looks whether a file is a backup that this Aisle can restore, for this store.
 * @throws with a sentence where it is not.
 */
export function judgeBackup(file: string, foreign: (db: Db) => string | undefined): BackupNote {
  if (!existsSync(file)) throw new Error(`${file}: there is no such file`);
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true });
    return noteOf(db, file, foreign);
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new Error(`${file}: is damaged, or no backup (${(error as Error).message}); take another one`);
  } finally {
    db?.close();
  }
}

function noteOf(db: Db, file: string, foreign: (db: Db) => string | undefined): BackupNote {
  const said = db.pragma('integrity_check(1)', { simple: true });
  if (said !== 'ok') throw new Error(`${file}: is damaged (${said}); take another one`);
  if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID)
    throw new Error(`${file}: is no database of Aisle`);
  if (versionOf(db) > VERSION) {
    throw new Error(
      `${file}: is of a newer Aisle (version ${versionOf(db)}, this one knows ${VERSION}): install that one first`,
    );
  }
  const text = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck().get(BACKUP);
  if (text === undefined)
    throw new Error(`${file}: was not made by  aisle backup, and may hold what must not come back`);
  const other = foreign(db);
  if (other !== undefined) throw new Error(`${file}: ${other}`);
  return JSON.parse(text) as BackupNote;
}
