import type { Config } from '../config.ts';
import { outboxCounts } from '../outbox/counts.ts';
import { sealing } from '../road.ts';
import { signingKey } from '../signing-key.ts';
import { openStoreKey } from '../store-key.ts';
import { withDatabase } from './stored.ts';

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

interface DeadRow {
  uplink: string;
  position: number;
  at: number;
  reason: string;
  subject: Buffer | null;
  body: string;
}

/** Events that an uplink refused for good; of personal ones the reason is opened. */
export function deadLetters(config: Config, json: boolean, out: (line: string) => void): void {
  const letters = withDatabase(config, (db) => {
    const { sealed } = sealing(db, openStoreKey(config.data, config.storeKeyFile));
    const rows = db.prepare<[], DeadRow>('SELECT * FROM dead ORDER BY position').all();
    return rows.map(({ uplink, position, at, reason, subject, body }) => {
      const { id, type } = body === '' ? { id: undefined, type: undefined } : JSON.parse(body);
      const why = sealed.reveal(reason, subject);
      return { uplink, position, at: new Date(at).toISOString(), reason: why, id, type };
    });
  });
  for (const letter of letters) {
    const { at, uplink, id = letter.position, type = 'erased', reason } = letter;
    out(json ? JSON.stringify(letter) : `${at} ${uplink} ${id} ${type}: ${reason}`);
  }
}
