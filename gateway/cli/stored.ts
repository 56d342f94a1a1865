import type { Config } from '../config.ts';
import type { ListInForce } from '../consent-list.ts';
import type { ConsentRecord } from '../consent-record.ts';
import type { ShopChoice } from '../consents.ts';
import { type Db, readDatabase, storedState } from '../database.ts';
import { openStoreKey, type StoreKey } from '../store-key.ts';

/** What is stored of consents, as the commands read it beside a gateway that may or may not run. */
export interface StoredConsents {
  records: ConsentRecord[];
  inForce: ListInForce | undefined;
  /** Choices made in the shop that the platform has not caught up with, by record. */
  choices: ReadonlyMap<string, ShopChoice>;
}

/** @throws with a sentence where there is no database yet, or its key is another one. */
export function readStored(config: Config): StoredConsents {
  return withStoredDatabase(config, (db, storeKey) => {
    const stored = storedState(db, storeKey().derive('state'));
    return {
      records: [...stored.get('consent').values()] as ConsentRecord[],
      inForce: stored.get('consent-list').get('') as ListInForce | undefined,
      choices: stored.get('shop-choice') as ReadonlyMap<string, ShopChoice>,
    };
  });
}

/**
 * Reads the database; changes nothing. The key is opened only where it is asked for.
 * @throws with a sentence where there is no database yet, or an earlier version's.
 */
export function withStoredDatabase<T>(config: Config, read: (db: Db, storeKey: () => StoreKey) => T): T {
  return withDatabase(config, (db) => {
    if (!hasAudit(db)) {
      throw new Error(
        `${config.data}: the database is of an earlier version; the gateway's next start brings it up`,
      );
    }
    return read(db, () => openStoreKey(config.data, config.storeKeyFile));
  });
}

/** Reads the database of whatever version. @throws with a sentence where there is none yet. */
export function withDatabase<T>(config: Config, read: (db: Db) => T): T {
  let db: Db;
  try {
    db = readDatabase(config.data);
  } catch {
    throw new Error(`${config.data}: no database there yet; it is made when the gateway first runs`);
  }
  try {
    return read(db);
  } finally {
    db.close();
  }
}

function hasAudit(db: Db): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").get() !== undefined;
}
