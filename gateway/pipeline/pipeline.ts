import type { Advertisement, Message } from '../../devices/device.ts';
import { codeReader, issuerKeysOf } from '../check-in-code.ts';
import type { Config } from '../config.ts';
import type { ListInForce } from '../consent-list.ts';
import type { ConsentRecord } from '../consent-record.ts';
import type { Holder } from '../consents.ts';
import type { Ahead } from '../recognise/ahead.ts';
import { storeMap } from '../store-map.ts';
import { attributing } from './context/attribution.ts';
import { intentOf } from './context/buttons.ts';
import { createCheckIns } from './context/check-ins.ts';
import { createClimate } from './context/climate.ts';
import { createCommands } from './context/commands.ts';
import { type Emit, emitInto } from './context/emit.ts';
import { createHealth, type DeviceState } from './context/health.ts';
import { createOccupancy } from './context/occupancy.ts';
import { tellStrengths } from './context/points.ts';
import { createShelves } from './context/shelves.ts';
import { createThermostats } from './context/thermostats.ts';
import { type Contexts, contextualise } from './contextualise.ts';
import { createDecode, type Decoded, type ShopDevice, type Sighting } from './decode.ts';
import type { Presence } from './locate.ts';
import type { Recognises } from './mode-in-force.ts';
import { type DeviceCommand, emptyOutcome, isLasting, type Outcome, type StoredState } from './outcome.ts';
import { createSeen } from './seen.ts';
import { createShoppers } from './shoppers.ts';
import type { Signal } from './signal.ts';

/*
 * From a signal to its outcome, synchronous and deterministic: no clock, no timer, no I/O.
 *
 *   signal ──▶ decode ──▶ identify ──▶ locate ──▶ contextualise ──▶ outcome
 *              bytes to    by consent,   zone        visits, shelves,   events, changes of
 *              readings,   or nobody     by signal   buttons, climate   state, purges
 *              sightings                 strength
 *
 * What it keeps in memory is ahead of the disk by the outcomes that are not committed yet; who calls
 * it gives it no further signal while a commit fails.
 */
export interface Pipeline {
  accept(signal: Signal): Outcome;
  /** Who is where, for the page and `replay --explain`: who agreed to be located, outside sensitive zones. */
  presences(): Presence[];
  /** Everybody else, rounded; null below k. */
  everybody(at: number): number | null;
  list(): ListInForce | undefined;
  /** False where mode, clock or a stale list stop recognition, with the reason. */
  recognises(at: number): Recognises;
  /** Whose app token this is; to be asked by who shows it. */
  holderOf(token: string, at: number): Holder | undefined;
  /** The record in force. */
  held(recordId: string): ConsentRecord | undefined;
  /** All records in force of the person whose record this is. */
  heldBy(recordId: string): ConsentRecord[];
  /** Whether somebody may agree in the shop now: false where mode, notice or clock are against it. */
  mayGrant(): boolean;
  /** Records that a full list has to name, or they end. */
  recordIds(): Iterable<string>;
  waitingFor(device: string, at: number): DeviceCommand[];
  /** What each device told last of itself. */
  deviceStates(): ReadonlyMap<string, DeviceState>;
  /** Somebody in force is to be recognised by private addresses. */
  holdsIrk(): boolean;
  /** Records with a key that there was no room for: it recognises nobody. */
  keysRefused(): string[];
  /** iBeacon ids that consents in force use; receivers are told to let them through. */
  beaconUuids(): string[];
}

export interface PipelineParts {
  config: Config;
  devices: readonly ShopDevice[];
  stored: StoredState;
  /** n random bytes; drawn for visit ids alone. */
  random: (n: number) => Uint8Array;
  /** Works ids out beforehand; the outcomes are the same without. */
  ahead?: Ahead | undefined;
}

