import type { ConsentRecord } from '../../consents.ts';
import type { StoreMap } from '../../store-map.ts';
import type { Identify, Recognised, Subject } from '../identify.ts';
import type { Presence } from '../locate.ts';
import type { StoredState } from '../outcome.ts';
import type { Emit } from './emit.ts';

/** Not seen for so long, a visit ends as `absent`, at the moment of the last sighting, ms. */
const ABSENT_AFTER = 300_000;
/** Last seen in a zone of kind `entrance` and not since, it ends as `exit`, ms. */
const EXIT_AFTER = 60_000;
/** Contract, `zone.dwelled`: seconds. */
const DWELL_THRESHOLDS = [30, 120, 300];
/** How often an open visit's last sighting is written, ms: what a crash may cost of its duration. */
const LAST_SEEN_KEPT_EVERY = 30_000;

type EndReason = 'absent' | 'exit' | 'withdrawn' | 'expired' | 'mode';

/** An open visit, as it is stored. Times are ms since the epoch. */
export interface Visit {
  visitId: string;
  subjectRef: string;
  recordId: string;
  startedAt: number;
  lastSeen: number;
  keptSeen: number;
  /** The zone it is in, with the dwell thresholds already told. */
  zone?: { id: string; enteredAt: number; dwelled: number[] };
  /** Dwell of the zones left, in the order of leaving. */
  zones: { zoneId: string; dwellS: number }[];
}

export interface Visits {
  /** A subject was seen; begins the visit, and enters and leaves zones where location is granted. */
  seen(recognised: Recognised, presence: Presence | undefined, at: number, emit: Emit): void;
  /** Dwell thresholds, zones lost, visits that end by absence. */
  tick(presences: ReadonlyMap<string, Presence>, at: number, emit: Emit): string[];
  /** Consent of these records ended: their visits end now, without a subject. */
  withdraw(recordIds: ReadonlySet<string>, at: number, emit: Emit): void;
  /** Ends every visit whose record permits no more (`expired`, stale list, mode, clock). */
  endUnpermitted(reason: (recordId: string) => EndReason | undefined, at: number, emit: Emit): string[];
  open(): Iterable<Visit>;
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

  function seen(recognised: Recognised, presence: Presence | undefined, at: number, emit: Emit): void {
    const { subject, consent } = recognised;
    let visit = visits.get(subject.ref);
    if (!visit) {
      visit = {
        visitId: newVisitId(),
        subjectRef: subject.ref,
        recordId: consent.recordId,
        startedAt: recognised.at,
        lastSeen: recognised.at,
        keptSeen: recognised.at,
        zones: [],
      };
      visits.set(subject.ref, visit);
      const { method, confidence } = recognised;
      personal(emit, visit, subject, consent, 'visit.started', at, {
        visitId: visit.visitId,
        method,
        confidence,
      });
      keep(visit, emit);
    }
    visit.recordId = consent.recordId;
    visit.lastSeen = Math.max(visit.lastSeen, recognised.at);
    if (presence) moveTo(visit, presence, at, emit);
  }

  /** Tells the zones left and entered, as far as `location` is granted. */
  function moveTo(visit: Visit, presence: Presence, at: number, emit: Emit): void {
    const zone = map.zones.get(presence.zone);
    // A sensitive zone is nowhere: nothing personal comes from it (R25).
    const next = zone && !zone.sensitive ? zone.id : undefined;
    if (next === visit.zone?.id) return;
    const allowed = identify.resume(visit.recordId, 'location', at);
    if (!allowed) return;
    if (visit.zone) leaveZone(visit, allowed, Math.min(presence.since, at), at, emit);
    if (next !== undefined) {
      const enteredAt = Math.max(presence.since, visit.startedAt);
      visit.zone = { id: next, enteredAt, dwelled: [] };
      personal(emit, visit, allowed.subject, allowed.consent, 'zone.entered', at, {
        visitId: visit.visitId,
        zoneId: next,
        enteredAt: iso(enteredAt),
        confidence: presence.confidence,
        ...(presence.x !== undefined &&
          presence.y !== undefined && {
            position: { x: centimetres(presence.x), y: centimetres(presence.y) },
          }),
      });
    }
    keep(visit, emit);
  }

  function leaveZone(
    visit: Visit,
    allowed: { subject: Subject; consent: ConsentRecord },
    leftAt: number,
    at: number,
    emit: Emit,
  ): void {
    if (!visit.zone) return;
    const { id, enteredAt } = visit.zone;
    const dwellS = seconds(leftAt - enteredAt);
    personal(emit, visit, allowed.subject, allowed.consent, 'zone.exited', at, {
      visitId: visit.visitId,
      zoneId: id,
      enteredAt: iso(enteredAt),
      dwellS,
    });
    visit.zones.push({ zoneId: id, dwellS });
    delete visit.zone;
  }

