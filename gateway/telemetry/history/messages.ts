import type { WholeQuery } from '../series-query.ts';

/* What the gateway's thread and the history's say to each other. */

/** One field of one series; the gateway's thread numbers them in the order in which they come. */
export interface SeriesName {
  measurement: string;
  field: string;
  tags: Readonly<Record<string, string>>;
}

/** Numbers in a row of values: series, start of its window (ms), value, 1 where a sample begins. */
export const ROW = 4;

export type ToThread =
  /** Series that were not named yet, with the next numbers, and rows. */
  | { kind: 'take'; series: SeriesName[]; rows: Float64Array; samples: number; isClockSure: boolean }
  | { kind: 'query'; id: number; query: WholeQuery }
  | { kind: 'close' };

/** One series of an answer; NaN where nothing was measured. */
export interface AnswerLine {
  tags: SeriesName['tags'];
  values: Float64Array;
}

export interface ThreadState {
  ok: boolean;
  reason?: string;
  /** Samples that it took over, and of those: wait for the disk, are on it, were given up. */
  taken: number;
  waiting: number;
  written: number;
  dropped: number;
}

export type FromThread =
  | { kind: 'state'; state: ThreadState }
  | { kind: 'answer'; id: number; lines: AnswerLine[] }
  | { kind: 'no answer'; id: number; reason: string }
  | { kind: 'told'; text: string }
  | { kind: 'closed' };

export interface ThreadData {
  file: string;
  days: number;
  flushMs: number;
  keepFree: number;
  maxBytes: number;
}
