import { type ConsentRecord, PERMITTING } from './consent-record.ts';
import type { PreparedIds } from './recognise/eid-prepared.ts';

/*
 * What a consent list is, and which list counts: versions only grow, a change follows the one in force, and
 * where something is missing between, only what a list takes away is safe to apply (R10).
 */

/** A list as the pipeline takes it. Without `version` it is a bare one (`replay`, `demo`): never stale. */
export interface ConsentList {
  list: 'full' | 'change';
  records: ConsentRecord[];
  storeId?: string;
  version?: number;
  previous?: number | undefined;
  /** ms since the epoch. */
  issuedAt?: number;
  /**
   * A long list comes in slices, so that no signal takes long: `ended` are records in force that a full
   * list does not name, and the list is in force with its last slice.
   */
  slice?: { last: boolean; ended: readonly string[] };
  /** Ids of its tags, worked out by who read it; the outcome is the same without. */
  prepared?: PreparedIds;
}

/** What is known of the list in force; kept with the records. */
export interface ListInForce {
  version: number;
  /** ms since the epoch; null for a bare list, which has no age. */
  issuedAt: number | null;
  /** The newest change of which only the withdrawals could be applied: lists before it come too late. */
  withdrawnUpTo?: number;
}

/** Oldest version of a record first, so that the last word counts; of two equal ones the withdrawal. */
export function inOrder(records: readonly ConsentRecord[], storeId: string): ConsentRecord[] {
  const rank = (record: ConsentRecord) => (isGiven(record, storeId) ? 0 : 1);
  return [...records].sort((a, b) => a.version - b.version || rank(a) - rank(b));
}

/** Tolerated difference between the platform's clock and ours, ms. */
const CLOCK_SKEW = 300_000;

type Verdict = { take: 'all' } | { take: 'withdrawals' | 'nothing'; refused: string };

export function judge(
  list: ConsentList,
  storeId: string,
  inForce: ListInForce | undefined,
  at: number,
): Verdict {
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

export function nowInForce(
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

/** Given for this store; whether its validity has begun or ended is asked at each use. */
export function isGiven(record: ConsentRecord, storeId: string): boolean {
  const isPermitting = (PERMITTING as readonly string[]).includes(record.state);
  return isPermitting && record.stores.includes(storeId) && record.purposes.includes('recognition');
}
