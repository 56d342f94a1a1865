import type { Advertisement } from './device.ts';
import { type OptOutList, readOptOutList } from './opt-out.ts';
import { formatAddress, parseAddress } from './wire/address.ts';
import {
  AD_TYPE,
  type AdStructure,
  findManufacturerData,
  findServiceData,
  manufacturerData,
  readAdvertisingData,
  serviceData,
} from './wire/advertising-data.ts';
import { readAltBeacon } from './wire/altbeacon.ts';
import { EDDYSTONE, readEddystone, readEid } from './wire/eddystone.ts';
import { APPLE, parseUuid, readIBeacon } from './wire/ibeacon.ts';
import { uintBE } from './wire/integers.ts';
import { isResolvable } from './wire/private-address.ts';
import { RUUVI } from './wire/ruuvi.ts';
import { readRuuviUrl } from './wire/ruuvi-url.ts';

/**
 * Strangers stop at the radio: a receiver passes on only the kinds of frame that the retained command
 * `frames` `{"accept": […]}` names, and nothing before it came. Names:
 * `eddystone-eid`, `eddystone-uid`, `bthome`, `ruuvi`, `rolling-token`,
 * `ibeacon:<uuid>`, `altbeacon:<uuid>` (the first 16 octets of its id), `address:<aa:bb:cc:dd:ee:ff>`,
 * `private-address` (every frame from a resolvable private address: strangers' too).
 * Beside them `optOut` `{"key", "values"}`: whose frames are neither passed on nor counted (`opt-out.ts`, R22).
 */

/**
 * Whether a frame may leave the receiver; `address` in lower case with colons. Without `addressType` no
 * address is taken for a private one.
 */
export type FrameFilter = (
  data: Uint8Array,
  address: string,
  addressType?: Advertisement['addressType'],
) => boolean;

type Test = (structures: readonly AdStructure[]) => boolean;

/** Entries that one command may have; the message's 64 KiB allow about as many. */
const MAX_NAMES = 2_000;

/** The command `frames`. */
export interface FramesCommand {
  accept: string[];
  optOut?: OptOutList;
}

/**
 * Reads the command's payload; an empty one (the retained command was deleted) accepts nothing. One whose
 * `optOut` cannot be read is refused whole: without it people would be counted who objected.
 */
export function readFramesCommand(payload: Uint8Array): FramesCommand | undefined {
  if (payload.length === 0) return { accept: [] };
  let command: unknown;
  try {
    command = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return undefined;
  }
  const { accept, optOut: member } = (command ?? {}) as { accept?: unknown; optOut?: unknown };
  if (!Array.isArray(accept) || accept.length > MAX_NAMES) return undefined;
  const names = accept.filter((name) => typeof name === 'string');
  if (member === undefined) return { accept: names };
  const optOut = readOptOutList(member);
  return optOut && { accept: names, optOut };
}

/** The filter of a list of names. Names that are not known are left out: a newer gateway may send them. */
export function frameFilter(accept: readonly string[]): FrameFilter {
  const addresses = listedAddresses(accept);
  const tests = accept.flatMap((name) => TESTS.get(name) ?? []);
  const ibeacons = uuidSet(operands(accept, 'ibeacon'));
  if (ibeacons) tests.push((structures) => hasIBeacon(structures, ibeacons));
  const altbeacons = uuidSet(operands(accept, 'altbeacon'));
  if (altbeacons) tests.push((structures) => hasAltBeacon(structures, altbeacons));
  const takesPrivate = accept.includes('private-address');
  return (data, address, addressType) => {
    if (addresses.has(address)) return true;
    if (takesPrivate && addressType === 'random' && isResolvable(address)) return true;
    if (tests.length === 0) return false;
    const structures = readAdvertisingData(data);
    return structures !== undefined && tests.some((test) => test(structures));
  };
}

/** The shop's own devices among the names: addresses in lower case with colons. */
export function listedAddresses(accept: readonly string[]): ReadonlySet<string> {
  return new Set(operands(accept, 'address').flatMap((text) => normalAddress(text) ?? []));
}

/** https://bthome.io/format */
const BTHOME = 0xfcd2;
/** For tests and for those without a company of their own, Bluetooth Assigned Numbers §7.1. */
const NO_COMPANY = 0xffff;
const ROLLING_TOKEN_LENGTH = 2 + 16;

const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['eddystone-eid', (structures) => findServiceData(structures, EDDYSTONE, readEid) !== undefined],
  ['eddystone-uid', (structures) => findServiceData(structures, EDDYSTONE, readUid) !== undefined],
  ['bthome', (structures) => serviceData(structures, BTHOME) !== undefined],
  ['ruuvi', hasRuuvi],
  [
    'rolling-token',
    (structures) => findManufacturerData(structures, NO_COMPANY, readRollingToken) !== undefined,
  ],
]);

/** Formats 3 and later in manufacturer data, 2 and 4 in an Eddystone-URL. */
function hasRuuvi(structures: readonly AdStructure[]): boolean {
  return (
    manufacturerData(structures, RUUVI) !== undefined ||
    findServiceData(structures, EDDYSTONE, readRuuviUrl) !== undefined
  );
}

function readUid(data: Uint8Array): true | undefined {
  return readEddystone(data)?.frame === 'uid' || undefined;
}

/** `A` `I` and the token (contract, "Keys"). */
function readRollingToken(data: Uint8Array): true | undefined {
  return (data.length >= ROLLING_TOKEN_LENGTH && data[0] === 0x41 && data[1] === 0x49) || undefined;
}

function hasIBeacon(structures: readonly AdStructure[], uuids: UuidSet): boolean {
  return (
    findManufacturerData(structures, APPLE, (data) => {
      const beacon = readIBeacon(data);
      return (beacon && uuids(beacon.uuid)) || undefined;
    }) !== undefined
  );
}

function hasAltBeacon(structures: readonly AdStructure[], uuids: UuidSet): boolean {
  return structures.some(({ type, value }) => {
    const beacon = type === AD_TYPE.manufacturerData ? readAltBeacon(value) : undefined;
    return beacon !== undefined && uuids(beacon.beaconId);
  });
}

type UuidSet = (octets: Uint8Array) => boolean;

/** Looks UUIDs up by their first four octets; nothing where the list has none. */
function uuidSet(texts: readonly string[]): UuidSet | undefined {
  const byStart = new Map<number, Uint8Array[]>();
  for (const uuid of texts.flatMap((text) => parseUuid(text) ?? [])) {
    const start = uintBE(uuid, 0, 4);
    byStart.set(start, [...(byStart.get(start) ?? []), uuid]);
  }
  if (byStart.size === 0) return undefined;
  return (octets) =>
    byStart.get(uintBE(octets, 0, 4))?.some((uuid) => uuid.every((octet, i) => octet === octets[i])) ?? false;
}

function normalAddress(text: string): string | undefined {
  const octets = parseAddress(text);
  return octets && formatAddress(octets);
}

/** What stands behind `<kind>:` in the names of that kind. */
function operands(accept: readonly string[], kind: string): string[] {
  return accept.filter((name) => name.startsWith(`${kind}:`)).map((name) => name.slice(kind.length + 1));
}
