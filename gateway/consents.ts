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

/** ISO/IEC TS 27560: the states that permit, and those that do not. */
const PERMITTING = ['given', 'renewed'] as const;
const BARRING = [
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

const record = z.object({
  recordId: z.string().min(1).max(128),
  version: z.number().int().nonnegative(),
  subjectRef: z.string().min(1).max(128),
  purposes: z.array(z.enum(PURPOSES)),
  state: z.enum([...PERMITTING, ...BARRING]),
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
export type ConsentRecord = z.infer<typeof record>;

/**
 * A record of a list. Of one that permits nothing only the name is read: a withdrawal must not fail over
 * what else it says, and the keys of who did not agree are nobody's here (R14).
 */
export const consentRecord = z.preprocess((value) => (isBarring(value) ? nameOf(value) : value), record);

function isBarring(value: unknown): value is Record<string, unknown> {
  return (BARRING as readonly unknown[]).includes((value as { state?: unknown } | null)?.state);
}

function nameOf({ recordId, version, subjectRef, state }: Record<string, unknown>) {
  const nothing = { purposes: [], stores: [], keys: [], validFrom: NEVER, noticeVersion: '' };
  return { recordId, version, subjectRef, state, ...nothing };
}

const NEVER = '9999-12-31T23:59:59Z';

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
  /** The newest change of which only the withdrawals could be applied: lists before it come too late. */
  withdrawnUpTo?: number;
}

export interface Applied {
  refused?: string;
  /** Records in force that were not before, or are changed. */
  put: ConsentRecord[];
  /** Records, as they were, that are in force no longer or are another subject's now. */
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

  function apply(list: ConsentList, at: number): Applied {
    const verdict = judge(list, settings.storeId, inForce, at);
    if (verdict.take === 'nothing') return { put: [], ended: [], refused: verdict.refused };
    const before = new Map<string, ConsentRecord | undefined>();
    const set = (recordId: string, record: ConsentRecord | undefined) => {
      if (!before.has(recordId)) before.set(recordId, records.get(recordId));
      if (record) records.set(recordId, record);
      else records.delete(recordId);
    };
    if (verdict.take === 'all' && list.list === 'full') {
      const named = new Set(list.records.map(({ recordId }) => recordId));
      for (const recordId of records.keys()) if (!named.has(recordId)) set(recordId, undefined);
    }
    for (const record of inOrder(list.records, settings.storeId)) {
      const known = records.get(record.recordId) ?? before.get(record.recordId);
      if (known && record.version < known.version) continue;
      if (!isGiven(record, settings.storeId)) set(record.recordId, undefined);
      else if (verdict.take === 'all') set(record.recordId, record);
    }
    inForce = nowInForce(list, inForce, verdict.take, at);
    return { ...changes(before), ...(verdict.take === 'withdrawals' && { refused: verdict.refused }) };
  }

  function changes(before: ReadonlyMap<string, ConsentRecord | undefined>): Applied {
    const put: ConsentRecord[] = [];
    const ended: ConsentRecord[] = [];
    for (const [recordId, was] of before) {
      const is = records.get(recordId);
      // A full list repeats all; what it repeats unchanged is no news.
      if (is && JSON.stringify(is) !== JSON.stringify(was)) put.push(is);
      if (was && was.subjectRef !== is?.subjectRef) ended.push(was);
    }
    return { put, ended };
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
  const isPermitting = (PERMITTING as readonly string[]).includes(record.state);
  return isPermitting && record.stores.includes(storeId) && record.purposes.includes('recognition');
}

/** A grant never reaches back before `validFrom` (R8). */
function isValid(record: ConsentRecord, at: number): boolean {
  return Date.parse(record.validFrom) <= at && (!record.validUntil || at < Date.parse(record.validUntil));
}

/** Oldest version of a record first, so that the last word counts; of two equal ones the withdrawal. */
function inOrder(records: readonly ConsentRecord[], storeId: string): ConsentRecord[] {
  const rank = (record: ConsentRecord) => (isGiven(record, storeId) ? 0 : 1);
  return [...records].sort((a, b) => a.version - b.version || rank(a) - rank(b));
}

/** Tolerated difference between the platform's clock and ours, ms. */
const CLOCK_SKEW = 300_000;

type Verdict = { take: 'all' } | { take: 'withdrawals' | 'nothing'; refused: string };

function judge(list: ConsentList, storeId: string, inForce: ListInForce | undefined, at: number): Verdict {
  const { version, previous } = list;
  if (version === undefined) return { take: 'all' };
  const refuse = (refused: string): Verdict => ({ take: 'nothing', refused });
  if (list.storeId !== storeId) return refuse(`the list is for store ${list.storeId}`);
  if (inForce && version <= inForce.version) {
    return refuse(`list ${version} is not newer than ${inForce.version}, which is in force`);
  }
  if (list.issuedAt !== undefined && list.issuedAt > at + CLOCK_SKEW) {
    return refuse(`list ${version} is issued in the future`);
  }
  // Where something is missing between, only what a list takes away is safe to apply.
  const isAfterGap = list.list === 'change' && previous !== inForce?.version;
  if (isAfterGap || version < (inForce?.withdrawnUpTo ?? 0)) {
    const gap = isAfterGap ? `follows ${previous}` : `is older than change ${inForce?.withdrawnUpTo}`;
    const refused = `list ${version} ${gap}, in force is ${inForce?.version ?? 'none'}: a full list is needed, only withdrawals were applied`;
    return { take: 'withdrawals', refused };
  }
  return { take: 'all' };
}

function nowInForce(
  list: ConsentList,
  inForce: ListInForce | undefined,
  take: 'all' | 'withdrawals',
  at: number,
): ListInForce | undefined {
  const { version, issuedAt = at } = list;
  if (version === undefined) return { version: inForce?.version ?? 0, issuedAt: null };
  if (take === 'all') return { version, issuedAt };
  return inForce && { ...inForce, withdrawnUpTo: Math.max(version, inForce.withdrawnUpTo ?? 0) };
}
