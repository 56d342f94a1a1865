import Database from 'better-sqlite3';
import { type Db, isDamage } from '../database.ts';
import { type Range, union } from './ranges.ts';

/*
 * Reads what can be read of a damaged table, attached as `old`, into the same table of a new file. One scan
 * would end at the first damaged page: rows go over by ranges of their number, and where a range fails the
 * next readable number is searched for. A search doubles its steps, so that a lost branch of the tree costs
 * as little as a lost leaf; what was readable between two damaged places that near is lost with them.
 */

/**
 * Works with another database attached as `old`, which is left as it is: whoever closes a database last
 * empties its journal into it, so that is somebody who only reads.
 */
export async function withOldAsync<T>(db: Db, file: string, work: () => Promise<T>): Promise<T> {
  const detach = attach(db, file);
  try {
    return await work();
  } finally {
    detach();
  }
}

export function withOld<T>(db: Db, file: string, work: () => T): T {
  const detach = attach(db, file);
  try {
    return work();
  } finally {
    detach();
  }
}

function attach(db: Db, file: string): () => void {
  const last = new Database(file, { readonly: true, fileMustExist: true });
  try {
    last.prepare('SELECT 1 FROM sqlite_schema').get();
    db.prepare('ATTACH ? AS old').run(file);
  } catch (error) {
    last.close();
    throw error;
  }
  return () => {
    // What a failure left open would keep it attached.
    if (db.inTransaction) db.exec('ROLLBACK');
    db.exec('DETACH old');
    last.close();
  };
}

const ROWS_AT_ONCE = 4_000;

/** A table whose rows have a number, perhaps within an `uplink`. */
export interface Numbered {
  table: string;
  /** The column of the number. */
  number: string;
  uplink?: string;
  /** The highest number that there may be, where the table's own end cannot be read. */
  highest: number;
}

/** Copies what can be read; gives the ranges that cannot. @throws where the disk refuses. */
export function copyNumbered(db: Db, numbered: Numbered): Range[] {
  const lost = attempt(() => copyRanges(db, numbered));
  return lost === UNREADABLE ? [[0, numbered.highest]] : lost;
}

function copyRanges(db: Db, { table, number, uplink, highest }: Numbered): Range[] {
  const where = uplink === undefined ? '' : 'uplink = @uplink AND';
  const bound = uplink === undefined ? {} : { uplink };
  const following = db
    .prepare<[Record<string, unknown>], number>(
      `SELECT ${number} FROM old.${table} WHERE ${where} ${number} >= @from ORDER BY ${number} LIMIT 1`,
    )
    .pluck();
  const columns = columnsOf(db, table);
  const into = `INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM old.${table} WHERE ${where}`;
  const copy = db.prepare(`${into} ${number} BETWEEN @from AND @to`);
  // Without a look at what comes after, which may be broken.
  const copyOne = db.prepare(`${into} ${number} = @from`);
  const copyRange = (from: number, to: number) =>
    from === to ? copyOne.run({ ...bound, from }) : copy.run({ ...bound, from, to });
  /** The first number from there on; `undefined` at the end, `'unreadable'` where the tree is broken. */
  const next = (from: number) => attempt(() => following.get({ ...bound, from }));
  const lost: Range[] = [];
  const last = lastOf(db, table, number, where, bound) ?? highest;

  function skip(from: number): number {
    const to = firstReadable(from, last, (at) => next(at) !== UNREADABLE) ?? last + 1;
    lost.push([from, to - 1]);
    return to;
  }

  function walk(from: number, to: number, atOnce: number): void {
    let at = from;
    while (at <= to) {
      const found = next(at);
      if (found === undefined || (found !== UNREADABLE && found > to)) return;
      if (found === UNREADABLE || found < at) {
        at = skip(at);
        continue;
      }
      const end = Math.min(to, found + atOnce - 1);
      if (attempt(() => copyRange(found, end)) !== UNREADABLE) at = end + 1;
      else if (atOnce === 1) at = skip(found);
      else {
        walk(found, end, 1);
        at = end + 1;
      }
    }
  }

  walk(0, last, ROWS_AT_ONCE);
  return union(lost);
}

/** Copies a table by its key from both ends, up to what cannot be read. False where something was lost. */
export function copyKeyed(db: Db, table: string, key: readonly string[]): boolean {
  const columns = columnsOf(db, table);
  const copyAll = `INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM old.${table}`;
  if (attempt(() => db.exec(copyAll)) !== UNREADABLE) return true;
  attempt(() => copyFromBothEnds(db, table, columns, key));
  return false;
}

function copyFromBothEnds(db: Db, table: string, columns: string, key: readonly string[]): void {
  for (const [order, beyond] of [
    ['ASC', '>'],
    ['DESC', '<'],
  ] as const) {
    const ordered = key.map((column) => `${column} ${order}`).join(', ');
    const first = db.prepare<unknown[], Record<string, unknown>>(
      `SELECT ${columns} FROM old.${table} ORDER BY ${ordered} LIMIT 1`,
    );
    const after = db.prepare<unknown[], Record<string, unknown>>(
      `SELECT ${columns} FROM old.${table} WHERE (${key.join(', ')}) ${beyond} (${key.map(() => '?').join(', ')})
       ORDER BY ${ordered} LIMIT 1`,
    );
    const put = db.prepare(
      `INSERT OR IGNORE INTO main.${table} (${columns}) VALUES (${columns
        .split(', ')
        .map((column) => `@${column}`)
        .join(', ')})`,
    );
    let row = attempt(() => first.get());
    while (row !== undefined && row !== UNREADABLE) {
      const { changes } = put.run(row);
      // What comes from the other end already.
      if (changes === 0) break;
      const at = key.map((column) => (row as Record<string, unknown>)[column]);
      row = attempt(() => after.get(...at));
    }
  }
}

const UNREADABLE = 'unreadable';

/** What cannot be read, or is not what the table may hold. */
function attempt<T>(work: () => T): T | typeof UNREADABLE {
  try {
    return work();
  } catch (error) {
    if (
      isDamage(error) ||
      /^SQLITE_(CONSTRAINT|MISMATCH|ERROR)/.test(String((error as { code?: unknown }).code))
    ) {
      return UNREADABLE;
    }
    throw error;
  }
}

/** Steps double until something can be read, then close in on where that begins. */
function firstReadable(from: number, last: number, isReadable: (at: number) => boolean): number | undefined {
  let step = 1;
  while (!isReadable(from + step)) {
    if (from + step > last) return undefined;
    step *= 2;
  }
  let [broken, readable] = [from + Math.floor(step / 2), from + step];
  while (readable - broken > 1) {
    const middle = Math.floor((broken + readable) / 2);
    if (isReadable(middle)) readable = middle;
    else broken = middle;
  }
  return readable;
}

function lastOf(
  db: Db,
  table: string,
  number: string,
  where: string,
  bound: Record<string, unknown>,
): number | undefined {
  const last = attempt(() =>
    db
      .prepare<[Record<string, unknown>], number>(
        `SELECT ${number} FROM old.${table} WHERE ${where} ${number} >= @from ORDER BY ${number} DESC LIMIT 1`,
      )
      .pluck()
      .get({ ...bound, from: 0 }),
  );
  if (last === UNREADABLE) return undefined;
  return last ?? 0;
}

function columnsOf(db: Db, table: string): string {
  return db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table).join(', ');
}
