import { type ConsentList, inOrder, isGiven, judge, type ListInForce, nowInForce } from './consent-list.ts';
import type { ConsentKey, ConsentRecord, Purpose } from './consent-record.ts';
import { endOf, isOver, isValid, withCurrentKeys } from './consent-validity.ts';
import { createKeysHeld, type KeysHeld } from './keys-held.ts';

/**
 * Who may be recognised, for what, until when.
 *
 * Lists come signed from the central platform (`downlink/` checks that); choices are made in the shop.
 * Default is deny: only `given` and `renewed`, inside their validity, for this store, from a list that is
 * fresh, permit anything (ISO/IEC TS 27560 states; privacy requirements R4, R5, R8, R9).
 */

/** What the platform signed for somebody who comes to the shop's kiosk or reader (`check-in-code.ts`). */
export interface Ticket {
  subjectRef: string;
  version: number;
  keys: ConsentKey[];
  validUntil?: string | undefined;
}

/** Who chooses in the shop: by a record, and by what the platform signed where there may be none yet. */
export interface Holder {
  recordId: string;
  ticket?: Ticket;
}

/** A choice made in the shop, kept until the platform knows of it. */
export interface ShopChoice {
  choice: 'granted' | 'withdrawn';
  /** Of the record: lists are believed again from a higher one on, or, of a grant, from this on. */
  version: number;
  at: number;
}

export interface Applied {
  refused?: string;
  /** Records in force that were not before, or are changed. */
  put: ConsentRecord[];
  /** Of them, those that are new or of a higher version: somebody agreed anew. */
  granted: ConsentRecord[];
  /** Of them, those that grant less than before: the purposes that are gone. */
  reduced: { record: ConsentRecord; lost: Purpose[] }[];
  /** Records, as they were, that are in force no longer or are another subject's now. */
  ended: ConsentRecord[];
  /** Choices of the shop that changed; null where the platform has caught up. */
  choices: [recordId: string, choice: ShopChoice | null][];
}

/** The notice that was shown, and how. */
export interface Grant {
  purposes: readonly Purpose[];
  noticeId: string;
  noticeVersion: string;
  language?: string | undefined;
  method: string;
}

export interface Consents {
  apply(list: ConsentList, at: number): Applied;
  /**
   * A choice in the shop; a withdrawal is of every record of that person. Nothing where there is nothing to
   * withdraw, or nobody to grant to.
   */
  withdraw(holder: Holder, at: number): Applied | undefined;
  grant(holder: Holder, grant: Grant, at: number): Applied | undefined;
  /** Everything of one subject goes, and no list brings it back below a higher record version. */
  erase(subjectRef: string, at: number): Applied;
  /** Ends what has expired, and drops keys of days that are over (R14). */
  expire(at: number): Applied;
  /** The record, if it permits this purpose at this moment. */
  permits(recordId: string, purpose: Purpose, at: number): ConsentRecord | undefined;
  get(recordId: string): ConsentRecord | undefined;
  ofSubject(subjectRef: string): ConsentRecord[];
  records(): Iterable<ConsentRecord>;
  /** What of all keys receivers have to know. */
  keysHeld(): KeysHeld;
  /** Of records in force, and of choices made here: what a full list has to name or they end. */
  recordIds(): Iterable<string>;
  inForce(): ListInForce | undefined;
  /** False where the list is missing or too old: recognition fails closed (R9). */
  fresh(at: number): boolean;
}

/** A grant made in the shop outlasts full lists without it for so long: the platform has to hear of it first, ms. */
const GRANT_TRAVELS = 3_600_000;
/** A grant made in the shop is good for so long where the platform's ticket does not say: six months, ms. */
const GRANT_VALID = 182 * 86_400_000;

