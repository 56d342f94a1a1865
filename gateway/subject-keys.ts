import { randomBytes } from 'node:crypto';
import type { Db } from './database.ts';
import { seal, unseal } from './sealing.ts';

/** A key for each person of whom events wait; rows are found by a keyed hash and name nobody. */
export const SUBJECT_KEYS_TABLE =
  'CREATE TABLE subject_keys (tag BLOB PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;';

/** Keys that are remembered unwrapped. */
const REMEMBERED = 10_000;
/** Keys that one `tidy` looks at. */
const TIDIED_AT_ONCE = 500;

/**
 * The keys that waiting personal events are sealed under, each wrapped by a key that comes from the store
 * key. To destroy the row is to erase the events, wherever a copy of their bytes is left (S20, P14).
 */
export interface SubjectKeys {
  /** The subject's key, made where there is none; inside a transaction. */
  make(tag: Buffer): Buffer;
  find(tag: Buffer): Buffer | undefined;
  destroy(tag: Buffer): void;
  /** To be said at the begin of each transaction: what an earlier one made may not be on disk. */
  begin(): void;
  /** Drops keys that no event needs any more, some at a time. */
  tidy(): void;
}

export function subjectKeys(db: Db, wrapping: Buffer): SubjectKeys {
  const sql = {
    get: db.prepare<[Buffer], { key: Buffer }>('SELECT key FROM subject_keys WHERE tag = ?'),
    put: db.prepare('INSERT INTO subject_keys VALUES (?, ?)'),
    remove: db.prepare('DELETE FROM subject_keys WHERE tag = ?'),
    unused: db.prepare<[Buffer, number], { tag: Buffer; used: number }>(
      `SELECT tag, EXISTS (SELECT 1 FROM events WHERE subject = tag)
         OR EXISTS (SELECT 1 FROM dead WHERE subject = tag) AS used
       FROM subject_keys WHERE tag > ? ORDER BY tag LIMIT ?`,
    ),
  };
  const remembered = new Map<string, Buffer>();
  /** Made in the transaction under way, or in one that failed. */
  const unsure = new Set<string>();
  let tidied: Buffer = Buffer.alloc(0);

  function remember(name: string, key: Buffer): Buffer {
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(name, key);
    return key;
  }

  function find(tag: Buffer): Buffer | undefined {
    const name = tag.toString('hex');
    const known = remembered.get(name);
    if (known) return known;
    const row = sql.get.get(tag);
    return row && remember(name, unseal(wrapping, row.key, tag));
  }

  function destroy(tag: Buffer): void {
    remembered.delete(tag.toString('hex'));
    sql.remove.run(tag);
  }

  return {
    find,
    destroy,
    make(tag) {
      const found = find(tag);
      if (found) return found;
      const key = randomBytes(32);
      sql.put.run(tag, seal(wrapping, key, tag));
      unsure.add(tag.toString('hex'));
      return remember(tag.toString('hex'), key);
    },
    begin() {
      for (const name of unsure) remembered.delete(name);
      unsure.clear();
    },
    tidy() {
      const rows = sql.unused.all(tidied, TIDIED_AT_ONCE);
      for (const { tag, used } of rows) if (!used) destroy(tag);
      tidied = rows.length < TIDIED_AT_ONCE ? Buffer.alloc(0) : (rows.at(-1)?.tag ?? Buffer.alloc(0));
    },
  };
}
