import type { Config } from '../config.ts';
import type { ListInForce } from '../consent-list.ts';
import type { ConsentRecord } from '../consent-record.ts';
import { type Applied, createConsents, type Holder, type ShopChoice } from '../consents.ts';
import type { Ahead } from '../recognise/ahead.ts';
import type { PreparedIds } from '../recognise/eid-prepared.ts';
import { recognisersOf } from '../recognise/index.ts';
import type { StoreMap } from '../store-map.ts';
import { consentChanges } from './consent-changes.ts';
import type { Emit } from './context/emit.ts';
import type { Visit } from './context/visit.ts';
import { createVisits } from './context/visits.ts';
import type { Sighting } from './decode.ts';
import { createIdentify, type Subject } from './identify.ts';
import { createLocate, type Presence } from './locate.ts';
import { createModeInForce, type Recognises } from './mode-in-force.ts';
import type { StoredState } from './outcome.ts';
import { shopChoices } from './shop-choices.ts';
import type { Choice, Signal } from './signal.ts';

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
  /** Applies a list; the waiting events of whose consent ended go too. Returns why it was refused. */
  apply(list: ListSignal, emit: Emit): string | undefined;
  /** A choice made in the shop. Returns why nothing changed. */
  choose(choice: Choice, at: number, emit: Emit): string | undefined;
  /** Everything of one subject goes. */
  erase(subjectRef: string, at: number, emit: Emit): void;
  /** Whose code this is: an app's token. */
  holderOf(token: string, at: number): Holder | undefined;
  held(recordId: string): ConsentRecord | undefined;
  /** All records in force of the person whose record this is. */
  heldBy(recordId: string): ConsentRecord[];
  /** The only recognised person at this place who agreed to be linked with what is done there (R24). */
  alone(zone: string, at: number): Alone | undefined;
  presences(): Presence[];
  list(): ListInForce | undefined;
  /** False where mode, notice or clock are against it. */
  mayGrant(): boolean;
  recordIds(): Iterable<string>;
  recognises(at: number): Recognises;
  beaconUuids(): string[];
  holdsWifiUser(user: string, at: number): boolean;
  /** Somebody in force is to be recognised by private addresses. */
  holdsIrk(): boolean;
  /** Records with a key that there was no room for. */
  keysRefused(): string[];
}

/** One recognised person in a zone, and how many recognised people could be meant. */
export interface Alone {
  visit: Visit;
  subject: Subject;
  consent: ConsentRecord;
  /** 0 to 1, that the person is in the zone. */
  confidence: number;
}

type ListSignal = Extract<Signal, { kind: 'consents' }>;

export interface ShoppersParts {
  config: Config;
  map: StoreMap;
  stored: StoredState;
  random: (n: number) => Uint8Array;
  ahead?: Ahead | undefined;
}

