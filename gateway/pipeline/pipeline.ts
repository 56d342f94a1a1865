import type { Advertisement, Message } from '../../devices/device.ts';
import type { Config } from '../config.ts';
import { type ConsentRecord, createConsents, type ListInForce } from '../consents.ts';
import { recognisers } from '../recognise/index.ts';
import { storeMap } from '../store-map.ts';
import { createClimate } from './context/climate.ts';
import { createCommands } from './context/commands.ts';
import { type Emit, emitInto } from './context/emit.ts';
import { createHealth } from './context/health.ts';
import { createOccupancy } from './context/occupancy.ts';
import { createShelves } from './context/shelves.ts';
import { createThermostats } from './context/thermostats.ts';
import type { Visit } from './context/visit.ts';
import { createVisits } from './context/visits.ts';
import { type Contexts, contextualise } from './contextualise.ts';
import { createDecode, type Decoded, type ShopDevice, type Sighting } from './decode.ts';
import { createIdentify } from './identify.ts';
import { createLocate, type Presence } from './locate.ts';
import { type DeviceCommand, emptyOutcome, isLasting, type Outcome, type StoredState } from './outcome.ts';
import { createSeen } from './seen.ts';
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
  const consents = createConsents(
    { storeId, maxAgeHours: config.consents.maxAgeHours },
    {
      records: [...stored.get('consent').values()] as ConsentRecord[],
      inForce: stored.get('consent-list').get('') as ListInForce | undefined,
    },
  );
  let synchronised = config.clock.source === 'trusted';
  const enabled = () => config.mode === 'identify' && synchronised;
  const identify = createIdentify(consents, recognisers, enabled);
  const seen = createSeen(stored);
  const decode = createDecode(devices, map, seen);
  const locate = createLocate(map);
  const newVisitId = () => Buffer.from(random(16)).toString('hex');
  const visits = createVisits(map, identify, newVisitId, stored);
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
  let resumed = false;

  function accept(signal: Signal): Outcome {
    const outcome = emptyOutcome();
    if (signal.kind === 'tick') synchronised = signal.synchronised ?? synchronised;
    resume(signal.at);
    switch (signal.kind) {
      case 'tick':
        tick(signal.at, emitInto(outcome, storeId, undefined));
        break;
      case 'consents':
        applyConsents(signal, outcome);
        break;
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

  /** What the last run left: keys are rolled to the present, open visits go on where they were. */
  function resume(at: number): void {
    if (resumed) return;
    resumed = true;
    for (const record of consents.records()) identify.put(record, at);
    for (const { recordId, zone } of visits.open()) {
      const allowed = identify.resume(recordId, 'location', at);
      // The gateway was away, not the shopper: lost from sight only a while from now.
      if (allowed) locate.resume(allowed.subject, zone?.id ?? 'unknown', zone?.enteredAt ?? at, at);
    }
  }

  function hear(signal: Advertisement | Message, outcome: Outcome): void {
    const decoded = decode(signal);
    if (decoded.dropped !== undefined) outcome.dropped = decoded.dropped;
    if (decoded.repeat) outcome.repeat = true;
    const { number } = decoded;
    const emit = emitInto(outcome, storeId, number && `${number.device}/${number.boot}/${number.seq}`);
    const isAnybody = see(decoded.sightings, signal.at, emit);
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

  /** True where anybody was recognised. */
  function see(sightings: readonly Sighting[], at: number, emit: Emit): boolean {
    const located = new Set<string>();
    let isAnybody = false;
    for (const sighting of sightings) {
      const recognised = identify(sighting, at);
      if (!recognised) continue;
      isAnybody = true;
      if (!visits.seen(recognised, at, emit)) continue;
      // Where somebody is, is worked out only for who agreed to that too.
      if (!recognised.consent.purposes.includes('location')) continue;
      locate.hear(recognised);
      located.add(recognised.subject.ref);
    }
    for (const ref of located) place(ref, at, emit);
    return isAnybody;
  }

  function place(ref: string, at: number, emit: Emit): void {
    const presence = locate.place(ref, at);
    if (presence) visits.placed(presence, at, emit);
  }

  function tick(at: number, emit: Emit): void {
    identify.roll(at);
    forgetUnpermitted(at, emit);
    for (const ref of locate.refs()) place(ref, at, emit);
    for (const ref of visits.tick(at, emit)) locate.forget(ref);
    contexts.shelves.tick(at, emit);
    contexts.climate.tick(at, emit);
    contexts.occupancy.tick(at, emit);
    contexts.commands.tick(at, emit);
    seen.forget(at, emit);
  }

  /** Validity, the list's age, mode and clock may have ended what was permitted before. */
  function forgetUnpermitted(at: number, emit: Emit): void {
    const isOn = recognises(at).ok;
    const whyNot = ({ recordId }: Visit) => {
      if (!isOn) return 'mode';
      return consents.permits(recordId, 'recognition', at) ? undefined : 'expired';
    };
    for (const ref of visits.endUnpermitted(whyNot, at, emit)) locate.forget(ref);
    for (const { subjectRef, recordId } of visits.open()) {
      if (identify.resume(recordId, 'location', at)) continue;
      locate.forget(subjectRef);
      visits.forgetPlaces(subjectRef, emit);
    }
  }

  function applyConsents(signal: Extract<Signal, { kind: 'consents' }>, outcome: Outcome): void {
    const { at } = signal;
    const before = consents.inForce();
    const { put, ended, refused } = consents.apply(signal, at);
    if (refused !== undefined) outcome.refused = refused;
    const emit = emitInto(outcome, storeId, undefined);
    end(ended, at, outcome, emit);
    // After those that ended: a record can be another subject's now.
    const sharing = new Set<string>();
    for (const record of put) {
      const others = identify.put(record, at);
      for (const recordId of others) sharing.add(recordId).add(record.recordId);
      emit.change('consent', record.recordId, record);
    }
    if (sharing.size > 0) tellShared([...sharing], at, emit);
    forgetUnpermitted(at, emit);
    const inForce = consents.inForce();
    if (inForce !== before) emit.change('consent-list', '', inForce);
  }

  /** A person's consent ended: key, place, visit and what is queued go, whatever other record there is. */
  function end(records: readonly ConsentRecord[], at: number, outcome: Outcome, emit: Emit): void {
    for (const { recordId, subjectRef } of records) {
      identify.remove(recordId);
      locate.forget(subjectRef);
      emit.change('consent', recordId, null);
    }
    const bySubject = new Map(records.map(({ subjectRef, recordId }) => [subjectRef, recordId]));
    outcome.purge.push(...bySubject.keys());
    visits.withdraw(bySubject, at, emit);
  }

  /** Records that hold one key for two subjects: it recognises nobody until the platform mends it. */
  function tellShared(recordIds: string[], at: number, emit: Emit): void {
    emit.event({
      name: 'security.alert',
      class: 'A',
      time: at,
      data: { kind: 'key of two subjects', origin: 'consents', count: recordIds.length, recordIds },
    });
  }

  function recognises(at: number): { ok: boolean; reason?: string } {
    if (config.mode !== 'identify') return { ok: false, reason: `mode is ${config.mode}` };
    if (!synchronised) return { ok: false, reason: 'the clock is not synchronised' };
    if (!consents.fresh(at))
      return {
        ok: false,
        reason: consents.inForce() ? 'the consent list is too old' : 'no consent list yet',
      };
    return { ok: true };
  }

  /** What happens in a sensitive zone is nobody's business (R25), the page's included. */
  function isShown({ zone }: Presence): boolean {
    return map.zones.get(zone)?.sensitive !== true;
  }

  return {
    accept,
    presences: () => [...locate.refs()].flatMap((ref) => locate.last(ref) ?? []).filter(isShown),
    everybody: (at) => contexts.occupancy.everybody(at),
    list: () => consents.inForce(),
    recognises,
    waitingFor: (device, at) => contexts.commands.waitingFor(device, at),
    beaconUuids: () => [...new Set([...consents.records()].flatMap(beaconUuidsOf))],
  };
}

function beaconUuidsOf(record: ConsentRecord): string[] {
  return record.keys.flatMap((key) => (key.kind === 'ibeacon' ? [key.uuid] : []));
}
