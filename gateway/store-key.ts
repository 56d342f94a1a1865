import { hkdfSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** 256 bits, in a file of its own beside the database: a copy of the database alone opens nothing. */
const KEY_OCTETS = 32;

export interface StoreKey {
  /** A key for one purpose; the same each time. */
  derive(purpose: string): Buffer;
}

/**
 * The box's own secret, `<folder>/store.key` (0600), made at first use.
 * @throws where the file is there but is not a key.
 */
export function openStoreKey(folder: string): StoreKey {
  const file = join(folder, 'store.key');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    // Exclusive: of two processes that start together, one makes the key and both read it.
    writeFileSync(file, randomBytes(KEY_OCTETS).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const secret = Buffer.from(readFileSync(file, 'utf8'), 'base64url');
  if (secret.length !== KEY_OCTETS) {
    throw new Error(`${file}: is not a store key (${KEY_OCTETS} bytes, base64url); restore it from a backup`);
  }
  return {
    derive: (purpose) => Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `aisle ${purpose}`, 32)),
  };
}
