import { fromHex, toHex } from './hex.ts';
import { intBE, putBE, uintBE } from './integers.ts';

/** Company identifier of Apple, Bluetooth Assigned Numbers §7.1. */
export const APPLE = 0x004c;

/** Beacon type 0x02 and the length of what follows, Proximity Beacon Specification R1 §2.1. */
const TYPE = 0x02;
const REST = 0x15;
const LENGTH = 2 + REST;
const UUID_LENGTH = 16;

export interface IBeacon {
  /** 16 octets as they are printed; read, a view into the advertisement. */
  uuid: Uint8Array;
  /** 0…65535 */
  major: number;
  minor: number;
  /** dBm at 1 m, -128…127. */
  measuredPower: number;
}

/** Reads Apple's manufacturer data (behind the company); nothing where it is not an iBeacon. */
export function readIBeacon(data: Uint8Array): IBeacon | undefined {
  if (data.length < LENGTH || data[0] !== TYPE || data[1] !== REST) return undefined;
  return {
    uuid: data.subarray(2, 18),
    major: uintBE(data, 18, 2),
    minor: uintBE(data, 20, 2),
    measuredPower: intBE(data, 22, 1),
  };
}

/** Apple's manufacturer data behind the company. Throws RangeError where a value does not fit. */
export function writeIBeacon({ uuid, major, minor, measuredPower }: IBeacon): Uint8Array {
  if (uuid.length !== UUID_LENGTH)
    throw new RangeError(`an iBeacon's UUID has 16 octets, not ${uuid.length}`);
  const data = new Uint8Array(LENGTH);
  data[0] = TYPE;
  data[1] = REST;
  data.set(uuid, 2);
  putBE(data, 18, 2, major);
  putBE(data, 20, 2, minor);
  putBE(data, 22, 1, measuredPower);
  return data;
}

/** `f7826da6-4fa2-4e98-8024-bc5b71e0893e` of 16 octets, RFC 9562 §4. */
export function formatUuid(octets: Uint8Array): string {
  return toHex(octets).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The 16 octets of a UUID, with its hyphens or without, in either case; or nothing. */
export function parseUuid(text: string): Uint8Array | undefined {
  const hyphenated = /^.{8}-.{4}-.{4}-.{4}-.{12}$/.test(text);
  const octets = fromHex(hyphenated ? text.replaceAll('-', '') : text);
  return octets?.length === UUID_LENGTH ? octets : undefined;
}
