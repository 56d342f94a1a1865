import type { ConsentRecord } from '../consent-record.ts';
import type { Applied } from '../consents.ts';
import type { PreparedIds } from '../recognise/eid-prepared.ts';
import type { Emit } from './context/emit.ts';
import type { Visits } from './context/visits.ts';
import type { Identify } from './identify.ts';
import type { Locate } from './locate.ts';
import type { AuditEntry } from './outcome.ts';

/** Records that one `security.alert` names at most; `count` says how many there are. */
const MAX_NAMED = 100;

/** What a person's end of consent took away, before the waiting events. */
export interface Removed {
  keys: number;
  caches: number;
}

/**
 * What a list, a choice or an expiry changed is carried to everything that knew of it: keys, places,
 * visits, the stored state, the audit, and the waiting events of who withdrew. All in one outcome, so in
 * one transaction: a crash finds all of it or nothing.
 */
export function consentChanges(parts: { identify: Identify; locate: Locate; visits: Visits }) {
  const { identify, locate, visits } = parts;

  /** Consent ended: key, place, visit and waiting events go, whatever other record the person has. */
  function withdrawn(
    records: readonly ConsentRecord[],
    what: 'withdrawn' | 'erased',
    at: number,
    emit: Emit,
  ) {
    const removed: Removed = { keys: 0, caches: 0 };
    for (const [subjectRef, ended] of bySubject(records)) {
      const before = cachesOf(subjectRef);
      for (const record of ended) forget(record, what, emit);
      locate.forget(subjectRef);
      visits.withdraw(new Map([[subjectRef, ended[0]?.recordId ?? '']]), at, emit);
      const keys = ended.reduce((sum, record) => sum + record.keys.length, 0);
      const caches = ended.length + before;
      emit.purge({ subjectRef, recordIds: ended.map(({ recordId }) => recordId), keys, caches });
      removed.keys += keys;
      removed.caches += caches;
    }
    return removed;
  }

  function cachesOf(subjectRef: string): number {
    return (visits.of(subjectRef) ? 1 : 0) + (locate.last(subjectRef) ? 1 : 0);
  }

  function forget(record: ConsentRecord, what: AuditEntry['what'], emit: Emit): void {
    identify.remove(record.recordId);
    emit.change('consent', record.recordId, null);
    emit.audit({ what, recordId: record.recordId, version: record.version });
  }

  /** Keys and stored records follow; a key that two people hold recognises nobody, and is told. */
  function granted(applied: Applied, at: number, emit: Emit, prepared?: PreparedIds): void {
    const { put, granted, reduced, choices } = applied;
    const sharing = new Set<string>();
    for (const record of put) {
      for (const other of identify.put(record, at, prepared)) sharing.add(other).add(record.recordId);
      emit.change('consent', record.recordId, record);
    }
    for (const { recordId, version, purposes } of granted) {
      emit.audit({ what: 'granted', recordId, version, detail: purposes.join(' ') });
    }
    for (const { record, lost } of reduced) {
      const { subjectRef, recordId } = record;
      emit.purge({ subjectRef, recordIds: [recordId], keys: 0, caches: 0, only: lost });
      emit.audit({ what: 'withdrawn', recordId, version: record.version, detail: lost.join(' ') });
    }
    for (const [recordId, choice] of choices) emit.change('shop-choice', recordId, choice);
    if (sharing.size > 0) tellShared([...sharing], at, emit);
  }

  return {
    /** Those that ended first: a record can be another subject's now. */
    apply(
      applied: Applied,
      what: 'withdrawn' | 'erased',
      at: number,
      emit: Emit,
      prepared?: PreparedIds,
    ): Removed {
      const removed = withdrawn(applied.ended, what, at, emit);
      granted(applied, at, emit, prepared);
      return removed;
    },
    /** Time is up: nothing of it is used any more, and what was told under it stays told. */
    expire(applied: Applied, at: number, emit: Emit): void {
      for (const record of applied.ended) forget(record, 'expired', emit);
      granted(applied, at, emit);
    },
  };
}

function bySubject(records: readonly ConsentRecord[]): Map<string, ConsentRecord[]> {
  const subjects = new Map<string, ConsentRecord[]>();
  for (const record of records) {
    const held = subjects.get(record.subjectRef);
    if (held) held.push(record);
    else subjects.set(record.subjectRef, [record]);
  }
  return subjects;
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
