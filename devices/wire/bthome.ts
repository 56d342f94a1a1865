import { formatAddress, parseAddress } from './address.ts';
import { openBthome, sealBthome } from './bthome-encryption.ts';
import { EVENTS, OBJECT_TYPES, type ObjectType } from './bthome-objects.ts';
import { fromHex, toHex } from './hex.ts';
import { intLE, putLE, uintLE } from './integers.ts';

/**
 * BTHome v2 service data (bthome.io/format): `info | objects`, where encryption is on
 * `info | sealed objects | counter | MIC`.
 */

/** Service UUID of BTHome v2, on the wire `D2 FC`. */
export const BTHOME = 0xfcd2;

/** The device information octet. Bit 1 is reserved on the site and read by the reference parser. */
const ENCRYPTED = 0x01;
const ADDRESS_INCLUDED = 0x02;
const TRIGGER_BASED = 0x04;
const VERSION_SHIFT = 5;
const VERSION = 2;

/** The low five bits of a command's length octet count its arguments. */
const ARGUMENTS_MASK = 0x1f;
const LONGEST_TEXT = 255;

export interface BthomeObject {
  /** Object id, `OBJECT_TYPES`. */
  id: number;
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

export interface BthomeFrame {
  /**
   * Whether the sender proved to hold the key. A reader that knows a device's key must not act on its
   * frames without this: anyone can send plain ones under its address (bthome.io/encryption).
   */
  encrypted: boolean;
  /** Sends on events only, so silence means nothing. */
  triggerBased: boolean;
  /** The sender's address where the frame carries it, as `formatAddress` writes it. */
  address?: string;
  /** Of an encrypted frame: only ever grows, 32 bits. */
  counter?: number;
  /** Up to the first object that is unknown or cut off. Absent where there is nothing to read at all. */
  objects?: BthomeObject[];
}

/** From whom a frame came: `address` as `parseAddress` takes it, `key` the bind key of 16 octets. */
export interface BthomeSender {
  address?: string;
  key?: Uint8Array;
}

/**
 * Reads service data 0xFCD2 (behind the UUID). Without `objects` where the payload is sealed and the key
 * is missing or wrong, or the version is not 2; nothing where there is no device information at all.
 * A frame that carries its address is opened with that one.
 */
export function readBthome(data: Uint8Array, from: BthomeSender = {}): BthomeFrame | undefined {
  const info = data[0];
  if (info === undefined) return undefined;
  const encrypted = (info & ENCRYPTED) !== 0;
  const frame: BthomeFrame = { encrypted, triggerBased: (info & TRIGGER_BASED) !== 0 };
  if (info >> VERSION_SHIFT !== VERSION) return frame;
  const included = (info & ADDRESS_INCLUDED) !== 0;
  if (included && data.length < 7) return frame;
  const address = included ? data.slice(1, 7).reverse() : undefined;
  if (address !== undefined) frame.address = formatAddress(address);
  const payload = data.subarray(included ? 7 : 1);
  if (!encrypted) return { ...frame, objects: readObjects(payload) };

  const sender = address ?? (from.address === undefined ? undefined : parseAddress(from.address));
  if (sender === undefined || from.key === undefined) return frame;
  const opened = openBthome(payload, { info, address: sender, key: from.key });
  if (opened === undefined) return frame;
  return { ...frame, counter: opened.counter, objects: readObjects(opened.payload) };
}

export interface BthomeContent {
  objects: readonly BthomeObject[];
  triggerBased?: boolean;
  /** Seals the objects; `address` as `parseAddress` takes it, `counter` 32 bits, greater each time. */
  encryption?: { key: Uint8Array; address: string; counter: number };
}

/** Service data behind the UUID, objects in the order of their ids. Throws RangeError where one does not fit. */
export function writeBthome({ objects, triggerBased = false, encryption }: BthomeContent): Uint8Array {
  const info = (VERSION << VERSION_SHIFT) | (triggerBased ? TRIGGER_BASED : 0) | (encryption ? ENCRYPTED : 0);
  // bthome.io/format: "Object ids have to be applied in numerical order (from low to high)".
  const payload = Buffer.concat([...objects].sort((a, b) => a.id - b.id).map(writeObject));
  if (encryption === undefined) return Buffer.concat([Uint8Array.of(info), payload]);
  const address = parseAddress(encryption.address);
  if (address === undefined) throw new RangeError(`"${encryption.address}" is no Bluetooth address`);
  return Buffer.concat([Uint8Array.of(info), sealBthome(payload, { ...encryption, info, address })]);
}

/**
 * The objects under their names; a name that several objects share gets `_1`, `_2`, … in their order,
 * those that say nothing counted. A dimmer's steps stand in `dimmer_steps`, a command's arguments in
 * `command_args`.
 */
export function bthomeFields(objects: readonly BthomeObject[]): Record<string, number | boolean | string> {
  const totals = new Map<string, number>();
  for (const { id } of objects) totals.set(nameOf(id), (totals.get(nameOf(id)) ?? 0) + 1);
  const seen = new Map<string, number>();
  const fields: Record<string, number | boolean | string> = {};
  for (const { id, value, steps, args } of objects) {
    const instance = (seen.get(nameOf(id)) ?? 0) + 1;
    seen.set(nameOf(id), instance);
    if (value === null) continue;
    const name = totals.get(nameOf(id)) === 1 ? nameOf(id) : `${nameOf(id)}_${instance}`;
    fields[name] = value;
    if (steps !== undefined) fields[`${name}_steps`] = steps;
    if (args !== undefined) fields[`${name}_args`] = args;
  }
  return fields;
}

function nameOf(id: number): string {
  return OBJECT_TYPES.get(id)?.name ?? '';
}

function readObjects(payload: Uint8Array): BthomeObject[] {
  const objects: BthomeObject[] = [];
  let at = 0;
  while (at < payload.length) {
    const id = payload[at] ?? 0;
    const type = OBJECT_TYPES.get(id);
    // bthome.io/format: a receiver "will stop parsing object ids as soon as it finds" one it does not know.
    if (type === undefined) break;
    const end = at + 1 + valueLength(type, payload[at + 1]);
    if (end > payload.length) break;
    objects.push({ id, ...readValue(type, payload.subarray(at + 1, end)) });
    at = end;
  }
  return objects;
}

/** Octets of the value, its own length octet and a command's opcode included. */
function valueLength(type: ObjectType, first: number | undefined): number {
  if (type.length > 0) return type.length;
  if (first === undefined) return 1;
  return type.kind === 'command' ? 2 + (first & ARGUMENTS_MASK) : 1 + first;
}

function readValue(type: ObjectType, data: Uint8Array): Omit<BthomeObject, 'id'> {
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

function writeObject(object: BthomeObject): Uint8Array {
  const type = OBJECT_TYPES.get(object.id);
  if (type === undefined) throw new RangeError(`BTHome has no object 0x${object.id.toString(16)}`);
  return Buffer.concat([Uint8Array.of(object.id), writeValue(type, object)]);
}

function writeValue(type: ObjectType, { value, steps = 0, args = '' }: BthomeObject): Uint8Array {
  switch (type.kind) {
    case 'number':
      return writeNumber(type, Number(value));
    case 'binary':
      return Uint8Array.of(value === true ? 1 : 0);
    case 'text':
      return counted(type, Buffer.from(String(value ?? ''), 'utf8'));
    case 'raw':
      return counted(type, fromHex(String(value ?? '')) ?? unfit(type, value));
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

function writeNumber(type: ObjectType, value: number): Uint8Array {
  const steps = Math.round((value * type.per) / type.times);
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
function code(device: 'button' | 'command' | 'dimmer', value: BthomeObject['value']): number {
  if (value === null) return 0;
  const found = Object.entries(EVENTS[device]).find(([, event]) => event === value);
  if (found === undefined) throw new RangeError(`a BTHome ${device} has no event "${value}"`);
  return Number(found[0]);
}

function unfit(type: ObjectType, value: unknown): never {
  throw new RangeError(`BTHome ${type.name} of ${type.length || 'variable'} octets cannot hold ${value}`);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function utf8(data: Uint8Array): string | null {
  try {
    return strictUtf8.decode(data);
  } catch {
    return null;
  }
}
