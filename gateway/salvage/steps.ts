import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Logger } from 'pino';
import { type Db, isDamage } from '../database.ts';
import { VERSION, versionOf } from '../migrations.ts';
import type { SealedEvents } from '../sealed-events.ts';
import { syncFile } from '../synced-file.ts';
import { beginsWell, mendFirstPage } from './first-page.ts';
import { progressOf, readMark, writeMark } from './mark.ts';
import { endPlan, type Plan, planOf, writePlan } from './plan.ts';
import { type Rebuilt, rebuild } from './rebuild.ts';
import { strip } from './strip.ts';

/* How a plan is carried out, and what it needs. Each step can be done again. */

export const DATABASE = 'aisle.db';
const DRAFT = 'aisle.db.draft';

export interface SalvageParts {
  folder: string;
  store: { id: string; source: string };
  uplinks: readonly string[];
  /** What rows of `state` are sealed with. */
  stateKey: Buffer;
  /** Comes from the store key, and tells nothing of it. */
  keyCheck: string;
  sealing: (db: Db) => SealedEvents;
  /** Whether a database is another store's. */
  isForeign: (db: Db) => boolean;
  /** 8 hex digits for a new epoch. */
  newEpoch: () => string;
  /** ms since the epoch. */
  wall: () => number;
  /** ms; never goes back. */
  monotonic: () => number;
  log: Logger;
}

/** Goes on from the plan's step to its end. @throws where the disk refuses; the next start goes on. */
export function carryOut(planned: Plan, parts: SalvageParts): void {
  const { folder, log } = parts;
  let plan = planned;
  const then = (step: Plan['step']) => {
    plan = writePlan(folder, { ...plan, step });
  };
  if (plan.step === 'aside') {
    setAside(folder, plan.aside);
    // What a backup takes the place of is not read: the draft is there already.
    then(plan.cause === 'restored' ? 'swap' : 'build');
  }
  if (plan.step === 'build') {
    const { salvaged, unreadable } = build(plan, parts, readable(folder, join(folder, plan.aside)));
    log.warn({ salvaged, unreadable: unreadable.count }, 'a new database is built of the old one');
    then('swap');
  }
  if (plan.step === 'swap') {
    swap(folder);
    then('strip');
  }
  strip(join(folder, plan.aside));
  tidy(join(folder, plan.aside));
  endPlan(folder);
  log.warn(
    { aside: plan.aside, ...roomOfAsides(folder) },
    'the old database is kept; it can be removed by hand',
  );
}

/**
 * Puts a database, made from a backup, in the place of the folder's, which is kept.
 * @throws where the disk refuses: the folder's database is as it was, or the next start goes on.
 */
export function replaceDatabase(
  parts: SalvageParts,
  backup: string,
): Rebuilt & { epoch: string; setAside: string | null } {
  const plan = planOf({ cause: 'restored', reason: 'restored' }, parts.wall());
  const hadOne = existsSync(join(parts.folder, DATABASE));
  const epoch = parts.newEpoch();
  const rebuilt = build(plan, { ...parts, newEpoch: () => epoch }, backup);
  carryOut(writePlan(parts.folder, plan), parts);
  return { ...rebuilt, epoch, setAside: hadOne ? plan.aside : null };
}

/** The journal first, so that it never stands beside another database. */
function setAside(folder: string, aside: string): void {
  for (const end of ['-wal', '']) {
    const file = join(folder, `${DATABASE}${end}`);
    if (existsSync(file)) renameSync(file, join(folder, `${aside}${end}`));
  }
  rmSync(join(folder, `${DATABASE}-shm`), { force: true });
  syncFile(folder);
}

function build({ cause, aside, at }: Plan, parts: SalvageParts, source: string | undefined): Rebuilt {
  const { folder, newEpoch, log: _, ...rest } = parts;
  const draft = join(folder, DRAFT);
  return rebuild({ ...rest, source, draft, cause, mark: readMark(folder), aside, epoch: newEpoch(), at });
}

/** The file, if anything of it can be read, with its first page mended where that is needed. */
function readable(folder: string, file: string): string | undefined {
  if (!existsSync(file)) {
    // Of a database that is gone, the journal may still tell something.
    if (!existsSync(`${file}-wal`)) return undefined;
    closeSync(openSync(file, 'wx', 0o600));
  }
  if (beginsWell(file) && hasTables(file)) return file;
  const was = mendFirstPage(folder, file);
  if (was !== undefined) writeFileSync(`${file}-first-page`, was, { mode: 0o600 });
  return hasTables(file) ? file : undefined;
}

/** Removes what reading it left beside an old database. */
function tidy(file: string): void {
  rmSync(`${file}-shm`, { force: true });
  const journal = `${file}-wal`;
  if (existsSync(journal) && statSync(journal).size === 0) rmSync(journal);
}

function hasTables(file: string): boolean {
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true });
    const version = versionOf(db);
    const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'events'").get();
    return version > 0 && version <= VERSION && table !== undefined;
  } catch (error) {
    if (isDamage(error) || (error as { code?: unknown }).code === 'SQLITE_ERROR') return false;
    throw error;
  } finally {
    db?.close();
  }
}

/** Puts the draft in the place of the database, and writes down how far that has come. */
function swap(folder: string): void {
  const draft = join(folder, DRAFT);
  const file = join(folder, DATABASE);
  if (existsSync(draft)) renameSync(draft, file);
  syncFile(folder);
  const db = new Database(file, { readonly: true });
  try {
    writeMark(folder, { ...progressOf(db), shortRuns: 0 });
  } finally {
    db.close();
  }
}

/** How many old databases there are, and what room they take. */
function roomOfAsides(folder: string): { asides: number; asideBytes: number } {
  const names = readdirSync(folder).filter((name) => /^aisle\.db\.(corrupt|replaced)-/.test(name));
  const asideBytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  return { asides: names.filter((name) => !/-(wal|first-page)$/.test(name)).length, asideBytes };
}
