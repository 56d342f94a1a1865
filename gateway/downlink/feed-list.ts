import { setImmediate as turn } from 'node:timers/promises';
import type { ConsentList } from '../consent-list.ts';
import type { ConsentRecord } from '../consent-record.ts';
import type { PreparedIds } from '../recognise/eid-prepared.ts';
import type { ListHead } from './central-message.ts';
import { SLICE_WITHDRAWALS } from './long-list.ts';
import type { LongListHandle } from './reader.ts';

/** Ids that are asked about at once. */
const ASKED_AT_ONCE = 2_000;
/** What `consents.ts` says of a list of which only the withdrawals were applied. */
const ONLY_WITHDRAWALS = 'only withdrawals were applied';

/** A slice of a list, as the pipeline takes it. */
export type ListSlice = ListHead &
  Required<Pick<ConsentList, 'records' | 'slice'>> &
  Pick<ConsentList, 'prepared'>;

export interface FeedParts {
  /** Ids of the records, and of the shop's own choices, that a full list ends by not naming them. */
  inForce: () => Iterable<string>;
  /**
   * Takes a slice; resolves once it is on disk, with the reason where the pipeline refused it. `isEnd`:
   * nothing more comes of this list, and whatever comes with its end goes with this slice.
   */
  take: (slice: ListSlice, isEnd: boolean) => Promise<string | undefined>;
}

/**
 * Gives the pipeline a long list, a slice at a time, each on disk before the next and others' signals
 * between them; first what takes away, and the list is in force with its last slice. A list that ends
 * half-way comes again, and what was applied of it already is no news then.
 * Returns the reason where it was refused, once.
 */
export async function feedList(list: LongListHandle, parts: FeedParts): Promise<string | undefined> {
  const { head } = list;
  let refused: string | undefined;
  for await (const { ended, last, ...slice } of slicesOf(list, parts.inForce)) {
    const reason = await parts.take({ ...head, ...slice, slice: { last, ended } }, last);
    if (reason !== undefined && !reason.endsWith(ONLY_WITHDRAWALS)) {
      // Older, foreign, of the future: nothing of it counts.
      if (!last) await parts.take({ ...head, records: [], slice: { last: false, ended: [] } }, true);
      return reason;
    }
    refused ??= reason;
    await turn();
  }
  return refused;
}

interface Slice {
  records: ConsentRecord[];
  prepared?: PreparedIds;
  ended: string[];
  last: boolean;
}

async function* slicesOf(list: LongListHandle, inForce: () => Iterable<string>): AsyncGenerator<Slice> {
  if (list.head.list === 'full') {
    for await (const ended of endedBy(list, inForce())) yield { records: [], ended, last: false };
  }
  let next = list.slice(0);
  for (let n = 1; n <= list.slices; n += 1) {
    const slice = await next;
    if (n < list.slices) next = early(list.slice(n));
    yield { ...slice, ended: [], last: n === list.slices };
  }
}

/** Records in force that the list does not name. The list is asked: the gateway's thread need not know all names. */
async function* endedBy(list: LongListHandle, inForce: Iterable<string>): AsyncGenerator<string[]> {
  let ended: string[] = [];
  for (const recordIds of chunks(inForce, ASKED_AT_ONCE)) {
    ended.push(...(await list.omitted(recordIds)));
    while (ended.length >= SLICE_WITHDRAWALS) {
      yield ended.slice(0, SLICE_WITHDRAWALS);
      ended = ended.slice(SLICE_WITHDRAWALS);
    }
  }
  if (ended.length > 0) yield ended;
}

function* chunks<T>(values: Iterable<T>, length: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const value of values) {
    chunk.push(value);
    if (chunk.length < length) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** Asked for before it is needed: where it fails meanwhile, whoever awaits it is told, nobody else. */
function early<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
