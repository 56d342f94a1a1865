import { emptyMinute, HOUR_MS, MINUTE_MS, type Minute, windowOf } from './chunks.ts';
import { ROW, type SeriesName } from './messages.ts';

/** Minutes of series that wait at most; of 200 series, 100 minutes. */
export const MAX_WAITING = 20_000;

export interface WaitingMinute {
  windows: Minute;
  /** Samples that began in it, for the count. */
  samples: number;
}

/** What is not on the disk yet, by minute and the series' number. A query sees it too. */
export interface Waiting {
  take(rows: Float64Array): void;
  minutes(): ReadonlyMap<number, ReadonlyMap<number, WaitingMinute>>;
  minute(minute: number, series: number): Minute | undefined;
  hours(): ReadonlySet<number>;
  /** Start of the newest window of the batch that was taken last, ms. */
  now(): number;
  samples(): number;
  isMany(): boolean;
  clear(): void;
  /** Lets the oldest minutes go until the bound holds; how many samples that were. */
  trim(): number;
}

export function createWaiting(): Waiting {
  const minutes = new Map<number, Map<number, WaitingMinute>>();
  let size = 0;
  let samples = 0;
  let now = 0;

  function waitingOf(minute: number, series: number): WaitingMinute {
    const bySeries = minutes.get(minute) ?? new Map<number, WaitingMinute>();
    minutes.set(minute, bySeries);
    let one = bySeries.get(series);
    if (!one) {
      one = { windows: emptyMinute(), samples: 0 };
      bySeries.set(series, one);
      size += 1;
    }
    return one;
  }

  function trim(): number {
    let lost = 0;
    for (const minute of [...minutes.keys()].sort((a, b) => a - b)) {
      if (size <= MAX_WAITING) break;
      const bySeries = minutes.get(minute) ?? new Map();
      minutes.delete(minute);
      size -= bySeries.size;
      for (const one of bySeries.values()) lost += one.samples;
    }
    samples -= lost;
    return lost;
  }

  return {
    take(rows) {
      let newest = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < rows.length; i += ROW) {
        const [series = 0, at = 0, value = 0, first = 0] = rows.subarray(i, i + ROW);
        const one = waitingOf(Math.floor(at / MINUTE_MS), series);
        one.windows[windowOf(at)] = value;
        one.samples += first;
        samples += first;
        newest = Math.max(newest, at);
      }
      if (rows.length > 0) now = newest;
    },
    minutes: () => minutes,
    minute: (minute, series) => minutes.get(minute)?.get(series)?.windows,
    hours: () => new Set([...minutes.keys()].map((minute) => Math.floor((minute * MINUTE_MS) / HOUR_MS))),
    now: () => now,
    samples: () => samples,
    isMany: () => size > MAX_WAITING / 2,
    clear() {
      minutes.clear();
      size = 0;
      samples = 0;
    },
    trim,
  };
}

/** A series as the file has it. */
export const tagsText = ({ tags }: SeriesName): string => JSON.stringify(tags);
