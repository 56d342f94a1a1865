import type { Config } from '../config.ts';
import type { ConsentRecord } from '../consent-record.ts';
import type { Applied, Consents } from '../consents.ts';
import type { Removed } from './consent-changes.ts';
import type { Emit } from './context/emit.ts';
import { iso, PRESENCE, personalData } from './context/visit.ts';
import type { Identify } from './identify.ts';
import type { Choice } from './signal.ts';

/**
 * Grants and withdrawals made in the shop, at a kiosk, a reader, by a button or the app: the same act
 * either way (GDPR 7(3), R7), in force with this very signal, told to the platform by an event of class A.
 */
export function shopChoices(parts: {
  config: Config;
  consents: Consents;
  identify: Identify;
  mayGrant: () => boolean;
  apply: (applied: Applied, at: number, emit: Emit) => Removed;
}) {
  const { config, consents, identify, mayGrant, apply } = parts;

  /** Returns why nothing changed. */
  return function choose({ channel, holder, choice }: Choice, at: number, emit: Emit): string | undefined {
    if (choice === 'withdraw') return withdraw(holder, channel, at, emit);
    const { notice } = config.store;
    // Who cannot be told what they agree to cannot agree (GDPR 13, R28).
    if (config.mode !== 'identify' || !notice) return 'this shop recognises nobody';
    // When it begins has to be sure. The list may be old: what is agreed to here is newer.
    if (!mayGrant()) return 'nobody can agree while the clock is not sure';
    const given = { noticeId: notice.id, noticeVersion: notice.version, method: channel, ...choice };
    const applied = consents.grant(holder, given, at);
    if (!applied) return 'nobody is known by this code';
    tellWithdrawn(applied, apply(applied, at, emit), { channel, at, emit });
    for (const record of applied.granted) tellGranted(record, at, emit);
    return undefined;
  };

  function withdraw(
    holder: Choice['holder'],
    channel: Choice['channel'],
    at: number,
    emit: Emit,
  ): string | undefined {
    const applied = consents.withdraw(holder, at);
    if (!applied) return 'there is no consent to withdraw';
    tellWithdrawn(applied, apply(applied, at, emit), { channel, at, emit });
    return undefined;
  }

  /** One event for each record; what was removed of the person is counted with the first. */
  function tellWithdrawn(
    { choices, ended }: Applied,
    removed: Removed,
    { channel, at, emit }: { channel: Choice['channel']; at: number; emit: Emit },
  ): void {
    const before = new Map(ended.map((record) => [record.recordId, record]));
    const withdrawn = choices.filter(([, choice]) => choice?.choice === 'withdrawn');
    for (const [i, [recordId, stands]] of withdrawn.entries()) {
      const record = before.get(recordId);
      const purge = i === 0 ? removed : { keys: 0, caches: 0 };
      emit.event({
        name: 'consent.withdrawn',
        class: 'A',
        time: at,
        ...(i === 0 && { countsQueued: true }),
        data: {
          recordId,
          version: stands?.version ?? 0,
          ...(record && { purposes: record.purposes }),
          channel,
          ...noticeOf(record),
          effectiveAt: iso(at),
          purge: { ...purge, queued: 0 },
        },
      });
    }
  }

  function tellGranted(record: ConsentRecord, at: number, emit: Emit): void {
    const subject = identify.granted(record);
    const { recordId, version, purposes, method, validUntil } = record;
    emit.event({
      name: 'consent.granted',
      class: 'A',
      time: at,
      subjectRef: subject.ref,
      purposes: PRESENCE,
      data: {
        recordId,
        version,
        purposes,
        ...(method !== undefined && { method }),
        ...noticeOf(record),
        ...(validUntil && { validUntil }),
        effectiveAt: iso(at),
        ...personalData({ subject, consent: record }, PRESENCE),
      },
    });
  }
}

function noticeOf(record: ConsentRecord | undefined) {
  if (!record) return {};
  const { noticeId, noticeVersion, language } = record;
  return {
    ...(noticeId !== undefined && { noticeId }),
    noticeVersion,
    ...(language !== undefined && { language }),
  };
}