export function createPipeline({ config, devices, stored, random, ahead }: PipelineParts): Pipeline {
  const storeId = config.store.id;
  const map = storeMap(config.map, config.devices);
  const byId = new Map(devices.map((device) => [device.id, device]));
  const seen = createSeen(stored, (device) => byId.get(device)?.type.shared === true);
  const decode = createDecode(devices, map, seen, {
    privateAddresses: config.recognise.privateAddress,
    isWifiUser: (user, at) => shoppers.holdsWifiUser(user, at),
  });
  const shoppers = createShoppers({ config, map, stored, random, ahead });
  const thermostats = createThermostats(stored);
  const contexts: Contexts = {
    shelves: createShelves(map, stored),
    climate: createClimate(),
    thermostats,
    occupancy: createOccupancy(map, config.mode !== 'off'),
    health: createHealth(stored),
    commands: createCommands(
      { storeId, gateway: config.store.gateway },
      byId,
      { thermostats, erase: shoppers.erase },
      stored,
    ),
  };

  const { issuerKeys } = config.consents;
  const checkIns = createCheckIns({
    read: codeReader({ issuerKeys: issuerKeysOf(issuerKeys), storeId, holderOf: shoppers.holderOf }),
    held: shoppers.held,
  });

  function accept(signal: Signal): Outcome {
    const outcome = emptyOutcome();
    shoppers.resume(signal);
    switch (signal.kind) {
      case 'tick': {
        const emit = emitInto(outcome, storeId, undefined);
        tick(signal.at, emit);
        keepCauses(outcome, emit);
        break;
      }
      case 'consents':
        refuse(outcome, shoppers.apply(signal, emitInto(outcome, storeId, undefined)));
        break;
      case 'choice':
        refuse(outcome, shoppers.choose(signal, signal.at, emitInto(outcome, storeId, undefined)));
        break;
      case 'erase':
        shoppers.erase(signal.subjectRef, signal.at, emitInto(outcome, storeId, undefined));
        break;
      case 'command': {
        const emit = emitInto(outcome, storeId, undefined);
        refuse(outcome, contexts.commands.order(signal.command, signal.at, emit));
        break;
      }
      default:
        hear(signal, outcome);
    }
    if ('cursor' in signal && signal.cursor !== undefined) {
      outcome.changes.push({ kind: 'cursor', key: 'downlink', value: signal.cursor });
    }
    return outcome;
  }

  function refuse(outcome: Outcome, reason: string | undefined): void {
    if (reason !== undefined) outcome.refused = reason;
  }

  /** Shelf and button events, linked to the one person who was there where that is agreed. */
  function attributed(emit: Emit, at: number): Emit {
    return attributing(emit, at, {
      zoneOf: ({ data }) => zoneOf(data.zoneId, data.shelfId),
      alone: shoppers.alone,
      near: contexts.occupancy.near,
    });
  }

  function zoneOf(zone: unknown, shelf: unknown): string | undefined {
    return typeof zone === 'string' ? zone : map.fixtures.get(String(shelf))?.zone;
  }

  function hear(signal: Advertisement | Message, outcome: Outcome): void {
    const decoded = decode(signal);
    if (decoded.dropped !== undefined) outcome.dropped = decoded.dropped;
    if (decoded.repeat) outcome.repeat = true;
    const { number } = decoded;
    const emit = emitInto(outcome, storeId, number && `${number.device}/${number.boot}/${number.seq}`);
    const checkedIn = checkIn(decoded.readings, outcome, emit);
    const isAnybody = shoppers.see(decoded.sightings.concat(checkedIn), signal.at, emit);
    contextualise(decoded.readings, contexts, attributed(emit, signal.at));
    tellStrengths(decoded.strengths, emit);
    // A stranger's report has no effect that could be doubled: not even its session is remembered.
    if (number && (isAnybody || decoded.readings.length > 0)) seen.rememberMessage(number, signal.at);
    keepNumbers(decoded, outcome, emit);
  }

  /** Codes shown to a reader, and buttons that choose for the code shown last: choices, and who was seen. */
  function checkIn(readings: Decoded['readings'], outcome: Outcome, emit: Emit): Sighting[] {
    const sightings: Sighting[] = [];
    for (const { device, reading, at } of readings) {
      if (reading.kind === 'press') {
        const choice = checkIns.pressed(device, intentOf(device, reading), at);
        if (choice) refuse(outcome, shoppers.choose(choice, at, emit));
      }
      if (reading.kind !== 'check-in') continue;
      const { seen: key, choice, problem } = checkIns.scanned(device, reading, at);
      if (choice) refuse(outcome, shoppers.choose(choice, at, emit));
      if (problem !== undefined) outcome.dropped = `check-in: ${problem}`;
      if (key) sightings.push({ key, anchor: device.id, rssi: null, at });
    }
    return sightings;
  }

  /** What was taken is remembered on disk with what it caused; a replay counter in any case. */
  function keepNumbers({ frames, number }: Decoded, outcome: Outcome, emit: Emit): void {
    const hasEffect = isLasting(outcome);
    for (const frame of frames) {
      if (hasEffect || frame.number.kind === 'counter') seen.keepFrames(frame.device, emit);
    }
    if (number && hasEffect) seen.keepMessage(number, emit);
  }

  /**
   * A weight that settles is the doing of messages that were taken before: they are remembered with it, or sent
   * again after a crash they would be a pick and a put-back that nobody made (P2).
   */
  function keepCauses({ events }: Outcome, emit: Emit): void {
    for (const { causationId } of events) {
      if (causationId === undefined) continue;
      const [device = '', boot = '', seq] = causationId.split('/');
      seen.keepMessage({ device, boot, seq: Number(seq) }, emit);
    }
  }

  function tick(at: number, emit: Emit): void {
    shoppers.tick(at, emit);
    contexts.shelves.tick(at, attributed(emit, at));
    contexts.climate.tick(at, emit);
    contexts.occupancy.tick(at, emit);
    contexts.commands.tick(at, emit);
    checkIns.tick(at);
    seen.forget(at, emit);
  }

  return {
    accept,
    presences: shoppers.presences,
    everybody: (at) => contexts.occupancy.everybody(at),
    list: shoppers.list,
    recognises: shoppers.recognises,
    holderOf: shoppers.holderOf,
    held: shoppers.held,
    heldBy: shoppers.heldBy,
    mayGrant: shoppers.mayGrant,
    recordIds: shoppers.recordIds,
    waitingFor: (device, at) => contexts.commands.waitingFor(device, at),
    deviceStates: contexts.health.states,
    beaconUuids: shoppers.beaconUuids,
    holdsIrk: shoppers.holdsIrk,
    keysRefused: shoppers.keysRefused,
  };
}
