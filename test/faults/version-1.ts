import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** `aisle.db` as the first version made it. */
const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE state (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY, name TEXT NOT NULL, class TEXT NOT NULL, time INTEGER NOT NULL,
    expires INTEGER, subject BLOB, visit TEXT, body TEXT NOT NULL
  );
  CREATE INDEX events_subject ON events (subject) WHERE subject IS NOT NULL;
  CREATE INDEX events_expires ON events (expires) WHERE expires IS NOT NULL;
  CREATE INDEX events_wiped ON events (sequence) WHERE body = '';
  CREATE TABLE pending (uplink TEXT, sequence INTEGER, PRIMARY KEY (uplink, sequence)) WITHOUT ROWID;
  CREATE INDEX pending_sequence ON pending (sequence);
  CREATE TABLE dead (
    uplink TEXT, sequence INTEGER, at INTEGER NOT NULL, reason TEXT NOT NULL,
    expires INTEGER, subject BLOB, body TEXT NOT NULL, PRIMARY KEY (uplink, sequence)
  ) WITHOUT ROWID;
  CREATE INDEX dead_subject ON dead (subject) WHERE subject IS NOT NULL;
  CREATE INDEX dead_expires ON dead (expires) WHERE expires IS NOT NULL;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  PRAGMA application_id = ${0x4149534c};
  PRAGMA user_version = 1;`;

const EPOCH = 'e1e1e1e1';

/** A data folder of the first version in which presses 1…`count` of the button wait; their causes. */
export function folderOfVersion1(folder: string, uplink: string, count: number): string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const db = new Database(join(folder, 'aisle.db'));
  db.pragma('journal_mode = WAL');
  db.exec(SCHEMA);
  const causes = Array.from({ length: count }, (_, i) => `b1/b1/${i + 1}`);
  const time = Date.now() - 60_000;
  db.transaction(() => {
    db.prepare("INSERT INTO meta VALUES ('epoch', ?), ('sequence', ?)").run(EPOCH, String(count));
    for (const [i, cause] of causes.entries()) {
      const body = JSON.stringify(pressed(i + 1, cause, new Date(time + i).toISOString()));
      db.prepare("INSERT INTO events VALUES (?, 'button.pressed', 'B', ?, NULL, NULL, NULL, ?)").run(
        i + 1,
        time + i,
        body,
      );
      db.prepare('INSERT INTO pending VALUES (?, ?)').run(uplink, i + 1);
    }
  })();
  db.close();
  return causes;
}

function pressed(n: number, causationid: string, time: string) {
  const sequence = String(n).padStart(20, '0');
  return {
    specversion: '1.0',
    id: `${EPOCH}-${sequence}`,
    source: 'urn:aisle:store:s1:gateway:g1',
    type: 'aisle.button.pressed.v1',
    time,
    recordedtime: time,
    epoch: EPOCH,
    sequence,
    causationid,
    datacontenttype: 'application/json',
    data: { storeId: 's1', deviceId: 'b1', zoneId: 'shoes', button: 1, press: 'press' },
  };
}
