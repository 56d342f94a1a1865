import { MEASUREMENTS } from '../measurements.ts';
import type { Point } from '../point.ts';
import type { SeriesName } from './messages.ts';

/** One field of one series each, of all devices together; a shop has some hundreds. */
export const MAX_FIELD_SERIES = 2_000;
/** Ids of the configuration, and those of the devices behind a bridge, which are longer. */
const TAG_VALUE = /^[A-Za-z0-9_-]{1,80}$/;

/** Samples as the thread takes them: numbers alone, and the names of series that it does not know yet. */
export interface Numbered {
  series: SeriesName[];
  rows: Float64Array<ArrayBuffer>;
  /** Samples of which something was taken. */
  samples: number;
  /** Samples, or fields of them, that `measurements.ts` does not have, and series too many. */
  refused: number;
}

interface Known {
  name: string;
  tags: readonly { name: string; isOptional: boolean }[];
  fields: ReadonlySet<string>;
}

/** Gives series their numbers. Only what the table of measurements names is taken: nothing of a person is. */
export function createNumbering(maxSeries = MAX_FIELD_SERIES): (samples: readonly Point[]) => Numbered {
  const known = new Map(MEASUREMENTS.map((one) => [one.name, knownOf(one)]));
  const numbers = new Map<string, number>();

  return (samples) => {
    const series: SeriesName[] = [];
    const rows: number[] = [];
    let taken = 0;
    let refused = 0;

    function numberOf(measurement: Known, field: string, { tags }: Point): number | undefined {
      const key = keyOf(measurement, field, tags);
      const number = numbers.get(key);
      if (number !== undefined || numbers.size >= maxSeries) return number;
      series.push({ measurement: measurement.name, field, tags: sorted(tags) });
      numbers.set(key, numbers.size);
      return numbers.size - 1;
    }

    function take(sample: Point, measurement: Known): void {
      let first = 1;
      for (const field in sample.fields) {
        const value = sample.fields[field] as number;
        const number =
          measurement.fields.has(field) && Number.isFinite(value)
            ? numberOf(measurement, field, sample)
            : undefined;
        if (number === undefined) {
          refused += 1;
          continue;
        }
        rows.push(number, sample.at, value, first);
        first = 0;
      }
      taken += 1 - first;
    }

    for (const sample of samples) {
      const measurement = known.get(sample.measurement);
      if (measurement && Number.isFinite(sample.at) && fits(sample, measurement)) take(sample, measurement);
      else refused += 1;
    }
    return { series, rows: Float64Array.from(rows), samples: taken, refused };
  };
}

function knownOf({ name, tags, fields }: (typeof MEASUREMENTS)[number]): Known {
  return {
    name,
    tags: tags.map((tag) => ({ name: tag.replace('?', ''), isOptional: tag.endsWith('?') })),
    fields: new Set(fields.map((field) => field.name)),
  };
}

function fits({ tags }: Point, measurement: Known): boolean {
  let found = 0;
  for (const { name, isOptional } of measurement.tags) {
    const value = tags[name];
    if (value === undefined) {
      if (!isOptional) return false;
      continue;
    }
    if (!TAG_VALUE.test(value)) return false;
    found += 1;
  }
  return found === Object.keys(tags).length;
}

function keyOf({ name, tags }: Known, field: string, of: Point['tags']): string {
  let key = `${name} ${field}`;
  for (const tag of tags) key += ` ${of[tag.name] ?? ''}`;
  return key;
}

function sorted(tags: Point['tags']): SeriesName['tags'] {
  return Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
}
