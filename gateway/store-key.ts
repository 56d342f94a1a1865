import { hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './database.ts';
import { syncFile, writeSynced } from './synced-file.ts';

/** 256 bits, in a file of its own beside the database: a copy of the database alone opens nothing. */
const KEY_OCTETS = 32;

export interface StoreKey {
  /** A key for one purpose; the same each time. */
  derive(purpose: string): Buffer;
}

/**
 * The box's own secret: `<folder>/store.key` (0600), made at first use, or a file that is given, such as a
 * credential of the service manager, which is never made here.
 * @throws where a file that is given is missing, and where it is there but is not a key.
 */
export function openStoreKey(folder: string, given?: string): StoreKey {
  const file = given ?? join(folder, 'store.key');
  if (given === undefined && !existsSync(file)) makeKey(folder, file);
  if (!existsSync(file)) {
    throw new Error(`storeKeyFile: ${file} is not there: make it by  openssl rand -base64 32 > ${file}`);
  }
  const secret = Buffer.from(readFileSync(file, 'utf8'), 'base64url');
  if (secret.length !== KEY_OCTETS) {
    throw new Error(`${file}: is not a store key (${KEY_OCTETS} bytes, base64url); restore it from a backup`);
  }
  return {
    derive: (purpose) => Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `aisle ${purpose}`, 32)),
  };
}

/**
 * The name appears only once the whole key is on disk: a crash leaves none or all of it, and of two
 * processes that start together one makes the key and both read it.
 */
function makeKey(folder: string, file: string): void {
  makeFolder(folder);
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  writeSynced(draft, randomBytes(KEY_OCTETS).toString('base64url'), 'wx');
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  syncFile(folder);
}
