import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { auditHead } from './audit.ts';
import { readBindKey } from './bind-key.ts';
import { type ClockTrust, clockTrust, createClock } from './clock.ts';
import { type BootStamp, sourceOf } from './cloud-event.ts';
import { type Commit, createCommit } from './commit.ts';
import type { Config } from './config.ts';
import { type Db, lockFolder, openDatabase, storedState } from './database.ts';
import { createIntake, type Intake } from './intake.ts';
import { ensureEpoch } from './outbox/epochs.ts';
import { createOutbox, declareWiped, type Outbox } from './outbox/outbox.ts';
import { type ShopDevice, shopDevices } from './pipeline/decode.ts';
import type { StoredState } from './pipeline/outcome.ts';
import { createPipeline, type Pipeline } from './pipeline/pipeline.ts';
import type { Ahead } from './recognise/ahead.ts';
import { type SealedEvents, sealedEvents } from './sealed-events.ts';
import { type SigningKey, signingKey } from './signing-key.ts';
import { claimDatabase, refuseTrialKeys } from './start-guard.ts';
import { openStoreKey, type StoreKey } from './store-key.ts';
import { type SubjectKeys, subjectKeys } from './subject-keys.ts';
import { systemTimers, type Timers } from './timers.ts';
import { uplinkName } from './uplinks/index.ts';

/** From a signal to the disk: everything of the gateway but its ends, the broker and the uplinks. */
export interface Road {
  /** ms since the epoch. */
  now: () => number;
  trust: ClockTrust;
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

export interface RoadParts {
  log: Logger;
  /** ms since the epoch; may be wrong, and jump. */
  wall?: () => number;
  timers?: Timers;
  random?: (octets: number) => Uint8Array;
  /** Events up to the position `last` are on disk. */
  committed?: (last: number) => void;
  ahead?: Ahead | undefined;
}

/**
 * Opens the data folder for this process alone. What it takes is given back by `closers`, to be called in
 * the opposite order, also where this throws half-way.
 * @throws with a sentence where the folder is held by another or a file cannot be read.
 */
export function openRoad(config: Config, parts: RoadParts, closers: (() => unknown)[]): Road {
  refuseTrialKeys(config);
  closers.push(lockFolder(config.data));
  const storeKey = openStoreKey(config.data, config.storeKeyFile);
  const db = openDatabase(config.data);
  closers.push(() => db.close());
  claimDatabase(db, config);
  const road = layRoad(config, db, storeKey, parts);
  closers.push(() => closeCommit(road.commit, parts.log));
  return road;
}

/** The road on a database that is open, wherever it lies. @throws where the disk refuses. */
export function layRoad(config: Config, db: Db, storeKey: StoreKey, parts: RoadParts): Road {
  const { log, wall = Date.now, timers = systemTimers, random = randomBytes, committed = () => {} } = parts;
  const now = createClock(wall, timers.monotonic);
  const trust = clockTrust(config.clock.source, now);
  const ownKey = signingKey(storeKey.derive('signing'));
  const { keys, sealed } = sealing(db, storeKey);
  ensureEpoch(db, () => hex(random(4)));
  const { store } = config;
  const outbox = createOutbox(db, {
    source: sourceOf(store),
    storeId: store.id,
    gateway: store.gateway,
    uplinks: config.uplinks.map(uplinkName),
    sealed,
    subjectKeys: keys,
    signingKey: ownKey,
    auditHead: () => auditHead(db),
    personalHours: config.retention.personalHours,
    boot: bootStamps(hex(random(4)), timers, trust),
  });
  declareWiped(db, outbox, now());
  const stateKey = storeKey.derive('state');
  const commit = createCommit({
    db,
    outbox,
    stateKey,
    now,
    timers,
    committed,
    failed: (error) =>
      log.error({ reason: error.message }, 'the disk refuses; nothing is acknowledged until it takes'),
    recovered: () => log.info('the disk takes again'),
  });
  const devices = shopDevices(config, readBindKey);
  const stored = storedState(db, stateKey);
  const pipeline = createPipeline({ config, devices, stored, random, ahead: parts.ahead });
  const enter = createIntake(pipeline, commit);
  const keyed = { storeKey, signingKey: ownKey, sealed };
  return { now, trust, db, stored, devices, outbox, commit, pipeline, enter, ...keyed };
}

function bootStamps(id: string, timers: Timers, trust: ClockTrust): () => BootStamp {
  const startedAt = timers.monotonic();
  return () => ({
    id,
    monotonicMs: timers.monotonic() - startedAt,
    synchronised: trust.synchronised(),
  });
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
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
