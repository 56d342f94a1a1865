import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { auditHead } from './audit.ts';
import { readBindKey } from './bind-key.ts';
import { createClock } from './clock.ts';
import { sourceOf } from './cloud-event.ts';
import { type Commit, createCommit } from './commit.ts';
import type { Config } from './config.ts';
import { type Db, lockFolder, openDatabase, storedState } from './database.ts';
import { createIntake, type Intake } from './intake.ts';
import { createOutbox, declareWiped, epochOf, type Outbox } from './outbox.ts';
import { type ShopDevice, shopDevices } from './pipeline/decode.ts';
import type { StoredState } from './pipeline/outcome.ts';
import { createPipeline, type Pipeline } from './pipeline/pipeline.ts';
import type { Ahead } from './recognise/ahead.ts';
import { type SealedEvents, sealedEvents } from './sealed-events.ts';
import { type SigningKey, signingKey } from './signing-key.ts';
import { claimDatabase, refuseTrialKeys } from './start-guard.ts';
import { openStoreKey, type StoreKey } from './store-key.ts';
import { type SubjectKeys, subjectKeys } from './subject-keys.ts';
import { uplinkName } from './uplinks/index.ts';

/** From a signal to the disk: everything of the gateway but its ends, the broker and the uplinks. */
export interface Road {
  /** ms since the epoch. */
  now: () => number;
  storeKey: StoreKey;
  signingKey: SigningKey;
  db: Db;
  stored: StoredState;
  devices: ShopDevice[];
  sealed: SealedEvents;
  outbox: Outbox;
  commit: Commit;
  pipeline: Pipeline;
  enter: Intake;
}

/**
 * Opens the data folder for this process alone. What it takes is given back by `closers`, to be called in
 * the opposite order, also where this throws half-way.
 * @throws with a sentence where the folder is held by another or a file cannot be read.
 */
export function openRoad(
  config: Config,
  parts: { log: Logger; wall?: () => number; committed?: (last: number) => void; ahead?: Ahead },
  closers: (() => unknown)[],
): Road {
  const { log, wall = Date.now, committed = () => {} } = parts;
  refuseTrialKeys(config);
  closers.push(lockFolder(config.data));
  const storeKey = openStoreKey(config.data, config.storeKeyFile);
  const db = openDatabase(config.data);
  closers.push(() => db.close());
  claimDatabase(db, config);
  const now = createClock(wall, () => performance.now());
  const ownKey = signingKey(storeKey.derive('signing'));
  const { keys, sealed } = sealing(db, storeKey);
  const outbox = openOutbox(config, db, { keys, sealed, ownKey });
  declareWiped(db, outbox, now());
  const stateKey = storeKey.derive('state');
  const commit = createCommit({
    db,
    outbox,
    stateKey,
    now,
    committed,
    failed: (error) =>
      log.error({ reason: error.message }, 'the disk refuses; nothing is acknowledged until it takes'),
  });
  closers.push(() => closeCommit(commit, log));
  const devices = shopDevices(config, readBindKey);
  const stored = storedState(db, stateKey);
  const pipeline = createPipeline({ config, devices, stored, random: randomBytes, ahead: parts.ahead });
  const enter = createIntake(pipeline, commit);
  return { now, storeKey, signingKey: ownKey, db, stored, sealed, devices, outbox, commit, pipeline, enter };
}

function openOutbox(
  config: Config,
  db: Db,
  { keys, sealed, ownKey }: { keys: SubjectKeys; sealed: SealedEvents; ownKey: SigningKey },
): Outbox {
  const { store } = config;
  return createOutbox(db, {
    source: sourceOf(store),
    epoch: epochOf(db, () => randomBytes(4).toString('hex')),
    storeId: store.id,
    gateway: store.gateway,
    uplinks: config.uplinks.map(uplinkName),
    sealed,
    subjectKeys: keys,
    signingKey: ownKey,
    auditHead: () => auditHead(db),
    personalHours: config.retention.personalHours,
  });
}

/** What opens waiting events; for who reads beside the gateway too. */
export function sealing(db: Db, storeKey: StoreKey): { keys: SubjectKeys; sealed: SealedEvents } {
  const keys = subjectKeys(db, storeKey.derive('subject keys'));
  return { keys, sealed: sealedEvents(keys, storeKey.derive('subject tags')) };
}

function closeCommit(commit: Commit, log: Logger): void {
  try {
    commit.close();
  } catch (error) {
    log.error(
      { reason: (error as Error).message },
      'the last batch is not on disk; its senders were told nothing',
    );
  }
}
