import { hash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Db } from '../database.ts';
import { currentEpoch, lastPosition } from '../outbox/epochs.ts';
import type { Timers } from '../timers.ts';

/*
 * A small file beside the database that says how far it had come: written a second after a commit at the
 * latest, and not waited for. A database that is behind it is not the one that ran here last: an old copy,
 * or one whose journal was cut off. To go on with it would give a sequence a second time.
 */

export interface Mark {
  /** 8 hex digits. */
  epoch: string;
  /** The position that the epoch began with. */
  first: number;
  /** The last position that was given. */
  last: number;
  /** The first position that still waited; null where nothing did. */
  oldest: number | null;
  /** Lines of the audit. */
  audit: number;
  /** Runs in a row that ended of themselves within a minute. */
  shortRuns: number;
}

const FILE = 'aisle.mark';
/** Written at once and in place: one sector, whole or not at all. */
const OCTETS = 512;
/** How far the mark may lag behind the database, ms. */
const LAG = 1_000;
/** Whoever runs so long is well, ms. */
const WELL_AFTER = 60_000;

/** The mark of a folder; nothing where there is none, or a power cut tore it. */
export function readMark(folder: string): Mark | undefined {
  const file = join(folder, FILE);
  if (!existsSync(file)) return undefined;
  const [sum, text = ''] = readFileSync(file, 'utf8').split('\n');
  return sum === sumOf(text) ? (JSON.parse(text) as Mark) : undefined;
}

/** @throws where the disk refuses. */
export function writeMark(folder: string, mark: Mark): void {
  const descriptor = openSync(join(folder, FILE), existsSync(join(folder, FILE)) ? 'r+' : 'wx', 0o600);
  try {
    writeSync(descriptor, textOf(mark), 0);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A sum, the mark as JSON, and blanks up to a sector's end. */
function textOf(mark: Mark): string {
  const text = JSON.stringify(mark);
  return `${sumOf(text)}\n${text}\n`.padEnd(OCTETS);
}

const sumOf = (text: string): string => hash('sha256', text, 'hex').slice(0, 16);

/** How far a database has come. */
export function progressOf(db: Db): Omit<Mark, 'shortRuns'> {
  const { first = 1, epoch = '' } = currentEpoch(db) ?? {};
  const oldest = db.prepare<[], number | null>('SELECT min(position) FROM events').pluck().get() ?? null;
  const audit = db.prepare<[], number | null>('SELECT max(n) FROM audit').pluck().get() ?? 0;
  return { epoch, first, last: lastPosition(db), oldest, audit };
}

/** Why a database is not the one that the mark is of; nothing where it can be. */
export function whyBehind(mark: Mark, db: Omit<Mark, 'shortRuns'>): string | undefined {
  if (db.epoch !== mark.epoch) return `it is of epoch ${db.epoch}, here ran ${mark.epoch}`;
  if (db.last < mark.last) return `it ends at event ${db.last}, here were ${mark.last}`;
  if (db.audit < mark.audit) return `its audit has ${db.audit} lines, here were ${mark.audit}`;
  return undefined;
}

/** A start counts as a short run until it is known to be none. */
export function noteStart(folder: string): void {
  const mark = readMark(folder);
  if (mark) writeMark(folder, { ...mark, shortRuns: mark.shortRuns + 1 });
}

export interface Marking {
  /** Something was committed. */
  committed(): void;
  close(): void;
}

/** Keeps the mark of an open database. @throws where the disk refuses the first. */
export function keepMark(folder: string, db: Db, timers: Timers): Marking {
  let shortRuns = readMark(folder)?.shortRuns ?? 1;
  writeMark(folder, { ...progressOf(db), shortRuns });
  const file = openSync(join(folder, FILE), 'r+');
  let callOff: (() => void) | undefined;
  let isOpen = true;

  function write(): void {
    callOff = undefined;
    const text = textOf({ ...progressOf(db), shortRuns });
    try {
      writeSync(file, text, 0);
    } catch {
      // The disk refuses: the commits say so. An older mark is a true one.
    }
  }

  const callOffWell = timers.after(WELL_AFTER, () => {
    shortRuns = 0;
    write();
  });
  return {
    committed: () => {
      if (isOpen) callOff ??= timers.after(LAG, write);
    },
    close() {
      isOpen = false;
      callOff?.();
      callOffWell();
      shortRuns = 0;
      write();
      closeSync(file);
    },
  };
}
