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
import { createVisits } from './context/visits.ts';
import { type Contexts, contextualise } from './contextualise.ts';
import { createDecode, type Decoded, type ShopDevice } from './decode.ts';
import { createIdentify, type Recognised } from './identify.ts';
import { createLocate, type Presence } from './locate.ts';
import { type DeviceCommand, emptyOutcome, type Outcome, type StoredState } from './outcome.ts';
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
  /** Who is where, for the page and `replay --explain`: consented subjects only. */
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
  for (const record of consents.records()) identify.put(record, 0);
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
    occupancy: createOccupancy(map),
    health: createHealth(stored),
    commands: createCommands({ storeId, gateway: config.store.gateway }, byId, thermostats, stored),
  };
  let resumed = false;

  function accept(signal: Signal): Outcome {
    const outcome = emptyOutcome();
    switch (signal.kind) {
      case 'tick':
        tick(signal.at, signal.synchronised, outcome);
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

  function hear(signal: Advertisement | Message, outcome: Outcome): void {
    resume(signal.at);
    const decoded = decode(signal);
    if (decoded.dropped !== undefined) outcome.dropped = decoded.dropped;
    if (decoded.repeat) outcome.repeat = true;
    const emit = emitInto(outcome, storeId, decoded.causationId);
    see(decoded, signal.at, emit);
    contextualise(decoded.readings, contexts, emit);
    if (outcome.events.length === 0) return;
    // What was taken is remembered on disk with what it caused, and only then.
    if (decoded.session)
      outcome.changes.push(seen.messageChange(decoded.session.device, decoded.session.boot));
    for (const device of new Set(decoded.lastingFrames)) outcome.changes.push(seen.frameChange(device));
  }

  function see(decoded: Decoded, at: number, emit: Emit): void {
    const recognised = new Map<string, Recognised>();
    for (const sighting of decoded.sightings) {
      const known = identify(sighting);
      if (!known) continue;
      // Where somebody is, is worked out only for who agreed to that too.
      if (consents.permits(known.consent.recordId, 'location', at)) locate.hear(known);
      recognised.set(known.subject.ref, known);
    }
    for (const [ref, last] of recognised) visits.seen(last, locate.place(ref, at), at, emit);
  }

  /** Open visits of the last run go on where they were. */
  function resume(at: number): void {
    if (resumed) return;
    resumed = true;
    identify.roll(at);
    for (const visit of visits.open()) {
      const allowed = identify.resume(visit.recordId, 'recognition', at);
      if (!allowed) continue;
      const { zone } = visit;
      locate.resume(
        allowed.subject,
        zone?.id ?? 'unknown',
        zone?.enteredAt ?? visit.lastSeen,
        visit.lastSeen,
      );
    }
  }

  function tick(at: number, clock: boolean | undefined, outcome: Outcome): void {
    if (clock !== undefined) synchronised = clock;
    const emit = emitInto(outcome, storeId, undefined);
    identify.roll(at);
    resume(at);
    const { ok } = recognises(at);
    const unpermitted = visits.endUnpermitted(
      (recordId) => {
        if (!ok) return 'mode';
        return consents.permits(recordId, 'recognition', at) ? undefined : 'expired';
      },
      at,
      emit,
    );
    for (const ref of unpermitted) locate.forget(ref);
    const presences = new Map<string, Presence>();
    for (const ref of locate.refs()) {
      const presence = locate.place(ref, at);
      if (presence) presences.set(ref, presence);
    }
    for (const ref of visits.tick(presences, at, emit)) locate.forget(ref);
    contexts.shelves.tick(at, emit);
    contexts.climate.tick(at, emit);
    contexts.occupancy.tick(at, emit);
    contexts.commands.tick(at, emit);
    outcome.changes.push(...seen.forget(at));
  }

  function applyConsents(signal: Extract<Signal, { kind: 'consents' }>, outcome: Outcome): void {
    const { at } = signal;
    const applied = consents.apply(signal, at);
    if (applied.refused !== undefined) outcome.refused = applied.refused;
    const emit = emitInto(outcome, storeId, undefined);
    for (const record of applied.put) {
      identify.put(record, at);
      if (!record.purposes.includes('location')) locate.forget(record.subjectRef);
      emit.change('consent', record.recordId, record);
    }
    const ended = new Set<string>();
    for (const record of applied.ended) {
      identify.remove(record.recordId);
      emit.change('consent', record.recordId, null);
      ended.add(record.recordId);
      outcome.purge.push(record.subjectRef);
      locate.forget(record.subjectRef);
    }
    visits.withdraw(ended, at, emit);
    const inForce = consents.inForce();
    if (applied.refused === undefined && inForce) emit.change('consent-list', '', inForce);
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

  return {
    accept,
    presences: () => [...locate.refs()].flatMap((ref) => locate.last(ref) ?? []),
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
