import { closeSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AUDIT_TABLE } from './audit.ts';
import type { Db } from './database.ts';
import { EPOCHS_TABLE } from './outbox/epochs.ts';
import { SUBJECT_KEYS_TABLE } from './subject-keys.ts';
import { syncFile } from './synced-file.ts';

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
   CREATE INDEX events_wiped ON events (sequence) WHERE body = '';
   CREATE TABLE pending (uplink TEXT, sequence INTEGER, PRIMARY KEY (uplink, sequence)) WITHOUT ROWID;
   CREATE INDEX pending_sequence ON pending (sequence);
   CREATE TABLE dead (
     uplink TEXT, sequence INTEGER, at INTEGER NOT NULL, reason TEXT NOT NULL,
     expires INTEGER, subject BLOB, body TEXT NOT NULL,
     PRIMARY KEY (uplink, sequence)
   ) WITHOUT ROWID;
   CREATE INDEX dead_subject ON dead (subject) WHERE subject IS NOT NULL;
   CREATE INDEX dead_expires ON dead (expires) WHERE expires IS NOT NULL;
   CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;`,
  // `sealed` is a personal event's data under its subject's key, `purposes` what it rests on, a bit each.
  `ALTER TABLE events ADD COLUMN sealed BLOB;
   ALTER TABLE events ADD COLUMN purposes INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE dead ADD COLUMN sealed BLOB;
   ALTER TABLE dead ADD COLUMN purposes INTEGER NOT NULL DEFAULT 0;
   ${SUBJECT_KEYS_TABLE}
   ${AUDIT_TABLE}`,
  // What was the sequence is a position from here on: a salvaged or restored database begins an epoch anew.
  `${EPOCHS_TABLE}
   INSERT INTO epochs SELECT 1, value FROM meta WHERE key = 'epoch';
   DELETE FROM meta WHERE key = 'epoch';
   UPDATE meta SET key = 'position' WHERE key = 'sequence';
   ALTER TABLE events RENAME COLUMN sequence TO position;
   ALTER TABLE pending RENAME COLUMN sequence TO position;
   ALTER TABLE dead RENAME COLUMN sequence TO position;`,
  // Telemetry by its age: what goes first (P4).
  "CREATE INDEX events_telemetry ON events (time) WHERE class = 'C';",
];

/** The version that this Aisle reads and writes. */
export const VERSION = MIGRATIONS.length;

/** `AISL`: tells our files from others'. */
export const APPLICATION_ID = 0x4149534c;

/** The version of a database; 0 of an empty one. */
export const versionOf = (db: Db): number => db.pragma('user_version', { simple: true }) as number;

/**
 * Brings a database to this version, each step a transaction of its own, after a copy of the file was made
 * (P10). With `upTo` it stops at that version.
 * @throws with a sentence, and the file untouched, where it is of a newer version or has no room for the copy.
 */
export function migrate(db: Db, upTo = VERSION, { keepsCopy = true } = {}): void {
  const version = versionOf(db);
  if (version > VERSION) {
    throw new Error(
      `is of a newer Aisle (version ${version}, this one knows ${VERSION}): install that one again`,
    );
  }
  if (version > 0 && version < upTo && keepsCopy && !db.memory) keepCopy(db, version);
  for (const [i, statements] of MIGRATIONS.entries()) {
    if (i < version || i >= upTo) continue;
    db.transaction(() => {
      db.exec(statements);
      db.pragma(`user_version = ${i + 1}`);
      db.pragma(`application_id = ${APPLICATION_ID}`);
    })();
  }
}

/** To go back to the earlier version by hand; the name appears once the whole copy is on disk. */
function keepCopy(db: Db, version: number): void {
  const copy = `${db.name}.version-${version}`;
  try {
    rmSync(`${copy}.part`, { force: true });
    closeSync(openSync(`${copy}.part`, 'wx', 0o600));
    // By SQLite: reading its file otherwise would drop the locks that it holds on it.
    db.prepare('VACUUM INTO ?').run(`${copy}.part`);
    syncFile(`${copy}.part`);
    renameSync(`${copy}.part`, copy);
    syncFile(dirname(copy));
  } catch (error) {
    rmSync(`${copy}.part`, { force: true, recursive: true });
    throw new Error(
      `is of version ${version}, and a copy of it cannot be made before it is brought to ${VERSION} (${(error as NodeJS.ErrnoException).code}): give the data folder room for the file once more`,
    );
  }
}

/**
 * Removes the copies made before migrations: to be called when a start of the new version got through. They
 * hold people's data that no erasure would reach (P14).
 */
export function dropCopies(file: string): void {
  const folder = dirname(file);
  const isCopy = new RegExp(`^${basename(file).replaceAll('.', '\\.')}\\.version-\\d+(\\.part)?$`);
  for (const name of readdirSync(folder)) if (isCopy.test(name)) rmSync(join(folder, name));
}
