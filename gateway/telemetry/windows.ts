import { type Field, MEASUREMENTS } from './measurements.ts';
import type { Point } from './point.ts';

/** Points are summed up over so long, ms: what a chart of an hour can show, and what a month can hold. */
export const WINDOW_MS = 10_000;
/**
 * What a window came to is known for so long after it was told, ms: a point of a frame that a receiver kept back
 * is summed up with the others, and the window told once more. Fourteen thousand series at most, 500 bytes each.
 */
const KEPT_MS = 60_000;
/** Series at a time; a shop's configuration has some hundreds. Points of more are dropped and counted. */
export const MAX_SERIES = 2_000;

export interface Windows {
  /** Adds a point to the window of its own time. */
  add(point: Point): void;
  /** Samples of the windows that ended before `at` and were not told as they are now, oldest first. */
  closed(at: number): Point[];
  /** All that was not told, of open windows too. */
  all(): Point[];
  /** Windows that did not end before `at` as they are, told or not, for who goes on with them (`cut-windows.ts`). */
  open(at: number): WindowPart[];
  /** Goes on with what was in a window, where that is of a moment ago; it is told again with what comes. */
  resume(parts: readonly WindowPart[], now: number): void;
  /** Points that were not taken: unknown measurements or tags, series too many, no time. */
  dropped(): number;
}

/** One series of a window, with all that two parts of it need to become one. */
export interface WindowPart {
  /** Start of the window, ms since the epoch. */
  at: number;
  measurement: string;
  tags: Point['tags'];
  rolled: (Omit<Rolled, 'field'> & { field: string })[];
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
  /** It came to something else since it was told. */
  isNew: boolean;
}

/**
 * Sums points up in windows of ten seconds, aligned to the clock: each series of a window becomes one sample,
 * whose `at` is the window's start and whose fields are rolled up as `measurements.ts` says. A point whose
 * window has been told has it told once more, with all that was in it; after a minute with itself alone. A tag
 * whose value `isKnown` does not know makes no series.
 */
export function createWindows(isKnown: (value: string) => boolean): Windows {
  const fieldsOf = new Map(
    MEASUREMENTS.map(({ name, fields }) => [name, new Map(fields.map((field) => [field.name, field]))]),
  );
  /** By start, then by series. */
  const windows = new Map<number, Map<string, Series>>();
  /** Starts of those in which something is new. */
  const untold = new Set<number>();
  let dropped = 0;

  function isSeries({ tags, at }: Pick<Point, 'tags' | 'at'>): boolean {
    return Number.isFinite(at) && Object.values(tags).every(isKnown);
  }

  function seriesFor({ measurement, tags, at }: Omit<Point, 'fields'>): Series | undefined {
    const start = Math.floor(at / WINDOW_MS) * WINDOW_MS;
    const window = windows.get(start) ?? new Map<string, Series>();
    windows.set(start, window);
    untold.add(start);
    const key = keyOf(measurement, tags);
    let series = window.get(key);
    if (!series && window.size < MAX_SERIES) {
      series = { measurement, tags, rolled: new Map(), isNew: true };
      window.set(key, series);
    }
    return series;
  }

  function tell(starts: number[]): Point[] {
    return starts
      .sort((a, b) => a - b)
      .flatMap((at) => {
        untold.delete(at);
        const all = [...(windows.get(at)?.values() ?? [])].filter(({ isNew }) => isNew);
        for (const series of all) series.isNew = false;
        return all.map((series) => sampleOf(series, at));
      });
  }

  function forget(at: number): void {
    for (const start of windows.keys()) if (start + WINDOW_MS + KEPT_MS <= at) windows.delete(start);
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
      series.isNew = true;
    },
    closed(at) {
      const samples = tell([...untold].filter((start) => start + WINDOW_MS <= at));
      forget(at);
      return samples;
    },
    all: () => tell([...untold]),
    open: (at) =>
      [...windows]
        .filter(([start]) => start + WINDOW_MS > at)
        .flatMap(([start, window]) => [...window.values()].map((series) => partOf(series, start))),
    resume(parts, now) {
      for (const { at, measurement, tags, rolled } of parts) {
        const known = fieldsOf.get(measurement);
        if (!known || Math.abs(now - at) > KEPT_MS || !isSeries({ tags, at })) continue;
        const series = seriesFor({ measurement, tags, at });
        if (!series) continue;
        series.isNew = false;
        for (const one of rolled) {
          const field = known.get(one.field);
          if (field) series.rolled.set(one.field, { ...one, field });
        }
      }
    },
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

function partOf({ measurement, tags, rolled }: Series, at: number): WindowPart {
  const fields = [...rolled.values()].map(({ field, ...values }) => ({ field: field.name, ...values }));
  return { at, measurement, tags, rolled: fields };
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
