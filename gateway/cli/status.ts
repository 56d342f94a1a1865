import type { Config } from '../config.ts';
import { outboxCounts } from '../outbox/counts.ts';
import { diskUnder, quotaOn } from '../outbox/quota.ts';
import { signingKey } from '../signing-key.ts';
import { openStoreKey } from '../store-key.ts';
import { roomLine } from './outbox.ts';
import { withDatabase } from './stored.ts';

/** Reads the database beside a gateway that may or may not run. */
export function status(config: Config, json: boolean, out: (line: string) => void): void {
  const limit = quotaOn(diskUnder(config.data), config.retention);
  const counts = withDatabase(config, (db) => outboxCounts(db, { limit }));
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
  for (const [uplink, owed] of Object.entries(counts.owed)) out(`owed             ${owed} to ${uplink}`);
  out(roomLine(counts, limit));
  for (const [uplink, taken] of Object.entries(counts.taken)) out(`taken            ${taken} by ${uplink}`);
}
