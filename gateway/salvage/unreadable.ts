import type { Db } from '../database.ts';
import { readEpochs } from '../outbox/epochs.ts';
import type { StoreEvent } from '../pipeline/outcome.ts';
import type { Cause } from './boot-check.ts';
import type { Mark } from './mark.ts';
import { type Range, union } from './ranges.ts';
import type { Salvaged } from './rebuild.ts';

/* Which events are not there any more, as the platform knows them: sequences of an epoch. */

export interface Unreadable {
  byEpoch: Map<string, Range[]>;
  count: number;
}

/** Ranges in one event at most: so that it stays far below the 64 KiB of an event. */
const RANGES_PER_EVENT = 500;

export interface Gone {
  /** Positions that could not be read. */
  ranges: readonly Range[];
  /** Positions that could be, and are of no use. */
  positions: readonly number[];
  /** Positions that were given after the database's own last one. */
  tail: readonly Range[];
  /** Sequences, by epoch, that the database was made without. */
  leftOut: readonly [epoch: string, ranges: Range[]][];
  /** Whether all of `pending` could be read: then it tells which of the ranges still waited. */
  isPendingWhole: boolean;
  last: number;
  uplinks: readonly string[];
  /** The mark of a database of which this one holds nothing. */
  other: Mark | undefined;
}

/** To be asked before `pending` loses the rows of what is gone. */
export function unreadableIn(db: Db, gone: Gone): Unreadable {
  const byEpoch = new Map<string, Range[]>();
  const add = (epoch: string, range: Range) => byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), range]);
  const positions: Range[] = [
    ...(gone.isPendingWhole && gone.uplinks.length > 0
      ? stillOwed(db, gone.ranges)
      : clipped(gone.ranges, gone.last)),
    ...gone.positions.map((position): Range => [position, position]),
    ...gone.tail,
  ];
  for (const range of positions) for (const [epoch, part] of inEpochs(db, range)) add(epoch, part);
  for (const [epoch, ranges] of gone.leftOut) for (const range of ranges) add(epoch, range);
  if (gone.other) {
    const { epoch, first, last, oldest } = gone.other;
    if (oldest !== null) add(epoch, [Math.max(oldest - first, 0) + 1, last - first + 1]);
  }
  let count = 0;
  for (const [epoch, ranges] of byEpoch) {
    const joined = union(ranges);
    byEpoch.set(epoch, joined);
    count += joined.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  }
  return { byEpoch, count };
}

/** What of these ranges some uplink has not had yet: the rest had left. */
function stillOwed(db: Db, ranges: readonly Range[]): Range[] {
  const owed = db
    .prepare<[number, number], number>(
      'SELECT DISTINCT position FROM pending WHERE position BETWEEN ? AND ? ORDER BY position',
    )
    .pluck();
  return union(ranges.flatMap((range) => owed.all(...range).map((position): Range => [position, position])));
}

function clipped(ranges: readonly Range[], last: number): Range[] {
  return ranges.flatMap(([from, to]): Range[] =>
    from > last ? [] : [[Math.max(1, from), Math.min(to, last)]],
  );
}

/** A range of positions as sequences, cut where an epoch begins. */
export function inEpochs(db: Db, [from, to]: Range): [epoch: string, range: Range][] {
  const epochs = readEpochs(db);
  const firsts = db
    .prepare<[number, number], number>(
      'SELECT first FROM epochs WHERE first > ? AND first <= ? ORDER BY first',
    )
    .pluck()
    .all(from, to);
  const begins = [from, ...firsts];
  return begins.map((begin, i) => {
    const { epoch, sequence } = epochs.at(begin);
    const end = (begins[i + 1] ?? to + 1) - 1;
    return [epoch, [sequence, sequence + end - begin]];
  });
}

/**
 * `gateway.store.corrupt` (class A): what was salvaged, and which sequences of an epoch could not be read.
 * One for each epoch that lost some; the first is of the epoch that ran, and has the counts.
 */
export function corruptEvents(
  { byEpoch }: Unreadable,
  said: {
    storeId: string;
    epoch: string;
    nextEpoch: string;
    /** The last sequence of the epoch that is known of: nothing will come of it that is not said here. */
    last: number;
    cause: Cause;
    salvaged: Salvaged;
    consentsForgotten: boolean;
    setAside: string;
    at: number;
  },
): StoreEvent[] {
  const { at, epoch, salvaged, ...rest } = said;
  const own = byEpoch.get(epoch) ?? [];
  const others = [...byEpoch].filter(([other]) => other !== epoch);
  const chunks = [
    ...chunked(own, true).map((unreadable) => ({ epoch, unreadable })),
    ...others.flatMap(([other, ranges]) =>
      chunked(ranges, false).map((unreadable) => ({ epoch: other, unreadable })),
    ),
  ];
  const nothing = { events: 0, dead: 0, state: 0, audit: 0 };
  return chunks.map((chunk, i) => ({
    name: 'gateway.store.corrupt',
    class: 'A',
    time: at,
    data: { ...rest, ...chunk, salvaged: i === 0 ? salvaged : nothing },
  }));
}

function chunked(ranges: readonly Range[], evenNone: boolean): Range[][] {
  const chunks: Range[][] = evenNone && ranges.length === 0 ? [[]] : [];
  for (let i = 0; i < ranges.length; i += RANGES_PER_EVENT)
    chunks.push(ranges.slice(i, i + RANGES_PER_EVENT));
  return chunks;
}
