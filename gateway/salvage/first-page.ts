import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Db } from '../database.ts';
import { writeSynced } from '../synced-file.ts';

/*
 * The first page of the database says where its tables begin; without it nothing of the file can be read.
 * It changes with a migration only, so a copy of it is kept beside (https://sqlite.org/fileformat.html §1.3).
 */

const FILE = 'aisle.first-page';
export const PAGE = 4096;
const MAGIC = 'SQLite format 3\0';
/** Offsets of the header: how many pages, the free ones, what counts changes, and the schema. */
const CHANGES = 24;
const FREE_LIST = 32;
const SCHEMA = 40;
const VALID_FOR = 92;

/** Whether the kept copy is of this shape of the database. */
export const isFirstPageKept = (folder: string, db: Db): boolean =>
  readFirstPage(folder)?.readUInt32BE(SCHEMA) === db.pragma('schema_version', { simple: true });

/**
 * Keeps a copy of the first page of a file that nobody in this process has open: closing it drops the locks
 * that SQLite holds on it. @throws where the disk refuses.
 */
export function keepFirstPage(folder: string, file: string): void {
  const page = readPage(file);
  if (!isFirstPage(page)) return;
  const draft = join(folder, `${FILE}.part`);
  writeSynced(draft, page);
  renameSync(draft, join(folder, FILE));
}

function readFirstPage(folder: string): Buffer | undefined {
  const file = join(folder, FILE);
  const page = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  return isFirstPage(page) ? page : undefined;
}

function readPage(file: string): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const page = Buffer.alloc(PAGE);
    return page.subarray(0, readSync(descriptor, page, 0, PAGE, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Whether a file begins as a database of ours does. */
export const beginsWell = (file: string): boolean => isFirstPage(readPage(file));

function isFirstPage(page: Buffer): boolean {
  return page.length === PAGE && page.toString('latin1', 0, 16) === MAGIC && page.readUInt16BE(16) === PAGE;
}

/**
 * Puts the kept first page in the place of the one that a file has; what that was comes back. Nothing where
 * none is kept.
 */
export function mendFirstPage(folder: string, file: string): Buffer | undefined {
  const page = readFirstPage(folder);
  if (!page) return undefined;
  // How long the file is, its length says; what is free is of no use to a reader.
  page.writeUInt32BE((page.readUInt32BE(VALID_FOR) + 1) >>> 0, CHANGES);
  page.fill(0, FREE_LIST, FREE_LIST + 8);
  const was = readPage(file);
  const descriptor = openSync(file, 'r+');
  try {
    writeSync(descriptor, page, 0, PAGE, 0);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return was;
}
