import type { Advertisement, Message } from '../../devices/device.ts';
import type { Config } from '../config.ts';
import type { ListInForce } from '../consents.ts';
import { storeMap } from '../store-map.ts';
import { createClimate } from './context/climate.ts';
import { createCommands } from './context/commands.ts';
import { type Emit, emitInto } from './context/emit.ts';
import { createHealth } from './context/health.ts';
import { createOccupancy } from './context/occupancy.ts';
import { createShelves } from './context/shelves.ts';
import { createThermostats } from './context/thermostats.ts';
import { type Contexts, contextualise } from './contextualise.ts';
import { createDecode, type Decoded, type ShopDevice } from './decode.ts';
import type { Presence } from './locate.ts';
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
  recognises(at: number): { ok: boolean; reason?: string };
  waitingFor(device: string, at: number): DeviceCommand[];
  /** iBeacon ids that consents in force use; receivers are told to let them through. */
  beaconUuids(): string[];
}

export interface PipelineParts {
  config: Config;
  devices: readonly ShopDevice[];
  stored: StoredState;
  /** n random bytes; drawn for visit ids alone. */
  random: (n: number) => Uint8Array;
}

export function createPipeline({ config, devices, stored, random }: PipelineParts): Pipeline {
  const storeId = config.store.id;
  const map = storeMap(config.map);
  const seen = createSeen(stored);
  const decode = createDecode(devices, map, seen);
  const shoppers = createShoppers({ config, map, stored, random });
  const thermostats = createThermostats(stored);
  const byId = new Map(devices.map((device) => [device.id, device]));
  const contexts: Contexts = {
    shelves: createShelves(map, stored),
    climate: createClimate(),
    thermostats,
    occupancy: createOccupancy(map, config.mode !== 'off'),
    health: createHealth(stored),
    commands: createCommands({ storeId, gateway: config.store.gateway }, byId, thermostats, stored),
  };

  function accept(signal: Signal): Outcome {
    const outcome = emptyOutcome();
    shoppers.resume(signal);
    switch (signal.kind) {
      case 'tick':
        tick(signal.at, emitInto(outcome, storeId, undefined));
        break;
      case 'consents': {
        const { refused, purge } = shoppers.apply(signal, emitInto(outcome, storeId, undefined));
        if (refused !== undefined) outcome.refused = refused;
        outcome.purge.push(...purge);
        break;
      }
      case 'command': {
        const emit = emitInto(outcome, storeId, undefined);
        const refused = contexts.commands.order(signal.command, signal.at, emit);
        if (refused !== undefined) outcome.refused = refused;
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

  function hear(signal: Advertisement | Message, outcome: Outcome): void {
    const decoded = decode(signal);
    if (decoded.dropped !== undefined) outcome.dropped = decoded.dropped;
    if (decoded.repeat) outcome.repeat = true;
    const { number } = decoded;
    const emit = emitInto(outcome, storeId, number && `${number.device}/${number.boot}/${number.seq}`);
    const isAnybody = shoppers.see(decoded.sightings, signal.at, emit);
    contextualise(decoded.readings, contexts, emit);
    // A stranger's report has no effect that could be doubled: not even its session is remembered.
    if (number && (isAnybody || decoded.readings.length > 0)) seen.rememberMessage(number, signal.at);
    keepNumbers(decoded, outcome, emit);
  }

  /** What was taken is remembered on disk with what it caused; a replay counter in any case. */
  function keepNumbers({ frames, number }: Decoded, outcome: Outcome, emit: Emit): void {
    const hasEffect = isLasting(outcome);
    for (const frame of frames) {
      if (hasEffect || frame.number.kind === 'counter') seen.keepFrames(frame.device, emit);
    }
    if (number && hasEffect) seen.keepMessage(number, emit);
  }

  function tick(at: number, emit: Emit): void {
    shoppers.tick(at, emit);
    contexts.shelves.tick(at, emit);
    contexts.climate.tick(at, emit);
    contexts.occupancy.tick(at, emit);
    contexts.commands.tick(at, emit);
    seen.forget(at, emit);
  }

  return {
    accept,
    presences: shoppers.presences,
    everybody: (at) => contexts.occupancy.everybody(at),
    list: shoppers.list,
    recognises: shoppers.recognises,
    waitingFor: (device, at) => contexts.commands.waitingFor(device, at),
    beaconUuids: shoppers.beaconUuids,
  };
}
