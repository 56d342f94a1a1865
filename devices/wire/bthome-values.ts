import { EVENTS, type ObjectType } from './bthome-objects.ts';
import { fromHex, toHex } from './hex.ts';
import { intLE, putLE, uintLE } from './integers.ts';

/** The low five bits of a command's length octet count its arguments. */
const ARGUMENTS_MASK = 0x1f;
const LONGEST_TEXT = 255;

/** What one BTHome object says. */
export interface BthomeValue {
  /**
   * A number in the table's unit, true or false, text, raw octets in hex, a version `4.2.1.0`, the name
   * of an event. Null where an event is "none" or unknown and where text is no UTF-8: it says nothing,
   * and still counts as an instance.
   */
  value: number | boolean | string | null;
  /** A dimmer's steps, 0…255. */
  steps?: number;
  /** A command's arguments in hex, 0 to 31 octets. */
  args?: string;
}

/** Octets of the value, its own length octet and a command's opcode included. */
export function valueLength(type: ObjectType, first: number | undefined): number {
  if (type.length > 0) return type.length;
  if (first === undefined) return 1;
  return type.kind === 'command' ? 2 + (first & ARGUMENTS_MASK) : 1 + first;
}

/** `data` has `valueLength` octets. */
export function readValue(type: ObjectType, data: Uint8Array): BthomeValue {
  switch (type.kind) {
    case 'number': {
      const steps = (type.signed ? intLE : uintLE)(data, 0, type.length);
      return { value: (steps * type.times) / type.per };
    }
    case 'binary':
      return { value: data[0] !== 0 };
    case 'text':
      return { value: utf8(data.subarray(1)) };
    case 'raw':
      return { value: toHex(data.subarray(1)) };
    case 'version':
      return { value: [...data].reverse().join('.') };
    case 'button':
      return { value: EVENTS.button[data[0] ?? 0] ?? null };
    case 'dimmer': {
      const event = EVENTS.dimmer[data[0] ?? 0];
      return event === undefined ? { value: null } : { value: event, steps: data[1] ?? 0 };
    }
    case 'command': {
      const event = EVENTS.command[data[1] ?? 0];
      if (event === undefined) return { value: null };
      return data.length === 2 ? { value: event } : { value: event, args: toHex(data.subarray(2)) };
    }
  }
}

/** The octets behind the id. Throws RangeError where the value does not fit. */
export function writeValue(type: ObjectType, { value, steps = 0, args = '' }: BthomeValue): Uint8Array {
  switch (type.kind) {
    case 'number':
      return writeNumber(type, value);
    case 'binary':
      return typeof value === 'boolean' ? Uint8Array.of(value ? 1 : 0) : unfit(type, value);
    case 'text':
      return typeof value === 'string' ? counted(type, Buffer.from(value, 'utf8')) : unfit(type, value);
    case 'raw':
      return counted(type, (typeof value === 'string' && fromHex(value)) || unfit(type, value));
    case 'version':
      return writeVersion(type, String(value));
    case 'button':
      return Uint8Array.of(code('button', value));
    case 'dimmer':
      return Uint8Array.of(code('dimmer', value), steps);
    case 'command': {
      const data = fromHex(args);
      if (data === undefined || data.length > ARGUMENTS_MASK || value === null) return unfit(type, value);
      return Uint8Array.of(data.length, code('command', value), ...data);
    }
  }
}

function writeNumber(type: ObjectType, value: BthomeValue['value']): Uint8Array {
  const steps = typeof value === 'number' ? Math.round((value * type.per) / type.times) : Number.NaN;
  const range = 2 ** (8 * type.length);
  const least = type.signed ? -range / 2 : 0;
  // Written so that NaN is refused too.
  if (!(steps >= least && steps < least + range)) return unfit(type, value);
  const data = new Uint8Array(type.length);
  putLE(data, 0, type.length, steps);
  return data;
}

function writeVersion(type: ObjectType, version: string): Uint8Array {
  const parts = version.split('.').map(Number).reverse();
  const fits =
    parts.length === type.length && parts.every((part) => Number.isInteger(part) && part >= 0 && part < 256);
  return fits ? Uint8Array.from(parts) : unfit(type, version);
}

function counted(type: ObjectType, data: Uint8Array): Uint8Array {
  if (data.length > LONGEST_TEXT) return unfit(type, `${data.length} octets`);
  return Uint8Array.of(data.length, ...data);
}

/** The octet of an event; null is "none". */
function code(device: 'button' | 'command' | 'dimmer', value: BthomeValue['value']): number {
  if (value === null) return 0;
  const found = Object.entries(EVENTS[device]).find(([, event]) => event === value);
  if (found === undefined) throw new RangeError(`a BTHome ${device} has no event "${value}"`);
  return Number(found[0]);
}

function unfit(type: ObjectType, value: unknown): never {
  throw new RangeError(`BTHome ${type.name} of ${type.length || 'variable'} octets cannot hold ${value}`);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(data: Uint8Array): string | null {
  try {
    return strictUtf8.decode(data);
  } catch {
    return null;
  }
}
