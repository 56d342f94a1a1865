import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { StateChange, StateKind, StoredState } from './pipeline/outcome.ts';

export type Db = Database.Database;

/** What one statement after another brings an empty file to; `user_version` counts those done. */
const MIGRATIONS = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE state (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
   CREATE TABLE events (
     sequence INTEGER PRIMARY KEY,
     name TEXT NOT NULL,
     class TEXT NOT NULL,
     time INTEGER NOT NULL,
     expires INTEGER,
     subject BLOB,
     visit TEXT,
     body TEXT NOT NULL
   );
   CREATE INDEX events_subject ON events (subject) WHERE subject IS NOT NULL;
   CREATE INDEX events_expires ON events (expires) WHERE expires IS NOT NULL;
   CREATE TABLE pending (uplink TEXT, sequence INTEGER, PRIMARY KEY (uplink, sequence)) WITHOUT ROWID;
   CREATE INDEX pending_sequence ON pending (sequence);
   CREATE TABLE dead (
     uplink TEXT, sequence INTEGER, at INTEGER NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (uplink, sequence)
   ) WITHOUT ROWID;
   CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;`,
];

/** `AISL`: tells our files from others'. */
const APPLICATION_ID = 0x4149534c;

/**
 * Opens `<folder>/aisle.db`, or one in memory for `replay`, and brings it to this version.
 * @throws where the folder cannot be written, or the file is a newer version's.
 */
export function openDatabase(folder: string | ':memory:'): Db {
  if (folder !== ':memory:') mkdirSync(folder, { recursive: true, mode: 0o700 });
  const db = new Database(folder === ':memory:' ? ':memory:' : join(folder, 'aisle.db'));
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

/** Opens the database to read beside a running gateway; nothing is created. */
export function readDatabase(folder: string): Db {
  return new Database(join(folder, 'aisle.db'), { readonly: true, fileMustExist: true });
}

function migrate(db: Db): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > MIGRATIONS.length) {
    throw new Error(
      `the database is of a newer Aisle (version ${version}, this one knows ${MIGRATIONS.length})`,
    );
  }
  for (const [i, statements] of MIGRATIONS.entries()) {
    if (i < version) continue;
    db.transaction(() => {
      db.exec(statements);
      db.pragma(`user_version = ${i + 1}`);
      db.pragma(`application_id = ${APPLICATION_ID}`);
    })();
  }
}

/** State of earlier runs, as the pipeline takes it. */
export function storedState(db: Db): StoredState {
  const rows = db.prepare<[StateKind], { key: string; value: string }>(
    'SELECT key, value FROM state WHERE kind = ? ORDER BY key',
  );
  return { get: (kind) => new Map(rows.all(kind).map(({ key, value }) => [key, JSON.parse(value)])) };
}

/** Nothing stored yet. */
export const noState: StoredState = { get: () => new Map() };

/** Writes changes of state; to be called inside the transaction of the events that belong to them. */
export function stateWriter(db: Db): (changes: readonly StateChange[]) => void {
  const put = db.prepare(
    'INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  );
  const remove = db.prepare('DELETE FROM state WHERE kind = ? AND key = ?');
  return (changes) => {
    for (const { kind, key, value } of changes) {
      if (value === null) remove.run(kind, key);
      else put.run(kind, key, JSON.stringify(value));
    }
  };
}

/** Takes hold of the data folder for this process; released by the system when the process ends. */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = new Database(join(folder, 'lock.db'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch {
    lock.close();
    throw new Error(
      `another gateway runs on ${folder}: stop it first, or give this one a data folder of its own`,
    );
  }
  return () => lock.close();
}
