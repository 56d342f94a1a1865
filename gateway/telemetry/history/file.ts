import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Db, openPrivate } from '../../database.ts';
import { diskOf, MIB } from '../../outbox/quota.ts';

const VERSION = 1;

/*
 * `minutes` holds the windows of a day, `hours` the five-minute roll-ups of `days`; both grow at the end and are
 * deleted at the beginning, so pages are filled and freed in a row. `unrolled` names the hours whose minutes
 * are not in `hours` yet.
 */
const SCHEMA = `
  CREATE TABLE series(id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, field TEXT NOT NULL, tags TEXT NOT NULL,
    UNIQUE(measurement, field, tags));
  CREATE TABLE minutes(minute INTEGER, series INTEGER, samples BLOB NOT NULL,
    PRIMARY KEY(minute, series)) WITHOUT ROWID;
  CREATE TABLE hours(hour INTEGER, series INTEGER, rolled BLOB NOT NULL,
    PRIMARY KEY(hour, series)) WITHOUT ROWID;
  CREATE TABLE unrolled(hour INTEGER PRIMARY KEY);
  PRAGMA user_version = ${VERSION};`;

/**
 * Another program that holds the file is waited for so long, ms; also while it is opened. The next try comes by
 * itself, and a thread that is in the middle of this when the process exits takes it down.
 */
const BUSY_MS = 100;

/**
 * Opens the history's file. Another version's is deleted and made anew: it is expendable, and says so by `told`.
 * @throws where the disk refuses, or the file is damaged.
 */
export function openFile(file: string, maxBytes: number, told: (text: string) => void): Db {
  const db = prepare(file, maxBytes);
  if (db) return db;
  deleteFile(file);
  const made = prepare(file, maxBytes);
  if (!made) throw new Error(`${file} cannot be made anew`);
  told(`${file} is of another version: it is made anew, and charts begin now`);
  return made;
}

export function deleteFile(file: string): void {
  deleteJournal(file);
  rmSync(file, { force: true });
}

/** SQLite would read that of one file into another that lies in its place. */
export function deleteJournal(file: string): void {
  for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
}

/** Nothing where the file is another version's. */
function prepare(file: string, maxBytes: number): Db | undefined {
  const db = openPrivate(file, { timeout: BUSY_MS });
  try {
    // NORMAL syncs at checkpoints alone, some a day: a power cut costs the last minutes and damages nothing
    // (https://sqlite.org/pragma.html#pragma_synchronous).
    db.exec(`PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 1000;
      PRAGMA journal_size_limit = ${4 * MIB};
      PRAGMA cache_size = -4096;
      PRAGMA trusted_schema = OFF;
      PRAGMA cell_size_check = ON;`);
    if (isNew(db)) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
    if (db.pragma('user_version', { simple: true }) !== VERSION) {
      db.close();
      return undefined;
    }
    db.pragma(`max_page_count = ${Math.floor(maxBytes / pageSize(db))}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function isNew(db: Db): boolean {
  return db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
}

const pageSize = (db: Db): number => db.pragma('page_size', { simple: true }) as number;

/** Octets of the file that hold something. */
export function octetsHeld(db: Db): number {
  const pages = db.pragma('page_count', { simple: true }) as number;
  const free = db.pragma('freelist_count', { simple: true }) as number;
  return (pages - free) * pageSize(db);
}

/**
 * Events come first: the history takes none of the last room of a disk.
 * @throws with a sentence where less than `keepFree` octets are free.
 */
export function needRoom(file: string, keepFree: number): void {
  const { free } = diskOf(dirname(file));
  if (free >= keepFree) return;
  const mib = (octets: number) => `${Math.floor(octets / MIB)} MiB`;
  throw new Error(
    `the disk has ${mib(free)} free, and the last ${mib(keepFree)} are kept for events: charts have gaps until there is room`,
  );
}
