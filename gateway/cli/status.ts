import type { Config } from '../config.ts';
import { type Db, readDatabase } from '../database.ts';
import { outboxCounts } from '../outbox.ts';
import { signingKey } from '../signing-key.ts';
import { openStoreKey } from '../store-key.ts';

/** Reads the database beside a gateway that may or may not run. */
export function status(config: Config, json: boolean, out: (line: string) => void): void {
  const counts = withDatabase(config, outboxCounts);
  const { jwk } = signingKey(openStoreKey(config.data, config.storeKeyFile).derive('signing'));
  if (json) return out(JSON.stringify({ ...counts, signingKey: jwk }));
  out(`epoch            ${counts.epoch}`);
  out(`signing key      ${jwk.kid}`);
  out(`stored           ${counts.stored}`);
  out(`declared removed ${counts.declared}`);
  out(
    `waiting          ${counts.waiting}${counts.oldestAt === null ? '' : `, the oldest since ${new Date(counts.oldestAt).toISOString()}`}`,
  );
  out(`dead letters     ${counts.dead}`);
  for (const [uplink, taken] of Object.entries(counts.taken)) out(`taken            ${taken} by ${uplink}`);
}

export function deadLetters(config: Config, json: boolean, out: (line: string) => void): void {
  const rows = withDatabase(config, (db) =>
    db
      .prepare<[], { uplink: string; sequence: number; at: number; reason: string; body: string }>(
        'SELECT * FROM dead ORDER BY sequence',
      )
      .all(),
  );
  for (const { body, at, ...row } of rows) {
    const { id, type } = body === '' ? { id: undefined, type: undefined } : JSON.parse(body);
    const letter = { ...row, at: new Date(at).toISOString(), id, type };
    out(
      json
        ? JSON.stringify(letter)
        : `${letter.at} ${letter.uplink} ${id ?? row.sequence} ${type ?? 'erased'}: ${row.reason}`,
    );
  }
}

function withDatabase<T>(config: Config, read: (db: Db) => T): T {
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
