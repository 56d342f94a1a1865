import type { ConsentRecord } from '../../consent-record.ts';
import type { StoreMap } from '../../store-map.ts';
import type { Identify, Recognised } from '../identify.ts';
import type { Presence } from '../locate.ts';
import type { StoredState } from '../outcome.ts';
import type { Emit } from './emit.ts';
import {
  type Allowed,
  type EndReason,
  iso,
  PLACE,
  PRESENCE,
  seconds,
  tell,
  tellEndWithoutSubject,
  type Visit,
  visitTimes,
} from './visit.ts';

/** Not seen for so long, a visit ends as `absent`, at the moment of the last sighting, ms. */
const ABSENT_AFTER = 300_000;
/** Back in a zone of kind `entrance` and not seen since, it ends as `exit`, ms. */
const EXIT_AFTER = 60_000;
/** A sighting that was so long on its way begins no visit: it may belong to one that has ended, ms. */
const LATE = EXIT_AFTER;
/** Contract, `zone.dwelled`: seconds. */
const DWELL_THRESHOLDS = [30, 120, 300];
/** How often an open visit's last sighting is written, ms: what a crash may cost of its duration. */
const LAST_SEEN_KEPT_EVERY = 30_000;

export interface Visits {
  /** A subject was seen: begins its visit or goes on with it. False where it has none and may begin none. */
  seen(recognised: Recognised, at: number, emit: Emit): boolean;
  /** Where it is believed to be: enters and leaves zones, where location is granted. */
  placed(presence: Presence, at: number, emit: Emit): void;
  /** Dwell thresholds, and visits that end by absence: returns whose. */
  tick(at: number, emit: Emit): string[];
  /** Consent of these subjects ended, by record: their visits end now, without a subject. */
  withdraw(records: ReadonlyMap<string, string>, at: number, emit: Emit): void;
  /** Ends every visit that this gives a reason for (`expired`, `mode`): returns whose. */
  endUnpermitted(reason: (visit: Visit) => 'expired' | 'mode' | undefined, at: number, emit: Emit): string[];
  /** `location` is granted no longer: where the subject was is forgotten, and not told. */
  forgetPlaces(subjectRef: string, emit: Emit): void;
  open(): Iterable<Visit>;
  of(subjectRef: string): Visit | undefined;
}

