import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Db, isDamage, isDiskRefusing, openDatabase } from '../database.ts';
import { VERSION, versionOf } from '../migrations.ts';
import { type Finding, whatIsWrong } from './boot-check.ts';
import { isFirstPageKept, keepFirstPage } from './first-page.ts';
import { noteStart, readMark } from './mark.ts';
import { planOf, readPlan, writePlan } from './plan.ts';
import { brokenEvents, brokenState } from './soundness.ts';
import { carryOut, DATABASE, type SalvageParts } from './steps.ts';

/*
 * A start opens a sound database, whatever became of the last one (P8): it never refuses since the file is
 * damaged, and deletes nothing of it. What is wrong is found by `boot-check.ts`; then the file is set aside,
 * a new one is built from what it still tells (`rebuild.ts`) and put in its place, and what would open
 * people's data is taken out of the old one (`strip.ts`). A kill in the middle is taken up by the next start.
 */

/**
 * Opens the database of a folder that this process holds.
 * @throws where the disk refuses, the store key is another one, or the database is of a newer version.
 */
export function openSoundDatabase(parts: SalvageParts): Db {
  const { folder } = parts;
  const plan = readPlan(folder);
  const wrong = plan ? undefined : whatToSalvage(parts);
  if (plan) carryOut(plan, parts);
  else if (wrong) carryOut(writePlan(folder, planOf(wrong, parts.wall())), parts);
  noteStart(folder);
  const db = openKeepingFirstPage(folder);
  if (parts.isForeign(db)) return db;
  db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING').run(KEY_CHECK, parts.keyCheck);
  return db;
}

function openKeepingFirstPage(folder: string): Db {
  const db = openDatabase(folder);
  if (isFirstPageKept(folder, db)) return db;
  // It was made or migrated just now: closed, all of it is in the file.
  db.close();
  keepFirstPage(folder, join(folder, DATABASE));
  return openDatabase(folder);
}

function whatToSalvage(parts: SalvageParts): Finding | undefined {
  const areEventsWhole = (db: Db) => brokenEvents(db, parts.sealing(db)).length === 0;
  const { folder, monotonic, log } = parts;
  const found = whatIsWrong(folder, readMark(folder), monotonic, areEventsWhole) ?? brokenRows(parts);
  // Another store's is somebody's mistake, and not to be touched: the start says so.
  if (!found || reading(folder, parts.isForeign)) return undefined;
  log.error(found, 'the database cannot be gone on with; what it still tells is salvaged');
  return found;
}

/** In `meta`: tells another store key from damage. */
export const KEY_CHECK = 'store-key';

/** Consents and visits are read at each start: one row that cannot be opened would end it. */
function brokenRows({ folder, stateKey, keyCheck }: SalvageParts): Finding | undefined {
  const broken = reading(folder, (db) => {
    const check = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck().get(KEY_CHECK);
    if (check !== undefined && check !== keyCheck) {
      throw new Error(
        `${folder}: the store key is not the one that this database was written with: put that one back (store.key, or storeKeyFile)`,
      );
    }
    return brokenState(db, stateKey).length;
  });
  return broken
    ? { cause: 'damaged', reason: `${broken} rows of state are not as they were written` }
    : undefined;
}

/** Reads what can be read; nothing of a file that tells nothing, or is not for this version. */
function reading<T>(folder: string, read: (db: Db) => T): T | undefined {
  const file = join(folder, DATABASE);
  if (!existsSync(file)) return undefined;
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true });
    const version = versionOf(db);
    return version > 0 && version <= VERSION ? read(db) : undefined;
  } catch (error) {
    if (isDamage(error) || isDiskRefusing(error)) return undefined;
    throw error;
  } finally {
    db?.close();
  }
}
