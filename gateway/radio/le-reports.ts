/** LE Advertising Report and LE Extended Advertising Report, Core Spec vol 4 E §7.7.65.2 and §7.7.65.13. */
export const LE_ADVERTISING_REPORT = 0x02;
export const LE_EXTENDED_ADVERTISING_REPORT = 0x0d;

/** The longest advertising data there is, Core Spec vol 4 E §7.8.54. */
const MAX_DATA_BYTES = 1650;
const MAX_LEGACY_DATA_BYTES = 31;
/** Advertisements whose parts are being gathered at one time; beyond this the oldest is given up. */
const MAX_PARTIAL = 32;
/** The parts of one advertising event follow each other within this time, ms. */
const PARTIAL_MS = 1000;

/** One advertisement or scan response as the controller reported it. */
export interface LeReport {
  /** Lower case, colons, most significant octet first. */
  address: string;
  addressType: 'public' | 'random';
  /** dBm; null where the controller has none. */
  rssi: number | null;
  /** AD structures; a copy of its own. */
  data: Uint8Array;
}

/**
 * Reads an LE Meta event's reports: `subevent`, the number of reports, the octets that follow it, and the time
 * (ms, monotonic). Malformed octets never throw: the reports before them are returned, the rest is dropped.
 * Other subevents yield nothing. Extended advertisements in parts are returned once they are complete.
 */
export type LeReportReader = (subevent: number, count: number, octets: Uint8Array, at: number) => LeReport[];

export function leReportReader(): LeReportReader {
  const parts = partGatherer();
  return (subevent, count, octets, at) => {
    parts.forgetOld(at);
    if (subevent === LE_ADVERTISING_REPORT) return readLegacy(count, octets);
    if (subevent === LE_EXTENDED_ADVERTISING_REPORT) return readExtended(count, octets, at, parts);
    return [];
  };
}

const LEGACY_HEADER = 9;

function readLegacy(count: number, octets: Uint8Array): LeReport[] {
  const reports: LeReport[] = [];
  let start = 0;
  for (let i = 0; i < count; i += 1) {
    const length = octets[start + LEGACY_HEADER - 1];
    if (length === undefined || length > MAX_LEGACY_DATA_BYTES) break;
    const end = start + LEGACY_HEADER + length;
    const rssi = octets[end];
    if (rssi === undefined) break;
    const addressType = readAddressType(octets[start + 1]);
    if (addressType) {
      const data = copy(octets, start + LEGACY_HEADER, end);
      reports.push({ address: readAddress(octets, start + 2), addressType, rssi: readRssi(rssi), data });
    }
    start = end + 1;
  }
  return reports;
}

const EXTENDED_HEADER = 24;
const COMPLETE = 0;
const MORE_TO_COME = 1;

function readExtended(count: number, octets: Uint8Array, at: number, parts: PartGatherer): LeReport[] {
  const reports: LeReport[] = [];
  let start = 0;
  for (let i = 0; i < count; i += 1) {
    const length = octets[start + EXTENDED_HEADER - 1];
    if (length === undefined || start + EXTENDED_HEADER + length > octets.length) break;
    const eventType = (octets[start] ?? 0) | ((octets[start + 1] ?? 0) << 8);
    const addressType = readAddressType(octets[start + 2]);
    const data = copy(octets, start + EXTENDED_HEADER, start + EXTENDED_HEADER + length);
    if (addressType) {
      const address = readAddress(octets, start + 3);
      // One advertiser's sets differ by SID; its scan response is a chain beside its advertisement.
      const chain = `${address} ${addressType} ${octets[start + 11]} ${eventType & 0x08}`;
      const whole = parts.add(chain, (eventType >> 5) & 0b11, data, at);
      if (whole) reports.push({ address, addressType, rssi: readRssi(octets[start + 13]), data: whole });
    }
    start += EXTENDED_HEADER + length;
  }
  return reports;
}

interface PartGatherer {
  /** Takes the next part of a chain with its data status; returns the whole where this part ends it. */
  add(chain: string, status: number, data: Uint8Array, at: number): Uint8Array | undefined;
  forgetOld(at: number): void;
}

/**
 * Puts the parts of extended advertisements together. What ends truncated is dropped: its octets break off
 * within an AD structure, and how much of it was heard changes from one time to the next.
 */
function partGatherer(): PartGatherer {
  // In the order of their latest part, so the oldest stand first.
  const partial = new Map<string, { octets: Uint8Array; at: number }>();
  const forgetOld = (at: number): void => {
    for (const [chain, parts] of partial) {
      if (at - parts.at < PARTIAL_MS && partial.size <= MAX_PARTIAL) return;
      partial.delete(chain);
    }
  };
  const add: PartGatherer['add'] = (chain, status, data, at) => {
    forgetOld(at);
    const before = partial.get(chain);
    partial.delete(chain);
    if (status !== COMPLETE && status !== MORE_TO_COME) return undefined;
    // What is too long stays too long, up to and with its last part.
    const octets =
      before && before.octets.length <= MAX_DATA_BYTES
        ? concatenate(before.octets, data)
        : (before?.octets ?? data);
    if (status === COMPLETE) return octets.length <= MAX_DATA_BYTES ? octets : undefined;
    partial.set(chain, { octets, at });
    return undefined;
  };
  return { add, forgetOld };
}

/** Types 2 and 3 are identity addresses that the controller resolved; 0xFF is an advertiser without address. */
function readAddressType(octet: number | undefined): 'public' | 'random' | undefined {
  if (octet === 0x00 || octet === 0x02) return 'public';
  if (octet === 0x01 || octet === 0x03) return 'random';
  return undefined;
}

/** −127…+20 dBm; 127 means "not available", the rest is reserved. */
function readRssi(octet: number | undefined): number | null {
  const dbm = ((octet ?? 127) << 24) >> 24;
  return dbm >= -127 && dbm <= 20 ? dbm : null;
}

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

function readAddress(octets: Uint8Array, start: number): string {
  let address = HEX[octets[start + 5] ?? 0] ?? '';
  for (let i = 4; i >= 0; i -= 1) address += `:${HEX[octets[start + i] ?? 0]}`;
  return address;
}

/** Buffer's own `slice` would share the socket's memory. */
function copy(octets: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(octets.subarray(start, end));
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