export function createConsents(
  settings: { storeId: string; maxAgeHours: number },
  stored: {
    records: ConsentRecord[];
    inForce?: ListInForce | undefined;
    choices?: ReadonlyMap<string, ShopChoice>;
  },
): Consents {
  const records = new Map(stored.records.map((record) => [record.recordId, record]));
  /** When a record, or one of its keys, has to go; only of those that have an end. */
  const ends = new Map<string, number>();
  const keysHeld = createKeysHeld();
  for (const record of stored.records) {
    noteEnd(record);
    keysHeld.add(record);
  }
  let nextEnd = earliest(ends.values());
  const choices = new Map(stored.choices ?? []);
  let inForce = stored.inForce;

  function fresh(at: number): boolean {
    if (!inForce) return false;
    return inForce.issuedAt === null || at - inForce.issuedAt <= settings.maxAgeHours * 3_600_000;
  }

  function noteEnd(record: ConsentRecord): void {
    const end = endOf(record);
    if (end === Number.POSITIVE_INFINITY) ends.delete(record.recordId);
    else ends.set(record.recordId, end);
  }

  /** What one list or choice changes, from the first word on a record to the last. */
  function changing() {
    const before = new Map<string, ConsentRecord | undefined>();
    const chosen: Applied['choices'] = [];
    return {
      before,
      set(recordId: string, record: ConsentRecord | undefined) {
        const was = records.get(recordId);
        if (!before.has(recordId)) before.set(recordId, was);
        if (was) keysHeld.remove(was);
        if (record) keysHeld.add(record);
        if (!record) {
          records.delete(recordId);
          ends.delete(recordId);
          return;
        }
        records.set(recordId, record);
        noteEnd(record);
        nextEnd = Math.min(nextEnd, ends.get(recordId) ?? Number.POSITIVE_INFINITY);
      },
      choose(recordId: string, choice: ShopChoice | null) {
        if (choice) choices.set(recordId, choice);
        else if (!choices.delete(recordId)) return;
        chosen.push([recordId, choice]);
      },
      applied(): Applied {
        return { ...changesSince(before), choices: chosen };
      },
    };
  }

  type Changing = ReturnType<typeof changing>;

  function changesSince(before: ReadonlyMap<string, ConsentRecord | undefined>) {
    const put: ConsentRecord[] = [];
    const granted: ConsentRecord[] = [];
    const reduced: Applied['reduced'] = [];
    const ended: ConsentRecord[] = [];
    for (const [recordId, was] of before) {
      const is = records.get(recordId);
      // A full list repeats all; what it repeats unchanged is no news.
      if (is && (!was || JSON.stringify(is) !== JSON.stringify(was))) {
        put.push(is);
        if (is.version !== was?.version) granted.push(is);
      }
      if (was && was.subjectRef !== is?.subjectRef) ended.push(was);
      else if (was && is) reduced.push(...lostBetween(was, is));
    }
    return { put, granted, reduced, ended };
  }

  function apply(list: ConsentList, at: number): Applied {
    const verdict = judge(list, settings.storeId, inForce, at);
    if (verdict.take === 'nothing') return { ...NOTHING, refused: verdict.refused };
    const change = changing();
    if (verdict.take === 'all') for (const recordId of omittedBy(list)) omit(recordId, list, change, at);
    for (const record of inOrder(list.records, settings.storeId)) take(record, verdict.take, change, at);
    if (list.slice?.last !== false) inForce = nowInForce(list, inForce, verdict.take, at);
    return {
      ...change.applied(),
      ...(verdict.take === 'withdrawals' && { refused: verdict.refused }),
    };
  }

  function omittedBy(list: ConsentList): Iterable<string> {
    if (list.slice) return list.slice.ended;
    if (list.list === 'change') return [];
    const named = new Set(list.records.map(({ recordId }) => recordId));
    return [...recordIds()].filter((recordId) => !named.has(recordId));
  }

  function* recordIds(): Generator<string> {
    yield* records.keys();
    for (const recordId of choices.keys()) if (!records.has(recordId)) yield recordId;
  }

  /** A full list without a record ends it, but for a grant that the platform cannot know of yet. */
  function omit(recordId: string, list: ConsentList, change: Changing, at: number): void {
    const choice = choices.get(recordId);
    if (choice?.choice === 'granted' && (list.issuedAt ?? at) < choice.at + GRANT_TRAVELS) return;
    if (choice?.choice === 'granted') change.choose(recordId, null);
    change.set(recordId, undefined);
  }

  function take(record: ConsentRecord, what: 'all' | 'withdrawals', change: Changing, at: number): void {
    const { recordId, version } = record;
    const known = records.get(recordId) ?? change.before.get(recordId);
    if (known && version < known.version) return;
    const choice = choices.get(recordId);
    const isGivenHere = isGiven(record, settings.storeId);
    // A withdrawal made in the shop beats any list until a higher version of the record.
    if (choice?.choice === 'withdrawn' && version <= choice.version && isGivenHere) return;
    if (choice && (choice.choice === 'granted' || version > choice.version)) change.choose(recordId, null);
    if (!isGivenHere || isOver(record, at)) change.set(recordId, undefined);
    else if (what === 'all') change.set(recordId, withCurrentKeys(record, at));
  }

  function withdraw({ recordId, ticket }: Holder, at: number): Applied | undefined {
    const record = records.get(recordId);
    if (!record && !ticket) return undefined;
    // A ticket speaks for its own person alone.
    if (record && ticket && record.subjectRef !== ticket.subjectRef) return undefined;
    const subjectRef = record?.subjectRef ?? ticket?.subjectRef ?? '';
    const change = changing();
    // Who withdraws does so from all that they agreed to, by whatever record.
    for (const one of ofSubject(subjectRef)) {
      const shown = one.recordId === recordId ? (ticket?.version ?? 0) : 0;
      end(one.recordId, Math.max(one.version, shown), change, at);
    }
    if (!record) end(recordId, ticket?.version ?? 0, change, at);
    return change.applied();
  }

  function ofSubject(subjectRef: string): ConsentRecord[] {
    const found: ConsentRecord[] = [];
    for (const record of records.values()) if (record.subjectRef === subjectRef) found.push(record);
    return found;
  }

  function end(recordId: string, version: number, change: Changing, at: number): void {
    const before = choices.get(recordId)?.version ?? 0;
    change.set(recordId, undefined);
    change.choose(recordId, { choice: 'withdrawn', version: Math.max(version, before), at });
  }

  function grant({ recordId, ticket }: Holder, given: Grant, at: number): Applied | undefined {
    const known = records.get(recordId);
    const from = ticket ?? known;
    if (!from || (known && known.subjectRef !== from.subjectRef)) return undefined;
    const before = Math.max(known?.version ?? 0, ticket?.version ?? 0, choices.get(recordId)?.version ?? 0);
    const version = before + 1;
    const { purposes, ...notice } = given;
    const change = changing();
    const record: ConsentRecord = {
      recordId,
      version,
      subjectRef: from.subjectRef,
      purposes: [...new Set<Purpose>(['recognition', ...purposes])],
      state: known ? 'renewed' : 'given',
      validFrom: new Date(at).toISOString(),
      validUntil: from.validUntil ?? new Date(at + GRANT_VALID).toISOString(),
      ...notice,
      stores: [settings.storeId],
      keys: ticket ? ticket.keys : from.keys,
    };
    // What was left out is not granted by another record either.
    for (const other of ofSubject(record.subjectRef)) {
      const isMore = other.purposes.some((purpose) => !record.purposes.includes(purpose));
      if (other.recordId !== recordId && isMore) end(other.recordId, other.version, change, at);
    }
    change.set(recordId, withCurrentKeys(record, at));
    change.choose(recordId, { choice: 'granted', version, at });
    return change.applied();
  }

  function erase(subjectRef: string, at: number): Applied {
    const change = changing();
    for (const { recordId, version } of ofSubject(subjectRef)) end(recordId, version, change, at);
    return change.applied();
  }

  function expire(at: number): Applied {
    const change = changing();
    if (at >= nextEnd) {
      for (const [recordId, end] of [...ends]) if (end <= at) shorten(recordId, change, at);
      nextEnd = earliest(ends.values());
    }
    return change.applied();
  }

  function shorten(recordId: string, change: Changing, at: number): void {
    const record = records.get(recordId);
    change.set(recordId, !record || isOver(record, at) ? undefined : withCurrentKeys(record, at));
  }

  function permits(recordId: string, purpose: Purpose, at: number): ConsentRecord | undefined {
    const record = records.get(recordId);
    if (!record || record.staff || !fresh(at)) return undefined;
    if (!record.purposes.includes(purpose)) return undefined;
    return isValid(record, at) ? record : undefined;
  }

  return {
    apply,
    withdraw,
    grant,
    erase,
    expire,
    permits,
    get: (recordId) => records.get(recordId),
    ofSubject,
    records: () => records.values(),
    keysHeld: () => keysHeld,
    recordIds,
    inForce: () => inForce,
    fresh,
  };
}

const NOTHING: Applied = { put: [], granted: [], reduced: [], ended: [], choices: [] };

function lostBetween(was: ConsentRecord, is: ConsentRecord): Applied['reduced'] {
  const lost = was.purposes.filter((purpose) => !is.purposes.includes(purpose));
  return lost.length > 0 ? [{ record: is, lost }] : [];
}

function earliest(times: Iterable<number>): number {
  let first = Number.POSITIVE_INFINITY;
  for (const time of times) first = Math.min(first, time);
  return first;
}
