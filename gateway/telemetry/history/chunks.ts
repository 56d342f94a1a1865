import type { Rollup } from '../measurements.ts';
import { WINDOW_MS } from '../windows.ts';

/*
 * How the rings lie on the disk: the windows of a minute of one series are one row, the five-minute roll-ups
 * of an hour another. A row for each value would be four times as large.
 */

export const MINUTE_MS = 60_000;
export const SLOT_MS = 300_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

const WINDOWS = MINUTE_MS / WINDOW_MS;
const SLOTS = HOUR_MS / SLOT_MS;
const F64 = 8;

/** The six windows of a minute; NaN where nothing was measured. */
export type Minute = Float64Array;

export const emptyMinute = (): Minute => new Float64Array(WINDOWS).fill(Number.NaN);

/** Twelve roll-ups: by the field's kind the sum, the largest or the last, and how many windows it is of. */
export interface Hour {
  values: Float64Array;
  counts: Uint8Array;
}

export const emptyHour = (): Hour => ({ values: new Float64Array(SLOTS), counts: new Uint8Array(SLOTS) });

/** Which window of its minute, which slot of its hour. */
export const windowOf = (at: number): number => Math.floor((at % MINUTE_MS) / WINDOW_MS);

export function minuteToBlob(minute: Minute): Buffer {
  const blob = Buffer.allocUnsafe(WINDOWS * F64);
  for (const [i, value] of minute.entries()) blob.writeDoubleLE(value, i * F64);
  return blob;
}

/** @throws where it is not as it was written. */
export function minuteOfBlob(blob: unknown): Minute {
  // A bit of a row's head makes it a text of the same length (https://sqlite.org/fileformat2.html#record_format).
  if (!Buffer.isBuffer(blob) || blob.length !== WINDOWS * F64)
    throw new Damaged('a minute of another length');
  const minute = new Float64Array(WINDOWS);
  for (let i = 0; i < WINDOWS; i += 1) minute[i] = blob.readDoubleLE(i * F64);
  return minute;
}

export function hourToBlob({ values, counts }: Hour): Buffer {
  const blob = Buffer.allocUnsafe(SLOTS * (F64 + 1));
  for (const [i, value] of values.entries()) blob.writeDoubleLE(value, i * F64);
  blob.set(counts, SLOTS * F64);
  return blob;
}

/** @throws where it is not as it was written. */
export function hourOfBlob(blob: unknown): Hour {
  if (!Buffer.isBuffer(blob) || blob.length !== SLOTS * (F64 + 1))
    throw new Damaged('an hour of another length');
  const hour = emptyHour();
  for (let i = 0; i < SLOTS; i += 1) hour.values[i] = blob.readDoubleLE(i * F64);
  hour.counts.set(blob.subarray(SLOTS * F64));
  return hour;
}

/** A row that cannot be one of ours: as much damage as what SQLite itself finds. */
export class Damaged extends Error {
  readonly code = 'SQLITE_CORRUPT';
}

/** Values on their way to one. */
export interface Sum {
  value: number;
  /** Windows in it; none: nothing was measured. */
  count: number;
}

/** Adds what was measured later. Means stay sums until they are asked for, or they would be weighted wrongly. */
export function add(sum: Sum, value: number, count: number, rollup: Rollup): void {
  if (count === 0) return;
  if (sum.count === 0 || rollup === 'last') sum.value = value;
  else if (rollup === 'max') sum.value = Math.max(sum.value, value);
  else sum.value += value;
  sum.count += count;
}

/** What it comes to; NaN where nothing was measured. */
export function totalOf({ value, count }: Sum, rollup: Rollup): number {
  if (count === 0) return Number.NaN;
  return rollup === 'mean' ? value / count : value;
}

/** Rolls a minute into the slot that it belongs to. */
export function rollMinute(hour: Hour, minuteOfHour: number, minute: Minute, rollup: Rollup): void {
  const slot = Math.floor((minuteOfHour * MINUTE_MS) / SLOT_MS);
  const sum = { value: hour.values[slot] as number, count: hour.counts[slot] as number };
  for (const value of minute) if (!Number.isNaN(value)) add(sum, value, 1, rollup);
  hour.values[slot] = sum.value;
  hour.counts[slot] = sum.count;
}

/** Slots of `later` that have something win over those of `earlier`. */
export function mergeHours(earlier: Hour, later: Hour): Hour {
  const merged = emptyHour();
  for (let i = 0; i < SLOTS; i += 1) {
    const from = later.counts[i] ? later : earlier;
    merged.values[i] = from.values[i] as number;
    merged.counts[i] = from.counts[i] as number;
  }
  return merged;
}

/** Windows of `later` that have something win over those of `earlier`. */
export function mergeMinutes(earlier: Minute, later: Minute): Minute {
  return later.map((value, i) => (Number.isNaN(value) ? (earlier[i] as number) : value));
}
