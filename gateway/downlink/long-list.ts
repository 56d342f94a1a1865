import type { ListHead } from './central-message.ts';
import { joined, type PackedRecord } from './list-part.ts';

/** Records of one slice of a list: what the pipeline takes at a time. */
export const SLICE_RECORDS = 250;
/** Withdrawals of one slice: each erases, and signs that it did, in the slice's transaction. */
export const SLICE_WITHDRAWALS = 50;
/** Octets of one slice: records with many keys make shorter ones. */
const SLICE_OCTETS = 256 * 1024;

/** A list of more records than one signal carries, whole, in the thread that read it. */
export interface LongList {
  kind: 'long-list';
  head: ListHead;
  /** How many slices there are, at least one. */
  slices: number;
  /** Octets of the JSON array of a slice's records; handed out once, and forgotten here. */
  slice(n: number): Uint8Array;
  /** Of these records those that the list does not name. */
  omitted(recordIds: readonly string[]): string[];
}

export function longList(head: ListHead, records: readonly PackedRecord[]): LongList {
  const lastWords = lastWordOfEach(records);
  const slices: (PackedRecord[] | undefined)[] = inSlices([...lastWords.values()].sort(byUse));
  const named = new Set(lastWords.keys());
  return {
    kind: 'long-list',
    head,
    slices: slices.length,
    slice(n) {
      const slice = slices[n];
      if (!slice) throw new Error(`slice ${n} of list ${head.version} is not there`);
      slices[n] = undefined;
      return joined(slice);
    },
    omitted: (recordIds) => recordIds.filter((recordId) => !named.has(recordId)),
  };
}

/**
 * One list may speak of a record twice: the higher version counts, of two equal ones what takes away. In
 * slices the withdrawals come first, so that the older grant must not come after them at all.
 */
function lastWordOfEach(records: readonly PackedRecord[]): Map<string, PackedRecord> {
  const last = new Map<string, PackedRecord>();
  for (const record of records) {
    const before = last.get(record.recordId);
    if (!before || supersedes(record, before)) last.set(record.recordId, record);
  }
  return last;
}

function supersedes(record: PackedRecord, before: PackedRecord): boolean {
  if (record.version !== before.version) return record.version > before.version;
  return record.isBarring || !before.isBarring;
}

/**
 * What takes away comes first: a withdrawal does not wait behind a hundred thousand grants (R6). Beyond
 * that by id, as the database keeps them: a slice touches few of its pages then, not one for each record.
 */
function byUse(a: PackedRecord, b: PackedRecord): number {
  if (a.isBarring !== b.isBarring) return a.isBarring ? -1 : 1;
  return a.recordId < b.recordId ? -1 : 1;
}

function inSlices(records: readonly PackedRecord[]): PackedRecord[][] {
  const slices: PackedRecord[][] = [];
  let octets = 0;
  for (const record of records) {
    const slice = slices.at(-1);
    octets += record.octets.length;
    if (slice && hasRoom(slice, record) && octets <= SLICE_OCTETS) slice.push(record);
    else {
      slices.push([record]);
      octets = record.octets.length;
    }
  }
  return slices;
}

/** What takes away and what grants are never in one slice. */
function hasRoom(slice: readonly PackedRecord[], { isBarring }: PackedRecord): boolean {
  if (slice[0]?.isBarring !== isBarring) return false;
  return slice.length < (isBarring ? SLICE_WITHDRAWALS : SLICE_RECORDS);
}
