import { type Field, MEASUREMENTS } from './measurements.ts';
import type { Point } from './point.ts';

/** Points are summed up over so long, ms: what a chart of an hour can show, and what a month can hold. */
export const WINDOW_MS = 10_000;
/** Series at a time; a shop's configuration has some hundreds. Points of more are dropped and counted. */
export const MAX_SERIES = 2_000;

export interface Windows {
  /** Adds a point to the window of its own time. */
  add(point: Point): void;
  /** Samples of the windows that ended before `at`, oldest first. */
  closed(at: number): Point[];
  /** Everything that is open. */
  all(): Point[];
  /** Points that were not taken: unknown measurements or tags, series too many, no time. */
  dropped(): number;
}

/** Values of one field within a window. */
interface Rolled {
  field: Field;
  last: number;
  lastAt: number;
  max: number;
  sum: number;
  n: number;
}

interface Series {
  measurement: string;
  tags: Point['tags'];
  /** By field. */
  rolled: Map<string, Rolled>;
}

/**
 * Sums points up in windows of ten seconds, aligned to the clock: each series of a window becomes one sample,
 * whose `at` is the window's start and whose fields are rolled up as `measurements.ts` says. A point whose
 * window has been closed opens it once more. A tag whose value `isKnown` does not know makes no series.
 */
export function createWindows(isKnown: (value: string) => boolean): Windows {
  const fieldsOf = new Map(
    MEASUREMENTS.map(({ name, fields }) => [name, new Map(fields.map((field) => [field.name, field]))]),
  );
  /** By start, then by series. */
  const windows = new Map<number, Map<string, Series>>();
  let dropped = 0;

  function isSeries({ tags, at }: Point): boolean {
    return Number.isFinite(at) && Object.values(tags).every(isKnown);
  }

  function seriesFor({ measurement, tags, at }: Point): Series | undefined {
    const start = Math.floor(at / WINDOW_MS) * WINDOW_MS;
    const window = windows.get(start) ?? new Map<string, Series>();
    windows.set(start, window);
    const key = keyOf(measurement, tags);
    let series = window.get(key);
    if (!series && window.size < MAX_SERIES) {
      series = { measurement, tags, rolled: new Map() };
      window.set(key, series);
    }
    return series;
  }

  function take(starts: number[]): Point[] {
    return starts
      .sort((a, b) => a - b)
      .flatMap((at) => {
        const window = windows.get(at);
        windows.delete(at);
        return [...(window?.values() ?? [])].map((series) => sampleOf(series, at));
      });
  }

  return {
    add(point) {
      const known = fieldsOf.get(point.measurement);
      const series = known && isSeries(point) ? seriesFor(point) : undefined;
      if (!known || !series) {
        dropped += 1;
        return;
      }
      for (const [name, value] of Object.entries(point.fields)) {
        const field = known.get(name);
        if (field && Number.isFinite(value)) roll(series.rolled, field, value, point.at);
        else dropped += 1;
      }
    },
    closed: (at) => take([...windows.keys()].filter((start) => start + WINDOW_MS <= at)),
    all: () => take([...windows.keys()]),
    dropped: () => dropped,
  };
}

function keyOf(measurement: string, tags: Point['tags']): string {
  let key = measurement;
  for (const value of Object.values(tags)) key += `/${value}`;
  return key;
}

function roll(rolled: Map<string, Rolled>, field: Field, value: number, at: number): void {
  const before = rolled.get(field.name);
  if (!before) {
    rolled.set(field.name, { field, last: value, lastAt: at, max: value, sum: value, n: 1 });
    return;
  }
  if (at >= before.lastAt) {
    before.last = value;
    before.lastAt = at;
  }
  before.max = Math.max(before.max, value);
  before.sum += value;
  before.n += 1;
}

function sampleOf({ measurement, tags, rolled }: Series, at: number): Point {
  const fields: Record<string, number> = {};
  for (const [name, values] of rolled) fields[name] = rolledUp(values);
  return { measurement, tags, fields, at };
}

function rolledUp({ field, last, max, sum, n }: Rolled): number {
  switch (field.rollup) {
    case 'last':
      return last;
    case 'max':
      return max;
    case 'sum':
      return sum;
    case 'mean':
      return sum / n;
  }
}