export function createVisits(
  map: StoreMap,
  identify: Identify,
  newVisitId: () => string,
  stored: StoredState,
): Visits {
  const visits = new Map<string, Visit>();
  for (const value of stored.get('visit').values()) {
    const visit = value as Visit;
    visits.set(visit.subjectRef, visit);
  }
  /** Restored visits are absent only from the first signal on: the gateway was away, not the shopper. */
  let awakeSince: number | undefined;

  function seen(recognised: Recognised, at: number, emit: Emit): boolean {
    const visit = visits.get(recognised.subject.ref);
    if (!visit) return begin(recognised, at, emit);
    visit.lastSeen = Math.max(visit.lastSeen, recognised.at);
    adopt(visit, recognised.consent, at, emit);
    return true;
  }

  function begin(
    { subject, consent, anchor, method, confidence, at: seenAt }: Recognised,
    at: number,
    emit: Emit,
  ) {
    if (at - seenAt > LATE || isSensitive(map.anchors.get(anchor)?.zone)) return false;
    const visit: Visit = {
      visitId: newVisitId(),
      subjectRef: subject.ref,
      recordId: consent.recordId,
      startedAt: seenAt,
      lastSeen: seenAt,
      keptSeen: seenAt,
      zones: [],
    };
    visits.set(subject.ref, visit);
    tell(visit, { subject, consent }, 'visit.started', PRESENCE, { method, confidence }, at, emit);
    keep(visit, emit);
    return true;
  }

  /** Of a person's records the visit rests on one that permits, and rather on one with `location`. */
  function adopt(visit: Visit, consent: ConsentRecord, at: number, emit: Emit): void {
    if (visit.recordId === consent.recordId) return;
    const purpose = consent.purposes.includes('location') ? 'location' : 'recognition';
    if (identify.resume(visit.recordId, purpose, at)) return;
    visit.recordId = consent.recordId;
    keep(visit, emit);
  }

  function placed(presence: Presence, at: number, emit: Emit): void {
    const visit = visits.get(presence.subject.ref);
    const allowed = visit && identify.resume(visit.recordId, 'location', at);
    if (!visit || !allowed) return;
    // A sensitive zone is nowhere: nothing personal comes from it (R25).
    const next = isSensitive(presence.zone) ? undefined : map.zones.get(presence.zone)?.id;
    if (next === visit.zone?.id) return;
    // Lost from sight, it was there until it was seen last; how long it was not is nobody's dwell.
    const leftAt = presence.zone === 'unknown' ? visit.lastSeen : Math.min(presence.since, at);
    leaveZone(visit, allowed, leftAt, at, emit);
    if (next !== undefined) enterZone(visit, allowed, next, presence, at, emit);
    keep(visit, emit);
  }

  function enterZone(
    visit: Visit,
    allowed: Allowed,
    zoneId: string,
    presence: Presence,
    at: number,
    emit: Emit,
  ): void {
    const enteredAt = Math.max(presence.since, visit.startedAt);
    visit.zone = { id: zoneId, enteredAt, dwelled: [] };
    const { confidence } = presence;
    const data = { zoneId, enteredAt: iso(enteredAt), confidence, ...positionOf(presence) };
    tell(visit, allowed, 'zone.entered', PLACE, data, at, emit);
  }

  /** An estimate may lie beside the zone that was chosen, and must not lie in a sensitive one. */
  function positionOf({ x, y }: Presence): { position?: { x: number; y: number } } {
    if (x === undefined || y === undefined || isSensitive(map.zoneAt(x, y))) return {};
    return { position: { x: centimetres(x), y: centimetres(y) } };
  }

  function leaveZone(visit: Visit, allowed: Allowed, leftAt: number, at: number, emit: Emit): void {
    if (!visit.zone) return;
    const { id: zoneId, enteredAt } = visit.zone;
    const dwellS = seconds(leftAt - enteredAt);
    tell(visit, allowed, 'zone.exited', PLACE, { zoneId, enteredAt: iso(enteredAt), dwellS }, at, emit);
    const before = visit.zones.find((zone) => zone.zoneId === zoneId);
    if (before) before.dwellS += dwellS;
    else visit.zones.push({ zoneId, dwellS });
    visit.lastZone = zoneId;
    delete visit.zone;
  }

  function tick(at: number, emit: Emit): string[] {
    awakeSince ??= at;
    const gone: string[] = [];
    for (const visit of visits.values()) {
      tellDwell(visit, at, emit);
      const silentFor = at - Math.max(visit.lastSeen, awakeSince);
      const byTheDoor = wentBackToTheDoor(visit);
      if (silentFor >= (byTheDoor ? EXIT_AFTER : ABSENT_AFTER)) {
        endByAbsence(visit, byTheDoor ? 'exit' : 'absent', at, emit);
        gone.push(visit.subjectRef);
      } else if (visit.lastSeen - visit.keptSeen >= LAST_SEEN_KEPT_EVERY) keep(visit, emit);
    }
    return gone;
  }

  /** Who was nowhere else yet is rather coming in: a phone at rest may be silent for minutes. */
  function wentBackToTheDoor(visit: Visit): boolean {
    const last = visit.zone?.id ?? visit.lastZone;
    if (last === undefined || map.zones.get(last)?.kind !== 'entrance') return false;
    return visit.zones.some(({ zoneId }) => zoneId !== last);
  }

  /** Up to the last sighting: who fell silent dwells no longer. */
  function tellDwell(visit: Visit, at: number, emit: Emit): void {
    if (!visit.zone) return;
    const { id: zoneId, enteredAt, dwelled } = visit.zone;
    const dwellS = seconds(visit.lastSeen - enteredAt);
    for (const thresholdS of DWELL_THRESHOLDS) {
      if (dwellS < thresholdS || dwelled.includes(thresholdS)) continue;
      const allowed = identify.resume(visit.recordId, 'location', at);
      if (!allowed) return;
      dwelled.push(thresholdS);
      tell(visit, allowed, 'zone.dwelled', PLACE, { zoneId, dwellS, thresholdS }, at, emit);
      keep(visit, emit);
    }
  }

  function endByAbsence(visit: Visit, reason: EndReason, at: number, emit: Emit): void {
    const allowed = identify.resume(visit.recordId, 'recognition', at);
    if (!allowed) return endWithoutSubject(visit, visit.recordId, 'expired', at, emit);
    const located = identify.resume(visit.recordId, 'location', at);
    if (located) leaveZone(visit, located, visit.lastSeen, at, emit);
    const data = { ...visitTimes(visit, visit.lastSeen), ...(located && { zones: visit.zones }), reason };
    tell(visit, allowed, 'visit.ended', located ? PLACE : PRESENCE, data, at, emit);
    remove(visit, emit);
  }

  function endWithoutSubject(
    visit: Visit,
    recordId: string,
    reason: EndReason,
    at: number,
    emit: Emit,
  ): void {
    tellEndWithoutSubject(visit, recordId, reason, at, emit);
    remove(visit, emit);
  }

  function withdraw(records: ReadonlyMap<string, string>, at: number, emit: Emit): void {
    for (const [subjectRef, recordId] of records) {
      const visit = visits.get(subjectRef);
      if (visit) endWithoutSubject(visit, recordId, 'withdrawn', at, emit);
    }
  }

  function endUnpermitted(
    reason: (visit: Visit) => 'expired' | 'mode' | undefined,
    at: number,
    emit: Emit,
  ): string[] {
    const gone: string[] = [];
    for (const visit of visits.values()) {
      const why = reason(visit);
      if (!why) continue;
      endWithoutSubject(visit, visit.recordId, why, at, emit);
      gone.push(visit.subjectRef);
    }
    return gone;
  }

  function forgetPlaces(subjectRef: string, emit: Emit): void {
    const visit = visits.get(subjectRef);
    if (!visit || (!visit.zone && visit.zones.length === 0)) return;
    delete visit.zone;
    delete visit.lastZone;
    visit.zones = [];
    keep(visit, emit);
  }

  function isSensitive(zone: string | undefined): boolean {
    return zone !== undefined && map.zones.get(zone)?.sensitive === true;
  }

  function keep(visit: Visit, emit: Emit): void {
    visit.keptSeen = visit.lastSeen;
    emit.change('visit', visit.visitId, visit);
  }

  function remove(visit: Visit, emit: Emit): void {
    visits.delete(visit.subjectRef);
    emit.change('visit', visit.visitId, null);
  }

  return {
    seen,
    placed,
    tick,
    withdraw,
    endUnpermitted,
    forgetPlaces,
    open: () => visits.values(),
    of: (ref) => visits.get(ref),
  };
}

function centimetres(metres: number): number {
  return Math.round(metres * 100) / 100;
}
