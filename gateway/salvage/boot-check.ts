import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Db, isDamage } from '../database.ts';
import { VERSION, versionOf } from '../migrations.ts';
import { type Mark, progressOf, whyBehind } from './mark.ts';

/*
 * What a start looks at before it opens the database (P8). `quick_check` walks every page: 0.8 s for a
 * million waiting events (640 MB) once they are in memory. Reading them from a slow disk takes longer, so
 * that is bounded: beyond it only the small tables are walked, and damage in the others is met when it is
 * touched. That ends the process; after three such short runs everything is looked at, however long it takes.
 */

/** Why a database is not gone on with. `restored`: the operator put another in its place. */
export type Cause = 'missing' | 'empty' | 'damaged' | 'behind' | 'restored';

export interface Finding {
  cause: Exclude<Cause, 'restored'>;
  /** For the log: never what a row holds. */
  reason: string;
}

/** How long a start may read before it goes on, ms: the whole start is to take 10 s at most (P7). */
const PATIENCE = 4_000;
const READ_AT_ONCE = 4 * 1024 * 1024;
/** So many short runs in a row: something is wrong that a quick look does not see. */
const SUSPICIOUS = 3;
const SMALL_TABLES = ['meta', 'state', 'epochs', 'counters', 'subject_keys', 'audit', 'dead'];

/** What is wrong with the database of a folder; nothing where it can be gone on with, or is to be made. */
export function whatIsWrong(
  folder: string,
  mark: Mark | undefined,
  monotonic: () => number,
  areEventsWhole: (db: Db) => boolean,
): Finding | undefined {
  const file = join(folder, 'aisle.db');
  if (!existsSync(file)) return mark && { cause: 'missing', reason: 'it is not there any more' };
  if (statSync(file).size === 0) {
    const isBegun = mark !== undefined || existsSync(`${file}-wal`);
    return isBegun ? { cause: 'empty', reason: 'its length is 0' } : undefined;
  }
  // Before SQLite has it: whoever closes a file drops the locks that this process holds on it.
  const isWarm = isInMemory(file, monotonic);
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true });
    return wrongIn(db, mark, isWarm, areEventsWhole);
  } catch (error) {
    // What the disk refuses, the opening of the database says.
    return isDamage(error) ? { cause: 'damaged', reason: (error as Error).message } : undefined;
  } finally {
    db?.close();
  }
}

function wrongIn(
  db: Db,
  mark: Mark | undefined,
  isWarm: boolean,
  areEventsWhole: (db: Db) => boolean,
): Finding | undefined {
  db.pragma('cell_size_check = ON');
  if (versionOf(db) > VERSION) return undefined;
  const isThorough = (mark?.shortRuns ?? 0) >= SUSPICIOUS;
  const problem = isThorough ? problemOf(db, 'integrity_check(1)') : quickProblem(db, isWarm);
  if (problem !== undefined) return { cause: 'damaged', reason: problem };
  if (isThorough && versionOf(db) === VERSION && !areEventsWhole(db)) {
    return { cause: 'damaged', reason: 'events in it are not as they were written' };
  }
  const behind =
    mark && (versionOf(db) < 3 ? 'it is of an earlier version' : whyBehind(mark, progressOf(db)));
  return behind === undefined ? undefined : { cause: 'behind', reason: behind };
}

function quickProblem(db: Db, isWarm: boolean): string | undefined {
  if (isWarm) return problemOf(db, 'quick_check(1)');
  for (const table of SMALL_TABLES) {
    if (!db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table)) continue;
    const problem = problemOf(db, `quick_check(${table})`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOf(db: Db, pragma: string): string | undefined {
  const said = db.pragma(pragma, { simple: true });
  return said === 'ok' ? undefined : String(said).split('\n').slice(0, 2).join(' ');
}

/** Reads the file, so that the system has it in memory; false where that takes too long. */
function isInMemory(file: string, monotonic: () => number): boolean {
  const deadline = monotonic() + PATIENCE;
  const buffer = Buffer.allocUnsafe(READ_AT_ONCE);
  const descriptor = openSync(file, 'r');
  try {
    while (readSync(descriptor, buffer, 0, READ_AT_ONCE, null) > 0) if (monotonic() > deadline) return false;
    return true;
  } finally {
    closeSync(descriptor);
  }
}
