import Database from 'better-sqlite3';
import { type Db, openDatabase } from '../../gateway/database.ts';
import type { Draws } from './draws.ts';
import type { World } from './world.ts';

/*
 * The box's disk: SQLite in memory, of which an image outlives the process. It refuses when it is told to, at
 * any write or at the commit, and it ends the process at any of these points. A power cut leaves what was
 * waited for with `synchronous = FULL`, and of what came after it all or nothing.
 */

type CrashPoint = 'write' | 'commit' | 'committed';

/** The process ends at this point of a transaction that is to come. */
export interface Trap {
  /** So many transactions from now; 0 is the next. */
  transactions: number;
  point: CrashPoint;
  /** At `write`: before this write of it, from 0. A shorter one has it at its commit. */
  write: number;
}

/** How the disk refuses. */
export interface Refusal {
  code: 'SQLITE_FULL' | 'SQLITE_IOERR_WRITE' | 'SQLITE_IOERR_FSYNC' | 'SQLITE_READONLY';
  /** Writes of a transaction that it takes before; a shorter one is refused at its commit. */
  writes: number;
}

export interface Disk {
  /** What the last process left. */
  open(): Db;
  /** The process has ended: nothing that it still does reaches the disk. What lies there for the next one. */
  cut(how: 'kill' | 'power'): Buffer;
  refuse(how: Refusal | undefined): void;
  trap(trap: Trap): void;
  calm(): void;
}

export interface DiskParts {
  world: World;
  /** The process ends here. */
  died: (point: string) => void;
  /** Says that it has written what it has not: nothing is promised on such a disk, and it has to be found. */
  lies?: boolean | undefined;
}

interface Write {
  sql: string;
  args: unknown[];
}

/** As the last version leaves an empty shop; made once, migrations take most of a start. */
let empty: Buffer | undefined;

export function simulatedDisk({ world, died, lies = false }: DiskParts): Disk {
  const random: Draws = world.draws('disk');
  let image: Buffer | undefined;
  let db: Db | undefined;
  let isSealed = false;
  let isWaitedFor = true;
  /** As it was when the disk was last waited for; nothing where it is so still. */
  let durable: Buffer | undefined;
  let refusal: Refusal | undefined;
  let trap: Trap | undefined;
  /** What the transaction under way wrote. */
  let written: Write[] = [];
  /** A commit that was refused by fsync, and yet may be on the platter. */
  let ghost: Write[] | undefined;

  function check(): void {
    if (isSealed) throw new Database.SqliteError('the process has ended', 'SQLITE_IOERR');
  }

  function die(point: string): never {
    isSealed = true;
    died(point);
    throw new Database.SqliteError('the process has ended', 'SQLITE_IOERR');
  }

  function beforeWrite(write: Write): void {
    check();
    if (trap?.transactions === 0 && trap.point === 'write' && written.length >= trap.write) {
      die(`before write ${written.length} of a transaction`);
    }
    if (refusal && refusal.code !== 'SQLITE_IOERR_FSYNC' && written.length >= refusal.writes) refuse(refusal);
    written.push(write);
  }

  function refuse({ code }: Refusal): never {
    throw new Database.SqliteError(`simulated ${code}`, code);
  }

  function beforeCommit(): void {
    check();
    const isTrapped = trap?.transactions === 0 && written.length > 0;
    if (isTrapped && trap?.point !== 'committed') die('before a commit');
    if (!refusal || written.length === 0) return;
    if (refusal.code === 'SQLITE_IOERR_FSYNC') ghost = [...written];
    refuse(refusal);
  }

  function committed(): void {
    if (written.length === 0) return;
    if (isWaitedFor && !lies) durable = undefined;
    ghost = undefined;
    written = [];
    if (!trap) return;
    const isNow = trap.transactions <= 0;
    trap.transactions -= 1;
    if (!isNow) return;
    trap = undefined;
    isSealed = true;
    died('after a commit, before anybody was told');
  }

  /** Before what is not waited for: so it is found after a power cut. */
  function keepDurable(opened: Db): void {
    if ((lies || !isWaitedFor) && !opened.inTransaction) durable ??= opened.serialize();
  }

  function instrument(opened: Db): Db {
    const { prepare, transaction, exec } = opened;
    const own = (name: string, value: unknown) => Object.defineProperty(opened, name, { value });
    own('prepare', (sql: string) => watched(opened, prepare.call(opened, sql), sql));
    own('exec', (sql: string) => {
      check();
      const level = /PRAGMA synchronous = (\w+)/.exec(sql)?.[1];
      if (level !== undefined) isWaitedFor = level !== 'NORMAL' && level !== 'OFF';
      return exec.call(opened, sql);
    });
    own('transaction', (work: (...args: unknown[]) => unknown) => {
      const run = transaction.call(opened, (...args: unknown[]) => {
        const result = work(...args);
        beforeCommit();
        return result;
      }) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        check();
        if (opened.inTransaction) return run(...args);
        keepDurable(opened);
        written = [];
        const result = run(...args);
        committed();
        return result;
      };
    });
    return opened;
  }

  /** What has died may still read: it reaches nobody with it. */
  function watched<S extends { readonly: boolean }>(opened: Db, statement: S, sql: string): S {
    if (statement.readonly) return statement;
    for (const name of ['run', 'get', 'all'] as const) {
      const write = (statement as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
      const value = (...args: unknown[]) => {
        const isAlone = !opened.inTransaction;
        if (isAlone) {
          written = [];
          keepDurable(opened);
        }
        beforeWrite({ sql, args });
        const result = write?.apply(statement, args);
        if (isAlone) committed();
        return result;
      };
      Object.defineProperty(statement, name, { value });
    }
    return statement;
  }

  return {
    open() {
      empty ??= openDatabase(':memory:').serialize();
      const opened = new Database(image ?? empty);
      // As `openDatabase` sets them on a file; a file's journal and its waiting are simulated here.
      opened.exec('PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON');
      isSealed = false;
      isWaitedFor = true;
      [durable, ghost, written] = [undefined, undefined, []];
      db = instrument(opened);
      return db;
    },
    cut(how) {
      isSealed = true;
      if (!db) throw new Error('nothing was opened');
      const last = db.serialize();
      const ended = db;
      world.time.after(0, () => ended.close());
      const isOlder = how === 'power' && durable !== undefined && random.chance(0.6);
      image = isOlder ? (durable ?? last) : last;
      if (ghost && !isOlder && random.chance(0.5)) image = withWrites(image, ghost);
      [db, trap] = [undefined, undefined];
      return image;
    },
    refuse(how) {
      refusal = how;
    },
    trap(next) {
      trap = next;
    },
    calm() {
      [refusal, trap] = [undefined, undefined];
    },
  };
}

function withWrites(image: Buffer, writes: readonly Write[]): Buffer {
  const db = new Database(image);
  db.exec('PRAGMA secure_delete = ON');
  db.transaction(() => {
    for (const { sql, args } of writes) db.prepare(sql).run(...args);
  })();
  const after = db.serialize();
  db.close();
  return after;
}
