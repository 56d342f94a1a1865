/** One AD structure. `value` is a view into the advertisement, not a copy. */
export interface AdStructure {
  /** Bluetooth Assigned Numbers §2.3. */
  type: number;
  value: Uint8Array;
}

/** AD types, Bluetooth Assigned Numbers §2.3. */
export const AD_TYPE = {
  flags: 0x01,
  incompleteServiceUuids16: 0x02,
  completeServiceUuids16: 0x03,
  shortenedLocalName: 0x08,
  completeLocalName: 0x09,
  serviceData16: 0x16,
  manufacturerData: 0xff,
} as const;

/** Octets of a legacy advertisement, Core Spec vol 6 B §2.3.1.1. */
export const LEGACY_DATA_LIMIT = 31;
/** Octets of an extended advertisement, Core Spec vol 6 B §2.3.4.9. */
export const EXTENDED_DATA_LIMIT = 1650;
/** The length octet counts the type too, Core Spec vol 3 C §11. */
const LONGEST_VALUE = 254;

/**
 * The AD structures of an advertisement, in their order; nothing where there is none to read.
 * A receiver may have cut the last one off: what came whole before it is kept.
 */
export function readAdvertisingData(data: Uint8Array): AdStructure[] | undefined {
  const structures: AdStructure[] = [];
  let at = 0;
  while (at + 1 < data.length) {
    const length = data[at] ?? 0;
    const end = at + 1 + length;
    // Core Spec vol 3 C §11: a length of zero ends the significant part early.
    if (length === 0 || end > data.length) break;
    structures.push({ type: data[at + 1] ?? 0, value: data.subarray(at + 2, end) });
    at = end;
  }
  return structures.length > 0 ? structures : undefined;
}

/**
 * The octets of an advertisement. Throws RangeError where a structure or the whole is longer than a
 * controller takes; `limit` is that of legacy advertising unless told otherwise.
 */
export function writeAdvertisingData(
  structures: readonly AdStructure[],
  limit = LEGACY_DATA_LIMIT,
): Uint8Array {
  const total = structures.reduce((sum, { value }) => sum + 2 + value.length, 0);
  if (total > limit) {
    throw new RangeError(`advertising data of ${total} octets, at most ${limit} fit: leave a structure out`);
  }
  const data = new Uint8Array(total);
  let at = 0;
  for (const { type, value } of structures) {
    if (value.length > LONGEST_VALUE) {
      throw new RangeError(
        `AD structure 0x${type.toString(16)} of ${value.length} octets, at most ${LONGEST_VALUE} fit`,
      );
    }
    data[at] = 1 + value.length;
    data[at + 1] = type;
    data.set(value, at + 2);
    at += 2 + value.length;
  }
  return data;
}

/** The data behind the UUID of the first service data of this 16-bit UUID. */
export function serviceData(structures: readonly AdStructure[], uuid16: number): Uint8Array | undefined {
  return findServiceData(structures, uuid16, whole);
}

/** The data behind the company identifier of the first manufacturer data of this company. */
export function manufacturerData(
  structures: readonly AdStructure[],
  company: number,
): Uint8Array | undefined {
  return findManufacturerData(structures, company, whole);
}

/**
 * What `read` makes of the first service data that it knows: a frame can carry several of one UUID,
 * as Eddystone beacons that send their id and their telemetry together do.
 */
export function findServiceData<T>(
  structures: readonly AdStructure[],
  uuid16: number,
  read: (data: Uint8Array) => T | undefined,
): T | undefined {
  return find(structures, AD_TYPE.serviceData16, uuid16, read);
}

/** As `findServiceData`: Apple's devices put more than one structure of their company in a frame. */
export function findManufacturerData<T>(
  structures: readonly AdStructure[],
  company: number,
  read: (data: Uint8Array) => T | undefined,
): T | undefined {
  return find(structures, AD_TYPE.manufacturerData, company, read);
}

/** The 16-bit UUID of service data or the company of manufacturer data; -1 where it is too short for one. */
export function leadingId({ value }: AdStructure): number {
  return value.length < 2 ? -1 : (value[0] ?? 0) + 256 * (value[1] ?? 0);
}

/** LE General Discoverable, no BR/EDR: what beacons send, Core Spec Supplement A §1.3. */
export function flagsStructure(flags = 0x06): AdStructure {
  return { type: AD_TYPE.flags, value: Uint8Array.of(flags) };
}

export function serviceUuidsStructure(...uuids16: number[]): AdStructure {
  return { type: AD_TYPE.completeServiceUuids16, value: Uint8Array.from(uuids16.flatMap(octets)) };
}

export function serviceDataStructure(uuid16: number, data: Uint8Array): AdStructure {
  return { type: AD_TYPE.serviceData16, value: behind(uuid16, data) };
}

export function manufacturerDataStructure(company: number, data: Uint8Array): AdStructure {
  return { type: AD_TYPE.manufacturerData, value: behind(company, data) };
}

/** A complete local name in UTF-8, Core Spec Supplement A §1.2. */
export function localNameStructure(name: string): AdStructure {
  return { type: AD_TYPE.completeLocalName, value: Buffer.from(name, 'utf8') };
}

function find<T>(
  structures: readonly AdStructure[],
  type: number,
  id: number,
  read: (data: Uint8Array) => T | undefined,
): T | undefined {
  for (const structure of structures) {
    if (structure.type !== type || leadingId(structure) !== id) continue;
    const found = read(structure.value.subarray(2));
    if (found !== undefined) return found;
  }
  return undefined;
}

function whole(data: Uint8Array): Uint8Array {
  return data;
}

function behind(id: number, data: Uint8Array): Uint8Array {
  const value = new Uint8Array(2 + data.length);
  value.set(octets(id));
  value.set(data, 2);
  return value;
}

function octets(id: number): [number, number] {
  return [id & 0xff, id >> 8];
}
