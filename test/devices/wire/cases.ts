import { readFileSync } from 'node:fs';
import type { BthomeSender } from '../../../devices/wire/bthome.ts';
import type { Fields } from '../../../devices/wire/decode.ts';

/** One line of `data/ble-cases.jsonl` and `data/captures.jsonl`. */
export interface Case {
  id: string;
  format: string | null;
  source: string;
  data: string;
  address?: string | null;
  key?: string;
  expect: Expected | null;
}

type Scalar = number | boolean | string;
type Expected = Sorted | Record<string, Scalar>;
interface Sorted {
  sensors: Record<string, Scalar>;
  binary: Record<string, Scalar>;
  events: Record<string, string | { event_type: string }>;
}

export function casesOf(file: string): Case[] {
  return readText(file)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Case);
}

export function readText(file: string): string {
  return readFileSync(new URL(`data/${file}`, import.meta.url), 'utf8');
}

export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

export function senderOf({ address, key }: Case): BthomeSender {
  return { ...(address ? { address } : {}), ...(key ? { key: bytes(key) } : {}) };
}

/** The expected values that no field has, each field taken once. */
export function missing(expected: Expected, fields: Fields): Scalar[] {
  const left = Object.values(fields);
  return valuesOf(expected).filter((value) => {
    const at = left.findIndex((field) => alike(field, value));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** Whether the expectation lists all that the frame has, as BTHome's own parser does. */
export function isComplete(expected: Expected): expected is Sorted {
  return 'sensors' in expected;
}

/** Names, notes and the properties of events are that project's own words. */
export function valuesOf(expected: Expected): Scalar[] {
  if (!isComplete(expected)) {
    return Object.entries(expected).flatMap(([name, value]) => (name === 'note' ? [] : [value]));
  }
  const events = Object.values(expected.events).map((event) =>
    typeof event === 'string' ? event : event.event_type,
  );
  return [...Object.values(expected.sensors), ...Object.values(expected.binary), ...events];
}

function alike(a: Scalar, b: Scalar): boolean {
  if (typeof a === 'string' || typeof b === 'string') return plain(a) === plain(b);
  return Math.abs(Number(a) - Number(b)) <= 0.01;
}

function plain(value: Scalar): string {
  return String(value).toLowerCase().replace(/[-:]/g, '');
}
