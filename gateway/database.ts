import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { migrate } from './migrations.ts';
import type { StateChange, StateKind, StoredState } from './pipeline/outcome.ts';
import { seal, unseal } from './sealing.ts';

export type Db = Database.Database;

/** How long somebody who only looks (`check`) may hold the lock of the folder, ms. */
const LOCK_PATIENCE = 200;

/**
 * Opens `<folder>/aisle.db`, or one in memory for `replay`, and brings it to this version.
 * @throws with a sentence where the folder cannot be written, the file is damaged, or a newer version's.
 */
export function openDatabase(folder: string | ':memory:'): Db {
  if (folder === ':memory:') return prepare(new Database(':memory:'));
  makeFolder(folder);
  const file = join(folder, 'aisle.db');
  let db: Db | undefined;
  try {
    db = openPrivate(file);
    return prepare(db);
  } catch (error) {
    db?.close();
    throw new Error(`${file}: ${(error as Error).message}${advice(error)}`);
  }
}

function prepare(db: Db): Db {
  // FULL: an acknowledged event survives a power cut (NORMAL loses the last commits of the WAL).
  db.exec(`PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA busy_timeout = 5000;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 16777216;`);
  migrate(db);
  return db;
}

function advice(error: unknown): string {
  if (isDamage(error)) return ': it is damaged; the next start of the gateway salvages it';
  return isDiskRefusing(error) ? ': the disk refuses; see that it has room and can be written' : '';
}

/** Opens or makes a database file that this user alone can read, its journals too. */
export function openPrivate(file: string, options: Database.Options = {}): Db {
  // Only where it is missing: closing a file would drop the locks that SQLite holds on it in this process.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  return new Database(file, options);
}

/** @throws with a sentence where the data folder is not there and cannot be made, or cannot be written. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`data: ${folder} cannot be made or is not a folder (${codeOf(error)}): ${FOLDER_ADVICE}`);
  }
}

const FOLDER_ADVICE = 'set data to a folder that this user can write, or make this one theirs';

/** Opens the database to read beside a running gateway; nothing is created. */
export function readDatabase(folder: string): Db {
  return new Database(join(folder, 'aisle.db'), { readonly: true, fileMustExist: true });
}

/**
 * True where a write was refused by the disk or its file system: the world's doing, which may end. All
 * other errors of the database are mistakes of this program, or damage.
 */
export function isDiskRefusing(error: unknown): boolean {
  return /^SQLITE_(FULL|IOERR|READONLY|BUSY|LOCKED|CANTOPEN|NOMEM|PERM|PROTOCOL)/.test(codeOf(error));
}

/**
 * True where the file is not what was written: trying again does not help. It ends the process, whose next
 * start salvages (`salvage/`).
 */
export function isDamage(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}

/** Rows that name a person or hold a key of theirs: sealed on disk (R13). */
const SEALED: ReadonlySet<StateKind> = new Set<StateKind>(['consent', 'visit']);

/**
 * State of earlier runs, as the pipeline takes it.
 * @throws where `key` is not the one that a row was sealed with.
 */
export function storedState(db: Db, key: Buffer): StoredState {
  const rows = db.prepare<[StateKind], { key: string; value: string | Buffer }>(
    'SELECT key, value FROM state WHERE kind = ? ORDER BY key',
  );
  return {
    get: (kind) =>
      new Map(rows.all(kind).map((row) => [row.key, JSON.parse(openStateRow(key, { kind, ...row }))])),
  };
}

/**
 * The JSON of a row of `state`.
 * @throws where `key` is not the one that it was sealed with, or a bit of it is changed.
 */
export function openStateRow(
  key: Buffer,
  row: { kind: StateKind; key: string; value: string | Buffer },
): string {
  // A row of an earlier version lies there as it is; it is sealed when it changes next.
  if (typeof row.value === 'string') return row.value;
  return unseal(key, row.value, placeOf(row.kind, row.key)).toString();
}

function placeOf(kind: StateKind, key: string): string {
  return `state ${kind} ${key}`;
}

/** Writes changes of state; to be called inside the transaction of the events that belong to them. */
export function stateWriter(db: Db, key: Buffer): (changes: readonly StateChange[]) => void {
  const put = db.prepare(
    'INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  );
  const remove = db.prepare('DELETE FROM state WHERE kind = ? AND key = ?');
  return (changes) => {
    for (const { kind, key: row, value } of changes) {
      if (value === null) remove.run(kind, row);
      else if (!SEALED.has(kind)) put.run(kind, row, JSON.stringify(value));
      else put.run(kind, row, seal(key, JSON.stringify(value), placeOf(kind, row)));
    }
  };
}

/**
 * Takes hold of the data folder for this process, making it where it is missing; released by the
 * system when the process ends.
 * @throws with a sentence where another gateway holds it, or it cannot be written.
 */
export function lockFolder(folder: string): () => void {
  makeFolder(folder);
  let lock: Db | undefined;
  try {
    lock = openPrivate(join(folder, 'lock.db'), { timeout: LOCK_PATIENCE });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (codeOf(error) !== 'SQLITE_BUSY') {
      throw new Error(`data: ${folder} cannot be written (${codeOf(error)}): ${FOLDER_ADVICE}`);
    }
    throw new Error(
      `another gateway runs on ${folder}: stop it first, or give this one a data folder of its own`,
    );
  }
  return () => void lock.close();
}

/** True where a gateway runs on this folder. Changes nothing. */
export function isLocked(folder: string): boolean {
  let lock: Db | undefined;
  try {
    lock = new Database(join(folder, 'lock.db'), { readonly: true, fileMustExist: true, timeout: 0 });
    lock.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    return codeOf(error) === 'SQLITE_BUSY';
  } finally {
    lock?.close();
  }
}
