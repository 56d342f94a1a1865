import { existsSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pino from 'pino';
import { judgeBackup, makeBackup } from '../backup.ts';
import type { Config } from '../config.ts';
import { lockFolder } from '../database.ts';
import { salvageParts } from '../road.ts';
import { readPlan } from '../salvage/plan.ts';
import { replaceDatabase } from '../salvage/steps.ts';
import { foreignOwner } from '../start-guard.ts';
import { openStoreKey } from '../store-key.ts';

/** Of the time, so much is left to the gateway: a pause lasts this many times the work before it. */
const LEFT_TO_THE_GATEWAY = 2;
/** Behind everything else that this machine does (`nice`). */
const LOW = 10;

/** Makes a backup beside a gateway that may or may not run. */
export async function backup(
  config: Config,
  file: string,
  json: boolean,
  out: (line: string) => void,
): Promise<void> {
  setPriority(LOW);
  const pause = (workedMs: number) => wait(workedMs * LEFT_TO_THE_GATEWAY);
  const made = await makeBackup(join(config.data, 'aisle.db'), resolve(file), { at: Date.now(), pause });
  if (json) return out(JSON.stringify(made));
  const { rows, leftOut } = made;
  out(`${made.file}: ${made.bytes} bytes, up to event ${made.sequence} of epoch ${made.epoch}; checked`);
  out(
    `holds     ${rows.events} waiting events, ${rows.dead} dead letters, ${rows.state} rows of state, ${rows.audit} of audit`,
  );
  out(`left out  ${leftOut.events} events, ${leftOut.dead} dead letters and ${leftOut.state} rows of people`);
  out(
    'keep beside it, and not with it: the store key; and aisle.yaml with its files, credentials.db, opt-out.json',
  );
}

/**
 * Puts a backup in the place of the database, which is kept.
 * @throws with a sentence where a gateway runs, or the file is not a backup for this store.
 */
export function restore(config: Config, file: string, json: boolean, out: (line: string) => void): void {
  const unlock = lockFolder(config.data);
  try {
    if (readPlan(config.data)) {
      throw new Error(
        `${config.data}: a salvage was broken off here; start the gateway once, so that it ends`,
      );
    }
    const { at } = judgeBackup(resolve(file), (db) => foreignOwner(db, config));
    const hadKey = existsSync(config.storeKeyFile ?? join(config.data, 'store.key'));
    const storeKey = openStoreKey(config.data, config.storeKeyFile);
    const parts = salvageParts(config, storeKey, { log: pino({ level: 'silent' }) });
    const { salvaged, unreadable, epoch, setAside } = replaceDatabase(parts, resolve(file));
    const told = {
      madeAt: new Date(at).toISOString(),
      epoch,
      ...salvaged,
      unreadable: unreadable.count,
      setAside,
    };
    if (json) return out(JSON.stringify(told));
    out(
      `restored what was there at ${told.madeAt}: ${salvaged.events} waiting events; epoch ${epoch} begins`,
    );
    out('nobody is recognised until the platform has sent a full list of consents');
    if (setAside !== null) out(`the database that was here is kept as ${setAside}`);
    if (!hadKey) out('there was no store key: a new one was made, and every device needs a new secret');
  } finally {
    unlock();
  }
}
