import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** Grows by one with every change of the tables below. */
const SCHEMA_VERSION = 2;

/**
 * The event is kept as it came; what queries need is read out of it by generated columns, so that
 * nothing but the event itself can be wrong. (`source`, `id`) is the unique key of CloudEvents §3.1,
 * which turns delivery at least once into one effect. `received_at` is the time just before the commit; when
 * it was over is in `commits`, for the rows from `first` to `last`.
 */
const TABLES = `
  CREATE TABLE events (
    source      TEXT NOT NULL,
    id          TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    event       TEXT NOT NULL,
    type        TEXT AS (json_extract(event, '$.type')),
    epoch       TEXT AS (json_extract(event, '$.epoch')),
    sequence    INTEGER AS (CASE WHEN json_extract(event, '$.type') LIKE 'aisle.%'
                                 THEN CAST(json_extract(event, '$.sequence') AS INTEGER) END),
    subject_ref TEXT AS (json_extract(event, '$.data.subject.ref')),
    visit_id    TEXT AS (coalesce(json_extract(event, '$.data.visitId'),
                                  json_extract(event, '$.data.attribution.visitId'))),
    record_id   TEXT AS (coalesce(json_extract(event, '$.data.recordId'),
                                  json_extract(event, '$.data.consent.recordId'))),
    PRIMARY KEY (source, id)
  );
  CREATE INDEX events_by_sequence ON events (source, epoch, sequence);
  CREATE INDEX events_by_type ON events (type);
  CREATE INDEX events_by_subject ON events (subject_ref) WHERE subject_ref IS NOT NULL;
  CREATE INDEX events_by_visit ON events (visit_id) WHERE visit_id IS NOT NULL;
  CREATE TABLE commits (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, at INTEGER NOT NULL);
  CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
  INSERT INTO counters VALUES ('duplicates', 0), ('rejected', 0);
  CREATE TABLE downlink (n INTEGER PRIMARY KEY AUTOINCREMENT, jws TEXT NOT NULL);
  CREATE TABLE meta (generation TEXT NOT NULL);
`;

/**
 * Opens `<folder>/profile-store.db`, making folder and tables where they are missing. A commit is on
 * disk when it returns (WAL with synchronous=FULL). `generation` names a new database for ever.
 * Throws where the file is of a newer version or not a database.
 */
export function openDatabase(folder: string, generation: string): Database.Database {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const db = new Database(join(folder, 'profile-store.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  // A large backlog comes in small batches: their indexes' pages change many times before they are copied.
  db.pragma('wal_autocheckpoint = 8000');
  const version = db.pragma('user_version', { simple: true });
  if (version === 0) {
    db.transaction(() => {
      db.exec(TABLES);
      db.prepare('INSERT INTO meta VALUES (?)').run(generation);
      db.pragma(`user_version = ${SCHEMA_VERSION}`);
    })();
  } else if (version !== SCHEMA_VERSION) {
    db.close();
    throw new Error(
      `${folder}: profile-store.db has version ${version}, this program reads ${SCHEMA_VERSION}`,
    );
  }
  return db;
}

/** Runs a transaction that a power cut may take: it is not waited for (WAL with synchronous=NORMAL). */
export function withoutSync(db: Database.Database, work: () => void): void {
  db.pragma('synchronous = NORMAL');
  try {
    work();
  } finally {
    db.pragma('synchronous = FULL');
  }
}
