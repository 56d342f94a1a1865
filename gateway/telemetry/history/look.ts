import type { WholeQuery } from '../series-query.ts';
import { WINDOW_MS } from '../windows.ts';
import { add, HOUR_MS, MINUTE_MS, type Minute, mergeMinutes, SLOT_MS, type Sum, totalOf } from './chunks.ts';
import type { AnswerLine } from './messages.ts';
import type { Rings } from './rings.ts';

/** Values of an answer: 60 slots of shelves over a day of five minutes are 17,000. */
export const MAX_VALUES = 100_000;

const MINUTES = HOUR_MS / MINUTE_MS;
const SLOTS = HOUR_MS / SLOT_MS;
const MINUTES_OF_SLOT = SLOT_MS / MINUTE_MS;

/** A series that a question is about: on the disk, still waiting, or both. */
export interface Wanted {
  tags: Readonly<Record<string, string>>;
  id?: number;
  waiting?: (minute: number) => Minute | undefined;
}

/** `count` windows, from `at` on, come to `value`; a mean's is their sum still. */
type Put = (at: number, value: number, count: number) => void;

/**
 * Rolls up what the rings have into steps. Five minutes come from `hours` where they are fine enough, and
 * where the windows are gone: finer steps have such a value at the first of each five minutes.
 * @throws with a sentence where the answer would be too long.
 */
export function look(
  { field: { rollup }, from, to, stepMs }: WholeQuery,
  wanted: readonly Wanted[],
  { rings, waitingHours }: { rings: Rings; waitingHours: ReadonlySet<number> },
): AnswerLine[] {
  const steps = (to - from) / stepMs;
  if (steps * wanted.length > MAX_VALUES) {
    throw new Error(
      `${wanted.length} series in ${steps} steps are more than ${MAX_VALUES} values: ask for longer steps, or for one tag`,
    );
  }
  const isFine = stepMs % SLOT_MS !== 0;
  const oldest = rings.oldestMinute() ?? Number.POSITIVE_INFINITY;
  const unrolled = rings.unrolled();
  const needsMinutes = (hour: number) => unrolled.has(hour) || waitingHours.has(hour) || isFine;
  const hasMinutes = (hour: number) => (hour + 1) * MINUTES > oldest && needsMinutes(hour);
  const hours = hoursOf({ from, to }, rings, waitingHours);

  function lineOf(one: Wanted): AnswerLine {
    const sums = Array.from({ length: steps }, (): Sum => ({ value: 0, count: 0 }));
    const put: Put = (at, value, count) => {
      const sum = sums[Math.floor((at - from) / stepMs)];
      if (sum) add(sum, value, count, rollup);
    };
    for (const hour of hours) putHour(rings, one, hour, hasMinutes(hour), put);
    return { tags: one.tags, values: Float64Array.from(sums, (sum) => totalOf(sum, rollup)) };
  }

  return wanted.map(lineOf).filter(({ values }) => values.some((value) => !Number.isNaN(value)));
}

/** Those that there is anything of, in order: a range may be of centuries. */
function hoursOf(
  range: Pick<WholeQuery, 'from' | 'to'>,
  rings: Rings,
  waitingHours: ReadonlySet<number>,
): number[] {
  const from = Math.floor(range.from / HOUR_MS);
  const to = Math.ceil(range.to / HOUR_MS);
  const waiting = [...waitingHours].filter((hour) => hour >= from && hour < to);
  return [...new Set([...rings.hours(from, to), ...waiting])].sort((a, b) => a - b);
}

/** Each five minutes of an hour, in order: its windows where there are any, or else their roll-up. */
function putHour(rings: Rings, { id, waiting }: Wanted, hour: number, hasMinutes: boolean, put: Put): void {
  const rolled = id === undefined ? undefined : rings.hour(hour, id);
  const minuteOf = (minute: number) => {
    const written = hasMinutes && id !== undefined ? rings.minute(minute, id) : undefined;
    return both(written, waiting?.(minute));
  };
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const first = hour * MINUTES + slot * MINUTES_OF_SLOT;
    let isAny = false;
    for (let minute = first; minute < first + MINUTES_OF_SLOT; minute += 1) {
      const windows = minuteOf(minute);
      if (windows) putWindows(minute * MINUTE_MS, windows, put);
      isAny ||= windows !== undefined;
    }
    const count = rolled?.counts[slot] ?? 0;
    if (!isAny && count > 0) put(first * MINUTE_MS, rolled?.values[slot] as number, count);
  }
}

function putWindows(at: number, windows: Minute, put: Put): void {
  windows.forEach((value, window) => {
    if (!Number.isNaN(value)) put(at + window * WINDOW_MS, value, 1);
  });
}

function both(earlier: Minute | undefined, later: Minute | undefined): Minute | undefined {
  return earlier && later ? mergeMinutes(earlier, later) : (later ?? earlier);
}
