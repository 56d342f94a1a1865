import { formatAddress, parseAddress } from './address.ts';
import { openBthome, sealBthome } from './bthome-encryption.ts';
import { OBJECT_TYPES } from './bthome-objects.ts';
import { type BthomeValue, readValue, valueLength, writeValue } from './bthome-values.ts';

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

/** Its `id` is a key of `OBJECT_TYPES`. */
export interface BthomeObject extends BthomeValue {
  id: number;
}

export interface BthomeFrame {
  /**
   * Whether the payload is sealed; with `objects` beside it, the sender proved to hold the key. Who knows a
   * device's key must not act on its plain frames: anyone can send them under its address
   * (bthome.io/encryption).
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
  // A copy: turning the view around would turn the frame around.
  const address = included ? Uint8Array.from(data.subarray(1, 7)).reverse() : undefined;
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

function writeObject(object: BthomeObject): Uint8Array {
  const type = OBJECT_TYPES.get(object.id);
  if (type === undefined) throw new RangeError(`BTHome has no object 0x${object.id.toString(16)}`);
  return Buffer.concat([Uint8Array.of(object.id), writeValue(type, object)]);
}
