import { readEddystoneUrl, writeEddystoneUrl } from './eddystone-url.ts';
import { intBE, putBE, uintBE } from './integers.ts';

/** Service UUID of Eddystone, github.com/google/eddystone protocol-specification.md. */
export const EDDYSTONE = 0xfeaa;

/** Octet 0; its low four bits are reserved and must be 0 (ibid.). */
const UID = 0x00;
const URL = 0x10;
const TLM = 0x20;
const EID = 0x30;

const NID_LENGTH = 10;
const BID_LENGTH = 6;
const EID_LENGTH = 8;
/** Without the two reserved octets, which older beacons leave out (eddystone-uid, Field Notes). */
const UID_SHORTEST = 2 + NID_LENGTH + BID_LENGTH;
const TLM_LENGTH = 14;
const EID_FRAME_LENGTH = 2 + EID_LENGTH;
/** tlm-plain.md, Field Notes: what a beacon without the sensor sends. */
const NO_BATTERY = 0;
const NO_TEMPERATURE = -0x8000;

export interface EddystoneUid {
  frame: 'uid';
  /** dBm at 0 m. */
  rangingData: number;
  /** Namespace, 10 octets. */
  nid: Uint8Array;
  /** Instance, 6 octets. */
  bid: Uint8Array;
}

export interface EddystoneUrl {
  frame: 'url';
  /** dBm at 0 m. */
  txPower: number;
  /** Absent where the frame uses a code that is reserved for future use. */
  url?: string;
}

export interface EddystoneTlm {
  frame: 'tlm';
  /** mV; absent where the beacon does not measure it. */
  vbatt?: number;
  /** °C, steps of 1/256. */
  temp?: number;
  /** Advertisements since start. */
  advCnt: number;
  /** Tenths of a second since start. */
  secCnt: number;
}

export interface EddystoneEid {
  frame: 'eid';
  /** dBm at 0 m. */
  rangingData: number;
  /** 8 octets. */
  eid: Uint8Array;
}

/** Telemetry that only the owner of the beacon can open (tlm-encrypted.md). */
export interface EddystoneEncryptedTlm {
  frame: 'encrypted-tlm';
}

export type Eddystone = EddystoneUid | EddystoneUrl | EddystoneTlm | EddystoneEncryptedTlm | EddystoneEid;

/** Reads service data 0xFEAA; nothing where it is no frame that the specification has. */
export function readEddystone(data: Uint8Array): Eddystone | undefined {
  switch (data[0]) {
    case UID:
      return data.length < UID_SHORTEST ? undefined : readUid(data);
    case URL:
      return data.length < 3 ? undefined : { frame: 'url', txPower: intBE(data, 1, 1), ...readUrl(data) };
    case TLM:
      return data.length < TLM_LENGTH ? undefined : readTlm(data);
    case EID:
      return readEid(data);
    default:
      return undefined;
  }
}

/** Reads service data 0xFEAA that is an ephemeral id, for those who look for nothing else. */
export function readEid(data: Uint8Array): EddystoneEid | undefined {
  if (data[0] !== EID || data.length < EID_FRAME_LENGTH) return undefined;
  return { frame: 'eid', rangingData: intBE(data, 1, 1), eid: data.subarray(2, EID_FRAME_LENGTH) };
}

/** Service data 0xFEAA. Throws RangeError where a value does not fit its field. */
export function writeEddystone(frame: Exclude<Eddystone, EddystoneEncryptedTlm>): Uint8Array {
  switch (frame.frame) {
    case 'uid':
      return writeUid(frame);
    case 'url':
      return framed(URL, frame.txPower, writeEddystoneUrl(frame.url ?? ''));
    case 'tlm':
      return writeTlm(frame);
    case 'eid':
      return framed(EID, frame.rangingData, exactly(EID_LENGTH, frame.eid, 'ephemeral id'));
  }
}

function readUid(data: Uint8Array): EddystoneUid {
  return {
    frame: 'uid',
    rangingData: intBE(data, 1, 1),
    nid: data.subarray(2, 2 + NID_LENGTH),
    bid: data.subarray(2 + NID_LENGTH, UID_SHORTEST),
  };
}

function readUrl(data: Uint8Array): { url?: string } {
  const url = readEddystoneUrl(data.subarray(2));
  return url === undefined ? {} : { url };
}

function readTlm(data: Uint8Array): EddystoneTlm | EddystoneEncryptedTlm | undefined {
  if (data[1] === 0x01) return { frame: 'encrypted-tlm' };
  if (data[1] !== 0x00) return undefined;
  const vbatt = uintBE(data, 2, 2);
  const temp = intBE(data, 4, 2);
  return {
    frame: 'tlm',
    ...(vbatt === NO_BATTERY ? {} : { vbatt }),
    ...(temp === NO_TEMPERATURE ? {} : { temp: temp / 256 }),
    advCnt: uintBE(data, 6, 4),
    secCnt: uintBE(data, 10, 4),
  };
}

function writeUid({ rangingData, nid, bid }: EddystoneUid): Uint8Array {
  const rest = new Uint8Array(NID_LENGTH + BID_LENGTH + 2);
  rest.set(exactly(NID_LENGTH, nid, 'namespace'));
  rest.set(exactly(BID_LENGTH, bid, 'instance'), NID_LENGTH);
  return framed(UID, rangingData, rest);
}

function writeTlm({ vbatt, temp, advCnt, secCnt }: EddystoneTlm): Uint8Array {
  const data = new Uint8Array(TLM_LENGTH);
  data[0] = TLM;
  putBE(data, 2, 2, vbatt ?? NO_BATTERY);
  putBE(data, 4, 2, temp === undefined ? NO_TEMPERATURE : Math.round(temp * 256));
  putBE(data, 6, 4, advCnt);
  putBE(data, 10, 4, secCnt);
  return data;
}

function framed(type: number, power: number, rest: Uint8Array): Uint8Array {
  const data = new Uint8Array(2 + rest.length);
  data[0] = type;
  putBE(data, 1, 1, power);
  data.set(rest, 2);
  return data;
}

function exactly(length: number, bytes: Uint8Array, what: string): Uint8Array {
  if (bytes.length !== length) {
    throw new RangeError(`an Eddystone ${what} has ${length} octets, not ${bytes.length}`);
  }
  return bytes;
}
