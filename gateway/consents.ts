import { z } from 'zod';

/**
 * Who may be recognised, for what, until when.
 *
 * Lists come signed from the central platform (`downlink.ts` checks that); here stands what a list
 * means. Default is deny: only `given` and `renewed`, inside their validity, for this store, from a
 * list that is fresh, permit anything (ISO/IEC TS 27560 states; privacy requirements R4, R5, R9).
 */

export const PURPOSES = ['recognition', 'location', 'interaction', 'personalisation', 'assistance'] as const;
export type Purpose = (typeof PURPOSES)[number];

const STATES = [
  'given',
  'renewed',
  'unknown',
  'requested',
  'deferred',
  'refused',
  'withdrawn',
  'expired',
  'terminated',
  'invalidated',
] as const;

const hex = (octets: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${octets * 2}}$`), `must be ${octets * 2} hex digits`)
    .transform((text) => text.toLowerCase());
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be YYYY-MM-DD');
const uint16 = z.number().int().min(0).max(0xffff);

const key = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('app'), token: hex(16), day: day.optional() }),
  z.object({
    kind: z.literal('eid'),
    identityKey: hex(16),
    exponent: z.number().int().min(0).max(15),
    offset: z.number().int(),
  }),
  z.object({ kind: z.literal('rolling-token'), key: hex(16), day }),
  z.object({
    kind: z.literal('ibeacon'),
    uuid: z
      .string()
      .transform((text) => text.replaceAll('-', '').toLowerCase())
      .pipe(hex(16)),
    major: uint16,
    minor: uint16,
  }),
  z.object({ kind: z.literal('wifi'), user: z.string().optional(), address: z.string().optional() }),
  z.object({ kind: z.literal('irk'), irk: hex(16) }),
]);
export type ConsentKey = z.infer<typeof key>;

const time = z.iso.datetime({ offset: true });

export const consentRecord = z.object({
  recordId: z.string().min(1).max(128),
  version: z.number().int().nonnegative(),
  subjectRef: z.string().min(1).max(128),
  purposes: z.array(z.enum(PURPOSES)),
  state: z.enum(STATES),
  validFrom: time,
  validUntil: time.nullish(),
  noticeId: z.string().optional(),
  noticeVersion: z.string(),
  language: z.string().optional(),
  method: z.string().optional(),
  stores: z.array(z.string()),
  keys: z.array(key).max(64),
  staff: z.boolean().optional(),
});
export type ConsentRecord = z.infer<typeof consentRecord>;

/** A list as the pipeline takes it. Without `version` it is a bare one (`replay`, `demo`): never stale. */
export interface ConsentList {
  list: 'full' | 'change';
  records: ConsentRecord[];
  storeId?: string;
  version?: number;
  previous?: number | undefined;
  /** ms since the epoch. */
  issuedAt?: number;
}

/** What is known of the list in force; kept with the records. */
export interface ListInForce {
  version: number;
  /** ms since the epoch; null for a bare list, which has no age. */
  issuedAt: number | null;
}

export interface Applied {
  refused?: string;
  /** Records that are in force now and were not, or changed. */
  put: ConsentRecord[];
  /** Records that permitted something and do so no longer. */
  ended: ConsentRecord[];
}

export interface Consents {
  apply(list: ConsentList, at: number): Applied;
  /** The record, if it permits this purpose at this moment. */
  permits(recordId: string, purpose: Purpose, at: number): ConsentRecord | undefined;
  records(): Iterable<ConsentRecord>;
  inForce(): ListInForce | undefined;
  /** False where the list is missing or too old: recognition fails closed (R9). */
  fresh(at: number): boolean;
}

export function createConsents(
  settings: { storeId: string; maxAgeHours: number },
  stored: { records: ConsentRecord[]; inForce?: ListInForce | undefined },
): Consents {
  const records = new Map(stored.records.map((record) => [record.recordId, record]));
  let inForce = stored.inForce;

  function fresh(at: number): boolean {
    if (!inForce) return false;
    return inForce.issuedAt === null || at - inForce.issuedAt <= settings.maxAgeHours * 3_600_000;
  }

  /** Takes a record in, if it is one of this store's and permits; returns the record that ended by it. */
  function put(record: ConsentRecord, applied: Applied): void {
    const before = records.get(record.recordId);
    if (before && record.version < before.version) return;
    if (isGiven(record, settings.storeId)) {
      records.set(record.recordId, record);
      applied.put.push(record);
      if (before && before.subjectRef !== record.subjectRef) applied.ended.push(before);
    } else if (before) {
      records.delete(record.recordId);
      applied.ended.push(before);
    }
  }

  function apply(list: ConsentList, at: number): Applied {
    const applied: Applied = { put: [], ended: [] };
    const refused = refusal(list, settings.storeId, inForce, at);
    if (refused === 'gap') {
      // A change whose predecessor is not in force: only what it takes away is safe to apply.
      for (const record of list.records) if (!isGiven(record, settings.storeId)) put(record, applied);
      return {
        ...applied,
        refused: `change ${list.version} follows ${list.previous}, in force is ${inForce?.version ?? 'none'}: a full list is needed`,
      };
    }
    if (refused) return { ...applied, refused };
    if (list.list === 'full') {
      const named = new Set(list.records.map((record) => record.recordId));
      for (const [recordId, record] of records) {
        if (named.has(recordId)) continue;
        records.delete(recordId);
        applied.ended.push(record);
      }
    }
    for (const record of list.records) put(record, applied);
    inForce =
      list.version === undefined
        ? { version: inForce?.version ?? 0, issuedAt: null }
        : { version: list.version, issuedAt: list.issuedAt ?? at };
    return applied;
  }

  function permits(recordId: string, purpose: Purpose, at: number): ConsentRecord | undefined {
    const record = records.get(recordId);
    if (!record || record.staff || !fresh(at)) return undefined;
    if (!record.purposes.includes(purpose)) return undefined;
    return isValid(record, at) ? record : undefined;
  }

  return { apply, permits, records: () => records.values(), inForce: () => inForce, fresh };
}

/** Given for this store; whether its validity has begun or ended is asked at each use. */
function isGiven(record: ConsentRecord, storeId: string): boolean {
  const { state, stores, purposes } = record;
  return (
    (state === 'given' || state === 'renewed') && stores.includes(storeId) && purposes.includes('recognition')
  );
}

/** A grant never reaches back before `validFrom` (R8). */
function isValid(record: ConsentRecord, at: number): boolean {
  return Date.parse(record.validFrom) <= at && (!record.validUntil || at < Date.parse(record.validUntil));
}

/** Tolerated difference between the platform's clock and ours, ms. */
const CLOCK_SKEW = 300_000;

function refusal(
  list: ConsentList,
  storeId: string,
  inForce: ListInForce | undefined,
  at: number,
): string | undefined {
  if (list.version === undefined) return undefined;
  if (list.storeId !== storeId) return `it is for store ${list.storeId}`;
  if (inForce && list.version <= inForce.version) {
    return `version ${list.version} is not newer than ${inForce.version}`;
  }
  if (list.issuedAt !== undefined && list.issuedAt > at + CLOCK_SKEW) return 'it is issued in the future';
  if (list.list === 'change' && list.previous !== inForce?.version) return 'gap';
  return undefined;
}