export function createShoppers({ config, map, stored, random, ahead }: ShoppersParts): Shoppers {
  const consents = createConsents(
    { storeId: config.store.id, maxAgeHours: config.consents.maxAgeHours },
    {
      records: [...stored.get('consent').values()] as ConsentRecord[],
      inForce: stored.get('consent-list').get('') as ListInForce | undefined,
      choices: stored.get('shop-choice') as ReadonlyMap<string, ShopChoice>,
    },
  );
  const mode = createModeInForce(config, consents, stored);
  const { privateAddress } = config.recognise;
  const ways = recognisersOf({ privateAddress, random, ahead });
  const identify = createIdentify(consents, ways, mode.permits, stored.get('tag-clock'));
  const locate = createLocate(map);
  const newVisitId = () => Buffer.from(random(16)).toString('hex');
  const visits = createVisits(map, identify, newVisitId, stored);
  const changes = consentChanges({ identify, locate, visits });
  const choose = shopChoices({
    ...{ config, consents, identify },
    mayGrant: mode.permits,
    apply: withdrawing,
  });
  let resumed = false;

  /** Keys are rolled to the present, open visits go on where they were. */
  function resume(signal: Signal): void {
    if (signal.kind === 'tick') mode.clock(signal.synchronised);
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
    keepClocks(emit);
    return isAnybody;
  }

  /** What sightings taught about tags' clocks outlives a restart, and goes with the record. */
  function keepClocks(emit: Emit): void {
    for (const [name, clock] of identify.tagClocks()) emit.change('tag-clock', name, clock);
  }

  function place(ref: string, at: number, emit: Emit): void {
    const presence = locate.place(ref, at);
    if (presence) visits.placed(presence, at, emit);
  }

  function tick(at: number, emit: Emit): void {
    identify.roll(at);
    changes.expire(consents.expire(at), at, emit);
    forgetUnpermitted(at, emit);
    for (const ref of locate.refs()) place(ref, at, emit);
    for (const ref of visits.tick(at, emit)) locate.forget(ref);
    keepClocks(emit);
    mode.keep(at, emit);
  }

  /** Validity, the list's age, mode and clock may have ended what was permitted before. */
  function forgetUnpermitted(at: number, emit: Emit): void {
    const isOn = mode.recognises(at).ok;
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

  function apply(list: ListSignal, emit: Emit): string | undefined {
    const { at } = list;
    const before = consents.inForce();
    const applied = consents.apply(list, at);
    withdrawing(applied, at, emit, list.prepared);
    const inForce = consents.inForce();
    if (inForce !== before) emit.change('consent-list', '', inForce);
    mode.keep(at, emit);
    return applied.refused;
  }

  function withdrawing(applied: Applied, at: number, emit: Emit, prepared?: PreparedIds) {
    const removed = changes.apply(applied, 'withdrawn', at, emit, prepared);
    forgetUnpermitted(at, emit);
    keepClocks(emit);
    return removed;
  }

  function erase(subjectRef: string, at: number, emit: Emit): void {
    const applied = consents.erase(subjectRef, at);
    changes.apply(applied, 'erased', at, emit);
    keepClocks(emit);
    // Without a record there may still be events that wait: from a consent that expired.
    if (applied.ended.length === 0) emit.purge({ subjectRef, recordIds: [], keys: 0, caches: 0 });
  }

  function holderOf(token: string, at: number): Holder | undefined {
    const owners = identify.ownersOf({ kind: 'app', token }, at);
    const isOne = new Set(owners.map(({ subjectRef }) => subjectRef)).size === 1;
    return isOne && owners[0] ? { recordId: owners[0].recordId } : undefined;
  }

  function alone(zone: string, at: number): Alone | undefined {
    const there = [...visits.open()].filter((visit) => visit.zone === undefined || visit.zone.id === zone);
    const [visit] = there;
    // Who agreed to be recognised but not located may be anywhere, here too.
    if (!visit?.zone || there.length > 1) return undefined;
    const located = identify.resume(visit.recordId, 'location', at);
    const allowed = located && identify.resume(visit.recordId, 'interaction', at);
    const presence = locate.last(visit.subjectRef);
    return allowed && presence && { visit, ...allowed, confidence: presence.confidence };
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
    choose,
    erase,
    holderOf,
    held: consents.get,
    heldBy(recordId) {
      const { subjectRef } = consents.get(recordId) ?? {};
      return subjectRef === undefined ? [] : consents.ofSubject(subjectRef);
    },
    alone,
    mayGrant: mode.permits,
    presences: () => [...locate.refs()].flatMap((ref) => locate.last(ref) ?? []).filter(isShown),
    list: () => consents.inForce(),
    recordIds: consents.recordIds,
    recognises: mode.recognises,
    holdsIrk: () => consents.keysHeld().holdsIrk(),
    holdsWifiUser: (user, at) => identify.ownersOf({ kind: 'wifi', user }, at).length > 0,
    keysRefused: identify.refused,
    beaconUuids: () => [...consents.keysHeld().beaconUuids()],
  };
}
