import type { Config } from '../config.ts';
import { type ConsentRecord, createConsents, type ListInForce } from '../consents.ts';
import { recognisers } from '../recognise/index.ts';
import type { StoreMap } from '../store-map.ts';
import type { Emit } from './context/emit.ts';
import type { Visit } from './context/visit.ts';
import { createVisits } from './context/visits.ts';
import type { Sighting } from './decode.ts';
import { createIdentify } from './identify.ts';
import { createLocate, type Presence } from './locate.ts';
import type { StoredState } from './outcome.ts';
import type { Signal } from './signal.ts';

/** Records that one `security.alert` names at most; `count` says how many there are. */
const MAX_NAMED = 100;

/**
 * The shoppers who agreed: consents, identify, locate and visits, kept in step. Somebody is located
 * only during a visit and where `location` is granted; what is no longer permitted is forgotten by the
 * next tick at the latest, a withdrawal at once.
 */
export interface Shoppers {
  /** To be told of each signal first: the first one resumes what the last run left. */
  resume(signal: Signal): void;
  /** True where anybody was recognised. */
  see(sightings: readonly Sighting[], at: number, emit: Emit): boolean;
  tick(at: number, emit: Emit): void;
  /** Applies a list. `purge` names the subjects whose consent ended. */
  apply(list: ListSignal, emit: Emit): { refused: string | undefined; purge: string[] };
  presences(): Presence[];
  list(): ListInForce | undefined;
  recognises(at: number): { ok: boolean; reason?: string };
  beaconUuids(): string[];
}

type ListSignal = Extract<Signal, { kind: 'consents' }>;

export interface ShoppersParts {
  config: Config;
  map: StoreMap;
  stored: StoredState;
  random: (n: number) => Uint8Array;
}

export function createShoppers({ config, map, stored, random }: ShoppersParts): Shoppers {
  const consents = createConsents(
    { storeId: config.store.id, maxAgeHours: config.consents.maxAgeHours },
    {
      records: [...stored.get('consent').values()] as ConsentRecord[],
      inForce: stored.get('consent-list').get('') as ListInForce | undefined,
    },
  );
  let synchronised = config.clock.source === 'trusted';
  const identify = createIdentify(consents, recognisers, () => config.mode === 'identify' && synchronised);
  const locate = createLocate(map);
  const newVisitId = () => Buffer.from(random(16)).toString('hex');
  const visits = createVisits(map, identify, newVisitId, stored);
  let resumed = false;

  /** Keys are rolled to the present, open visits go on where they were. */
  function resume(signal: Signal): void {
    if (signal.kind === 'tick') synchronised = signal.synchronised ?? synchronised;
    if (resumed) return;
    resumed = true;
    const { at } = signal;
    for (const record of consents.records()) identify.put(record, at);
    for (const { recordId, zone } of visits.open()) {
      const allowed = identify.resume(recordId, 'location', at);
      // The gateway was away, not the shopper: lost from sight only a while from now.
      if (allowed) locate.resume(allowed.subject, zone?.id ?? 'unknown', zone?.enteredAt ?? at, at);
    }
  }

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

  function apply(list: ListSignal, emit: Emit): { refused: string | undefined; purge: string[] } {
    const { at } = list;
    const before = consents.inForce();
    const { put, ended, refused } = consents.apply(list, at);
    const purge = end(ended, at, emit);
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
    return { refused, purge };
  }

  /** Key, place and visit of a person whose consent ended go, whatever other record there is. */
  function end(records: readonly ConsentRecord[], at: number, emit: Emit): string[] {
    for (const { recordId, subjectRef } of records) {
      identify.remove(recordId);
      locate.forget(subjectRef);
      emit.change('consent', recordId, null);
    }
    const bySubject = new Map(records.map(({ subjectRef, recordId }) => [subjectRef, recordId]));
    visits.withdraw(bySubject, at, emit);
    return [...bySubject.keys()];
  }

  function recognises(at: number): { ok: boolean; reason?: string } {
    if (config.mode !== 'identify') return { ok: false, reason: `mode is ${config.mode}` };
    if (!synchronised) return { ok: false, reason: 'the clock is not synchronised' };
    if (consents.fresh(at)) return { ok: true };
    return { ok: false, reason: consents.inForce() ? 'the consent list is too old' : 'no consent list yet' };
  }

  /** What happens in a sensitive zone is nobody's business (R25), the page's included. */
  function isShown({ zone, x, y }: Presence): boolean {
    const place = x === undefined || y === undefined ? undefined : map.zoneAt(x, y);
    return ![zone, place].some((id) => id !== undefined && map.zones.get(id)?.sensitive);
  }

  return {
    resume,
    see,
    tick,
    apply,
    presences: () => [...locate.refs()].flatMap((ref) => locate.last(ref) ?? []).filter(isShown),
    list: () => consents.inForce(),
    recognises,
    beaconUuids: () => [...new Set([...consents.records()].flatMap(beaconUuidsOf))],
  };
}

/** Records that hold one key for two subjects: it recognises nobody until the platform mends it. */
function tellShared(recordIds: readonly string[], at: number, emit: Emit): void {
  emit.event({
    name: 'security.alert',
    class: 'A',
    time: at,
    data: {
      kind: 'key of two subjects',
      origin: 'consents',
      count: recordIds.length,
      recordIds: recordIds.slice(0, MAX_NAMED),
    },
  });
}

function beaconUuidsOf(record: ConsentRecord): string[] {
  return record.keys.flatMap((key) => (key.kind === 'ibeacon' ? [key.uuid] : []));
}
