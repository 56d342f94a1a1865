import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { auditHead } from './audit.ts';
import type { Ballast } from './ballast.ts';
import { readBindKey } from './bind-key.ts';
import { type ClockTrust, clockTrust, createClock } from './clock.ts';
import { type BootStamp, sourceOf } from './cloud-event.ts';
import { type Commit, createCommit } from './commit.ts';
import type { Config } from './config.ts';
import { type Db, lockFolder, storedState } from './database.ts';
import { createIntake, type Intake } from './intake.ts';
import { messageClasses } from './message-class.ts';
import { dropCopies } from './migrations.ts';
import { openAge } from './outbox/age.ts';
import { ensureEpoch } from './outbox/epochs.ts';
import { createOutbox, declareWiped, type Outbox } from './outbox/outbox.ts';
import { type Disk, diskOf, MIB, quotaOn } from './outbox/quota.ts';
import { openRoom, type Room } from './outbox/room.ts';
import { type ShopDevice, shopDevices } from './pipeline/decode.ts';
import type { StoredState } from './pipeline/outcome.ts';
import { createPipeline, type Pipeline } from './pipeline/pipeline.ts';
import type { Ahead } from './recognise/ahead.ts';
import { keepMark, type Marking } from './salvage/mark.ts';
import { openSoundDatabase } from './salvage/salvage.ts';
import type { SalvageParts } from './salvage/steps.ts';
import { sameFileGuard } from './same-file.ts';
import { type SealedEvents, sealedEvents } from './sealed-events.ts';
import { type SigningKey, signingKey } from './signing-key.ts';
import { claimDatabase, foreignOwner, refuseTrialKeys } from './start-guard.ts';
import { openStoreKey, type StoreKey } from './store-key.ts';
import { type SubjectKeys, subjectKeys } from './subject-keys.ts';
import type { Point } from './telemetry/point.ts';
import { quotaSentence, roomTelling } from './tell-room.ts';
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
  room: Room;
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
  /** Takes points for the time series; never throws, never waits. */
  measured?: ((points: readonly Point[]) => void) | undefined;
  /** Where the database lies; left out, the quota is as configured. */
  disk?: Disk | undefined;
  /** Given up where the disk is full. */
  ballast?: Ballast | undefined;
  /** Throws where the database is not the file that was opened any more. */
  guard?: () => void;
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
  const db = openSoundDatabase(salvageParts(config, storeKey, parts));
  closers.push(() => db.close());
  claimDatabase(db, config);
  const guard = sameFileGuard(join(config.data, 'aisle.db'));
  let marking: Marking | undefined;
  const committed = (last: number) => {
    marking?.committed();
    parts.committed?.(last);
  };
  const road = layRoad(config, db, storeKey, { ...parts, committed, disk: diskOf(config.data), guard });
  marking = keepMark(config.data, db, parts.timers ?? systemTimers);
  closers.push(() => marking?.close());
  dropCopies(db.name);
  closers.push(() => closeCommit(road.commit, parts.log));
  return road;
}

/** The road on a database that is open, wherever it lies. @throws where the disk refuses. */
export function layRoad(config: Config, db: Db, storeKey: StoreKey, parts: RoadParts): Road {
  const { log, wall = Date.now, timers = systemTimers, random = randomBytes, committed = () => {} } = parts;
  const now = createClock(wall, timers.monotonic);
  const trust = clockTrust(config.clock.source, now, timers.monotonic);
  const ownKey = signingKey(storeKey.derive('signing'));
  const { keys, sealed } = sealing(db, storeKey);
  ensureEpoch(db, () => hex(random(4)));
  const { store, retention } = config;
  const room = roomIn(config, db, parts);
  const outbox = createOutbox(db, {
    source: sourceOf(store),
    storeId: store.id,
    gateway: store.gateway,
    uplinks: config.uplinks.map(uplinkName),
    sealed,
    subjectKeys: keys,
    signingKey: ownKey,
    auditHead: () => auditHead(db),
    ...retention,
    room,
    age: openAge(db, { wall: now, monotonic: timers.monotonic }),
    refused: (error) => {
      parts.ballast?.refused();
      commit.doubt(error);
    },
    boot: bootStamps(hex(random(4)), timers, trust),
  });
  const stateKey = storeKey.derive('state');
  const commit = createCommit({
    db,
    outbox,
    stateKey,
    now,
    timers,
    committed,
    ...(parts.guard && { guard: parts.guard }),
    failed: (error) => {
      log.error({ reason: error.message }, 'the disk refuses; nothing is acknowledged until it takes');
      parts.ballast?.refused();
    },
    recovered: () => log.info('the disk takes again'),
  });
  declareWiped(db, outbox, now());
  const devices = shopDevices(config, readBindKey);
  const stored = storedState(db, stateKey);
  const pipeline = createPipeline({ config, devices, stored, random, ahead: parts.ahead });
  const door = { room, classOf: messageClasses(devices) };
  const enter = createIntake(pipeline, commit, door, parts.measured);
  const keyed = { storeKey, signingKey: ownKey, sealed };
  return { now, trust, db, stored, devices, outbox, room, commit, pipeline, enter, ...keyed };
}

/** The room that the database has, told of when it grows less. */
function roomIn({ retention }: Config, db: Db, { log, disk, ballast }: RoadParts): Room {
  const limit = quotaOn(disk, retention);
  if (limit < retention.quotaMiB * MIB) log.warn(quotaSentence(retention.quotaMiB, limit));
  return openRoom(db, {
    limit,
    isDiskFull: () => ballast?.isGiven() === true,
    changed: roomTelling(log),
  });
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

/** What a start needs to go on with a database that is damaged, and a restore with a backup. */
export function salvageParts(
  config: Config,
  storeKey: StoreKey,
  { log, wall = Date.now, timers = systemTimers, random = randomBytes }: RoadParts,
): SalvageParts {
  return {
    folder: config.data,
    store: { id: config.store.id, source: sourceOf(config.store) },
    uplinks: config.uplinks.map(uplinkName),
    stateKey: storeKey.derive('state'),
    keyCheck: storeKey.derive('check').toString('hex'),
    sealing: (db) => sealing(db, storeKey).sealed,
    isForeign: (db) => foreignOwner(db, config) !== undefined,
    newEpoch: () => hex(random(4)),
    wall,
    monotonic: timers.monotonic,
    log,
  };
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
