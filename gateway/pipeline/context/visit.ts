import type { Purpose } from '../../consent-record.ts';
import type { Identify } from '../identify.ts';
import type { Emit } from './emit.ts';

export type EndReason = 'absent' | 'exit' | 'withdrawn' | 'expired' | 'mode';

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
  /** The zone that was left last. */
  lastZone?: string;
  /** Dwell in all by zone, in the order of first leaving. */
  zones: { zoneId: string; dwellS: number }[];
}

/** A subject and the consent that an event about it rests on. */
export type Allowed = NonNullable<ReturnType<Identify['resume']>>;

/** The only way to a personal event: it needs a recognised subject and the consent it rests on (R11). */
export function tell(
  { visitId }: Visit,
  { subject, consent }: Allowed,
  name: string,
  purposes: readonly Purpose[],
  data: Record<string, unknown>,
  at: number,
  emit: Emit,
): void {
  emit.event({
    name,
    class: 'B',
    time: at,
    visitId,
    subjectRef: subject.ref,
    purposes,
    data: { visitId, ...data, ...personalData({ subject, consent }, purposes) },
  });
}

/** What a personal event rests on: one whose purpose is not granted cannot be made (R5, R11). */
export function personalData({ subject, consent }: Allowed, purposes: readonly Purpose[]) {
  const { recordId, version, noticeVersion } = consent;
  const missing = purposes.find((purpose) => !consent.purposes.includes(purpose));
  if (missing !== undefined) throw new Error(`an event without the purpose ${missing} it rests on`);
  return { subject: { ref: subject.ref }, consent: { recordId, version, noticeVersion, purposes } };
}

/** The purposes of events, by what they tell (contract, Events). */
export const PRESENCE: readonly Purpose[] = ['recognition'];
export const PLACE: readonly Purpose[] = ['recognition', 'location'];

/** The end of a visit whose consent is no more: neither subject nor zones are told (contract, Events). */
export function tellEndWithoutSubject(
  visit: Visit,
  recordId: string,
  reason: EndReason,
  at: number,
  emit: Emit,
): void {
  const { visitId } = visit;
  emit.event({
    name: 'visit.ended',
    class: 'B',
    time: at,
    visitId,
    unlessStartPurged: true,
    data: { visitId, ...visitTimes(visit, at), recordId, reason },
  });
}

export function visitTimes({ startedAt }: Visit, endedAt: number) {
  return { startedAt: iso(startedAt), endedAt: iso(endedAt), durationS: seconds(endedAt - startedAt) };
}

export function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / 1000));
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}
