import { AD_TYPE, type AdStructure, leadingId, readAdvertisingData } from './advertising-data.ts';
import { readAltBeacon } from './altbeacon.ts';
import { BTHOME, type BthomeSender, bthomeFields, readBthome } from './bthome.ts';
import { EDDYSTONE, readEddystone } from './eddystone.ts';
import { toHex } from './hex.ts';
import { APPLE, formatUuid, readIBeacon } from './ibeacon.ts';
import { uintBE } from './integers.ts';
import { RUUVI, readRuuvi } from './ruuvi.ts';
import type { RuuviReading } from './ruuvi-fields.ts';
import { readRuuviUrl } from './ruuvi-url.ts';

/** The formats that are told apart, the most specific first. */
export const FORMATS = [
  'ruuvi',
  'ibeacon',
  'altbeacon',
  'bthome',
  'eddystone-uid',
  'eddystone-url',
  'eddystone-tlm',
  'eddystone-eid',
] as const;
export type Format = (typeof FORMATS)[number];

export type Fields = Record<string, number | string | boolean>;

export interface DecodedFrame {
  format: Format;
  /**
   * Named in snake_case as the format's specification names them, in its units; what is not available is
   * left out. Empty for a known frame with nothing readable: a sealed one without its key among them.
   */
  fields: Fields;
}

export interface Decoded extends DecodedFrame {
  /** Every further frame of the same advertisement. */
  also?: DecodedFrame[];
}

/**
 * What an advertisement says, in the words of its format's specification; null where it is nobody's.
 * Takes any bytes. For a person at the command line and for tests: the gateway's road reads the one
 * format that it needs.
 */
export function decodeAdvertisement(data: Uint8Array, from: BthomeSender = {}): Decoded | null {
  const structures = readAdvertisingData(data) ?? [];
  const frames = structures
    .filter((_, place) => !isRepeat(structures, place))
    .flatMap((structure) => decodeStructure(structure, from))
    .sort((a, b) => FORMATS.indexOf(a.format) - FORMATS.indexOf(b.format));
  const [first, ...also] = frames;
  if (first === undefined) return null;
  return also.length === 0 ? first : { ...first, also };
}

/** Receivers that join an advertisement and its scan response give a structure twice. */
function isRepeat(structures: readonly AdStructure[], place: number): boolean {
  const { type, value } = structures[place] ?? { type: 0, value: new Uint8Array() };
  return structures
    .slice(0, place)
    .some((earlier) => earlier.type === type && Buffer.compare(earlier.value, value) === 0);
}

function decodeStructure(structure: AdStructure, from: BthomeSender): DecodedFrame[] {
  if (structure.type === AD_TYPE.manufacturerData) return decodeManufacturerData(structure);
  if (structure.type !== AD_TYPE.serviceData16) return [];
  const data = structure.value.subarray(2);
  switch (leadingId(structure)) {
    case BTHOME:
      return decodeBthome(data, from);
    case EDDYSTONE:
      return [...decodeRuuvi(readRuuviUrl(data)), ...decodeEddystone(data)];
    default:
      return [];
  }
}

function decodeManufacturerData(structure: AdStructure): DecodedFrame[] {
  const data = structure.value.subarray(2);
  const company = leadingId(structure);
  return [
    ...(company === RUUVI ? decodeRuuvi(readRuuvi(data)) : []),
    ...(company === APPLE ? decodeIBeacon(data) : []),
    ...decodeAltBeacon(structure.value),
  ];
}

function decodeRuuvi(reading: RuuviReading | undefined): DecodedFrame[] {
  if (reading === undefined) return [];
  // The format of the frame is no value that it carries.
  const { data_format, ...fields } = reading;
  return [{ format: 'ruuvi', fields }];
}

/** Proximity Beacon Specification R1, table 2-1. */
function decodeIBeacon(data: Uint8Array): DecodedFrame[] {
  const beacon = readIBeacon(data);
  if (beacon === undefined) return [];
  const { uuid, major, minor, measuredPower } = beacon;
  return [
    {
      format: 'ibeacon',
      fields: { proximity_uuid: formatUuid(uuid), major, minor, measured_power: measuredPower },
    },
  ];
}

/** The fields of its specification, and the id in the three parts that its libraries make of it. */
function decodeAltBeacon(value: Uint8Array): DecodedFrame[] {
  const beacon = readAltBeacon(value);
  if (beacon === undefined) return [];
  const { mfgId, beaconId, referenceRssi, mfgReserved } = beacon;
  const fields: Fields = {
    mfg_id: mfgId,
    beacon_id: toHex(beaconId),
    id1: formatUuid(beaconId.subarray(0, 16)),
    id2: uintBE(beaconId, 16, 2),
    id3: uintBE(beaconId, 18, 2),
    reference_rssi: referenceRssi,
  };
  if (mfgReserved !== undefined) fields.mfg_reserved = mfgReserved;
  return [{ format: 'altbeacon', fields }];
}

function decodeBthome(data: Uint8Array, from: BthomeSender): DecodedFrame[] {
  const frame = readBthome(data, from);
  return frame === undefined ? [] : [{ format: 'bthome', fields: bthomeFields(frame.objects ?? []) }];
}

/** The tables of the frame types, github.com/google/eddystone. */
function decodeEddystone(data: Uint8Array): DecodedFrame[] {
  const frame = readEddystone(data);
  switch (frame?.frame) {
    case 'uid':
      return [
        {
          format: 'eddystone-uid',
          fields: { ranging_data: frame.rangingData, nid: toHex(frame.nid), bid: toHex(frame.bid) },
        },
      ];
    case 'url': {
      const fields: Fields = { tx_power: frame.txPower };
      if (frame.url !== undefined) fields.url = frame.url;
      return [{ format: 'eddystone-url', fields }];
    }
    case 'tlm': {
      const fields: Fields = { adv_cnt: frame.advCnt, sec_cnt: frame.secCnt };
      if (frame.vbatt !== undefined) fields.vbatt = frame.vbatt;
      if (frame.temp !== undefined) fields.temp = frame.temp;
      return [{ format: 'eddystone-tlm', fields }];
    }
    case 'encrypted-tlm':
      return [{ format: 'eddystone-tlm', fields: {} }];
    case 'eid':
      return [
        { format: 'eddystone-eid', fields: { ranging_data: frame.rangingData, eid: toHex(frame.eid) } },
      ];
    case undefined:
      return [];
  }
}
