import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { makeFolder, openPrivate } from '../database.ts';

/** 256 bits of the system's randomness: no dictionary to try, so a fast keyed hash is enough (S3). */
const SECRET_OCTETS = 32;

const FILE = 'credentials.db';

/**
 * Device secrets, kept as HMAC-SHA-256 under a key that is not in this file. A database of its own:
 * `devices add` writes it beside a running gateway, and no event store that is replaced takes it along.
 */
export interface Credentials {
  /** Makes the device's secret, replacing an older one; this is the only time it is seen. */
  issue(device: string, at: number): string;
  verify(device: string, secret: Uint8Array): boolean;
  revoke(device: string): boolean;
  list(): { device: string; issuedAt: number }[];
  close(): void;
}

export function openCredentials(folder: string, key: Buffer): Credentials {
  makeFolder(folder);
  const db = openPrivate(join(folder, FILE));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS devices (
      device TEXT PRIMARY KEY, hash BLOB NOT NULL, issued INTEGER NOT NULL
    ) WITHOUT ROWID;`);
  const put = db.prepare(
    'INSERT INTO devices VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash, issued = excluded.issued',
  );
  const get = db.prepare<[string], { hash: Buffer }>('SELECT hash FROM devices WHERE device = ?');
  const remove = db.prepare<[string]>('DELETE FROM devices WHERE device = ?');
  const all = db.prepare<[], { device: string; issuedAt: number }>(
    'SELECT device, issued AS issuedAt FROM devices ORDER BY device',
  );
  const hash = (secret: Uint8Array) => createHmac('sha256', key).update(secret).digest();
  /** Compared with where there is no such device, so that both answers take the same time. */
  const nobody = hash(randomBytes(SECRET_OCTETS));

  return {
    issue(device, at) {
      const secret = randomBytes(SECRET_OCTETS).toString('base64url');
      put.run(device, hash(Buffer.from(secret)), at);
      return secret;
    },
    verify(device, secret) {
      const known = get.get(device)?.hash;
      return timingSafeEqual(known ?? nobody, hash(secret)) && known !== undefined;
    },
    revoke: (device) => remove.run(device).changes > 0,
    list: () => all.all(),
    close: () => void db.close(),
  };
}

/** Devices that have a secret, read beside a running gateway; nothing is created. */
export function devicesWithSecret(folder: string): Set<string> {
  const file = join(folder, FILE);
  if (!existsSync(file)) return new Set();
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const rows = db.prepare<[], { device: string }>('SELECT device FROM devices').all();
    return new Set(rows.map(({ device }) => device));
  } finally {
    db.close();
  }
}