  function tick(presences: ReadonlyMap<string, Presence>, at: number, emit: Emit): string[] {
    awakeSince ??= at;
    const gone: string[] = [];
    for (const visit of visits.values()) {
      const presence = presences.get(visit.subjectRef);
      const wasIn = visit.zone?.id;
      if (presence) moveTo(visit, presence, at, emit);
      tellDwell(visit, at, emit);
      const silentFor = at - Math.max(visit.lastSeen, awakeSince);
      const lastZone = wasIn ?? visit.zones.at(-1)?.zoneId;
      const leftByDoor = lastZone !== undefined && map.zones.get(lastZone)?.kind === 'entrance';
      if (silentFor >= (leftByDoor ? EXIT_AFTER : ABSENT_AFTER)) {
        endByAbsence(visit, leftByDoor ? 'exit' : 'absent', at, emit);
        gone.push(visit.subjectRef);
      } else if (visit.lastSeen - visit.keptSeen >= LAST_SEEN_KEPT_EVERY) keep(visit, emit);
    }
    return gone;
  }

  function tellDwell(visit: Visit, at: number, emit: Emit): void {
    if (!visit.zone || at - visit.lastSeen >= LAST_SEEN_KEPT_EVERY) return;
    const dwellS = seconds(at - visit.zone.enteredAt);
    for (const thresholdS of DWELL_THRESHOLDS) {
      if (dwellS < thresholdS || visit.zone.dwelled.includes(thresholdS)) continue;
      const allowed = identify.resume(visit.recordId, 'location', at);
      if (!allowed) return;
      visit.zone.dwelled.push(thresholdS);
      personal(emit, visit, allowed.subject, allowed.consent, 'zone.dwelled', at, {
        visitId: visit.visitId,
        zoneId: visit.zone.id,
        dwellS,
        thresholdS,
      });
      keep(visit, emit);
    }
  }

  function endByAbsence(visit: Visit, reason: EndReason, at: number, emit: Emit): void {
    const allowed = identify.resume(visit.recordId, 'recognition', at);
    if (!allowed) return endWithoutSubject(visit, 'expired', at, emit);
    const located = identify.resume(visit.recordId, 'location', at);
    if (located) leaveZone(visit, located, visit.lastSeen, at, emit);
    personal(emit, visit, allowed.subject, allowed.consent, 'visit.ended', at, {
      ...duration(visit, visit.lastSeen),
      ...(located && { zones: visit.zones }),
      reason,
    });
    remove(visit, emit);
  }

  /** Consent is no more, so neither subject nor zones are told (contract, Events). */
  function endWithoutSubject(visit: Visit, reason: EndReason, at: number, emit: Emit): void {
    emit.event({
      name: 'visit.ended',
      class: 'B',
      time: at,
      visitId: visit.visitId,
      unlessStartPurged: true,
      data: { ...duration(visit, at), recordId: visit.recordId, reason },
    });
    remove(visit, emit);
  }

  function withdraw(recordIds: ReadonlySet<string>, at: number, emit: Emit): void {
    for (const visit of visits.values()) {
      if (recordIds.has(visit.recordId)) endWithoutSubject(visit, 'withdrawn', at, emit);
    }
  }

  function endUnpermitted(
    reason: (recordId: string) => EndReason | undefined,
    at: number,
    emit: Emit,
  ): string[] {
    const gone: string[] = [];
    for (const visit of visits.values()) {
      const why = reason(visit.recordId);
      if (!why) continue;
      endWithoutSubject(visit, why, at, emit);
      gone.push(visit.subjectRef);
    }
    return gone;
  }

  function keep(visit: Visit, emit: Emit): void {
    visit.keptSeen = visit.lastSeen;
    emit.change('visit', visit.visitId, visit);
  }

  function remove(visit: Visit, emit: Emit): void {
    visits.delete(visit.subjectRef);
    emit.change('visit', visit.visitId, null);
  }

  return { seen, tick, withdraw, endUnpermitted, open: () => visits.values() };
}

/** The only way to a personal event: it needs a recognised subject and the consent it rests on (R11). */
function personal(
  emit: Emit,
  visit: Visit,
  subject: Subject,
  consent: ConsentRecord,
  name: string,
  at: number,
  data: Record<string, unknown>,
): void {
  const { recordId, version, noticeVersion, purposes } = consent;
  emit.event({
    name,
    class: 'B',
    time: at,
    visitId: visit.visitId,
    subjectRef: subject.ref,
    data: { ...data, subject: { ref: subject.ref }, consent: { recordId, version, noticeVersion, purposes } },
  });
}

function duration(visit: Visit, endedAt: number): Record<string, unknown> {
  return {
    visitId: visit.visitId,
    startedAt: iso(visit.startedAt),
    endedAt: iso(endedAt),
    durationS: seconds(endedAt - visit.startedAt),
  };
}

function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / 1000));
}

function centimetres(metres: number): number {
  return Math.round(metres * 100) / 100;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
