import { type Field, MEASUREMENTS } from './measurements.ts';
import type { SeriesLine, SeriesQuery } from './series.ts';
import { WINDOW_MS } from './windows.ts';

/** No step is shorter than a window. */
const WINDOW_S = WINDOW_MS / 1_000;
/** Points of a line, at most: a day has 8,640 in windows of ten seconds, a month 8,928 in five minutes. */
export const MOST_STEPS = 10_000;
/** InfluxDB counts 64 bits of nanoseconds: beyond that it takes a question for one that is wrong. */
const LAST_YEAR = 2261;
const END_MS = Date.UTC(LAST_YEAR + 1, 0);

/** A query that makes sense, in whole steps: every one from `from` on and before `to`. */
export interface WholeQuery {
  measurement: string;
  field: Field;
  /** Of the measurement, in the order of its table. */
  tagNames: readonly string[];
  /** Those that were asked for. */
  tags: readonly (readonly [name: string, value: string])[];
  from: number;
  to: number;
  stepMs: number;
}

/**
 * The step that holds `from` is the first, the one that holds what is just before `to` the last.
 * @throws with a sentence where there is no such series, or the answer would be too long.
 */
export function wholeQuery(
  { measurement: name, field: fieldName, ...query }: SeriesQuery,
  mostSteps = MOST_STEPS,
): WholeQuery {
  const measurement = MEASUREMENTS.find((one) => one.name === name);
  const field = measurement?.fields.find((one) => one.name === fieldName);
  if (!measurement || !field) throw new Error(`there is no series of ${fieldName} in ${name}`);
  const tagNames = measurement.tags.map((tag) => tag.replace('?', ''));
  const tags = Object.entries(query.tags ?? {});
  const foreign = tags.find(([tag]) => !tagNames.includes(tag));
  if (foreign) throw new Error(`${name} has no tag ${foreign[0]}, only ${tagNames.join(', ') || 'none'}`);
  return { measurement: name, field, tagNames, tags, ...wholeSteps(query, mostSteps) };
}

function wholeSteps(
  { from, to, stepS }: Pick<SeriesQuery, 'from' | 'to' | 'stepS'>,
  mostSteps: number,
): Pick<WholeQuery, 'from' | 'to' | 'stepMs'> {
  if (!Number.isSafeInteger(stepS) || stepS < WINDOW_S || stepS % WINDOW_S !== 0) {
    throw new Error(`a step has to be a multiple of ${WINDOW_S} seconds`);
  }
  if (!(Number.isFinite(from) && Number.isFinite(to) && from < to)) {
    throw new Error('a range begins before it ends');
  }
  const stepMs = stepS * 1_000;
  const whole = { from: Math.floor(from / stepMs) * stepMs, to: Math.ceil(to / stepMs) * stepMs, stepMs };
  if (whole.from < 0 || whole.to > END_MS) {
    throw new Error(`a range lies, in whole steps, between the years 1970 and ${LAST_YEAR}`);
  }
  const steps = (whole.to - whole.from) / stepMs;
  if (steps > mostSteps) {
    throw new Error(
      `${steps} steps are more than ${mostSteps} at a time: ask for longer ones, or for a shorter range`,
    );
  }
  return whole;
}

/** By the values of the measurement's tags in their order; a tag that is not there comes first. */
export function inOrder(lines: readonly SeriesLine[], tagNames: readonly string[]): SeriesLine[] {
  const compare = (a: SeriesLine, b: SeriesLine) => {
    for (const tag of tagNames) {
      const [left = '', right = ''] = [a.tags[tag], b.tags[tag]];
      if (left !== right) return left < right ? -1 : 1;
    }
    return 0;
  };
  return [...lines].sort(compare);
}
