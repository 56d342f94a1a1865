import { EVENT_PACKET } from './h4.ts';
import type { ControllerState } from './hci-commands.ts';

/** An advertisement on the air. */
export interface Advertising {
  /** `aa:bb:cc:dd:ee:ff`. */
  address: string;
  addressType: 'public' | 'random';
  /** dBm; null: the controller could not measure it. */
  rssi: number | null;
  /** At most 31 octets, 1,650 for an extended advertisement. */
  data: Uint8Array;
  /** A beacon's `adv_nonconn_ind` unless told otherwise; `extended` is seen by hosts with extended scanning only. */
  eventType?: EventType;
}

export type EventType = 'adv_ind' | 'adv_scan_ind' | 'adv_nonconn_ind' | 'scan_rsp' | 'extended';

/** Core Spec vol 4 E §7.7.65.2; in an extended report, §7.7.65.13 table 7.1. */
const LEGACY_TYPE: Record<Exclude<EventType, 'extended'>, { legacy: number; extended: number }> = {
  adv_ind: { legacy: 0x00, extended: 0x13 },
  adv_scan_ind: { legacy: 0x02, extended: 0x12 },
  adv_nonconn_ind: { legacy: 0x03, extended: 0x10 },
  scan_rsp: { legacy: 0x04, extended: 0x1b },
};

const LE_META_EVENT = 0x3e;
const LE_META_BIT = 1n << 61n;
const ADVERTISING_REPORT = { subevent: 0x02, bit: 1n << 1n };
const EXTENDED_REPORT = { subevent: 0x0d, bit: 1n << 12n };
/** 255 octets of an event less the report's own fields. */
const LONGEST_PART = 229;
const MORE_TO_COME = 0b01 << 5;
const NO_RSSI = 127;
const NO_TX_POWER = 127;

/** The events by which the host hears of an advertisement: none where it does not. */
export function encodeReports(state: ControllerState, advertising: Advertising): Buffer[] {
  const limit = advertising.eventType === 'extended' ? 1650 : 31;
  if (advertising.data.length > limit) {
    throw new RangeError(`advertising data of ${advertising.data.length} octets, at most ${limit} fit`);
  }
  const kind = state.family === 'extended' ? EXTENDED_REPORT : ADVERTISING_REPORT;
  if (!state.scanning || !(state.eventMask & LE_META_BIT) || !(state.leEventMask & kind.bit)) return [];
  const type = advertising.eventType ?? 'adv_nonconn_ind';
  if (kind === ADVERTISING_REPORT && type === 'extended') return [];
  if (state.filterDuplicates) {
    const key = `${advertising.address} ${type}`;
    if (state.reported.has(key)) return [];
    state.reported.add(key);
  }
  return kind === ADVERTISING_REPORT ? [legacyReport(advertising)] : extendedReports(advertising);
}

function legacyReport({ address, addressType, rssi, data, eventType }: Advertising): Buffer {
  if (data.length > 31)
    throw new RangeError(`legacy advertising data of ${data.length} octets, at most 31 fit`);
  const type = LEGACY_TYPE[(eventType ?? 'adv_nonconn_ind') as keyof typeof LEGACY_TYPE].legacy;
  return metaEvent(ADVERTISING_REPORT.subevent, [
    ...[type, addressType === 'random' ? 1 : 0, ...octets(address)],
    ...[data.length, ...data, (rssi ?? NO_RSSI) & 0xff],
  ]);
}

function extendedReports(advertising: Advertising): Buffer[] {
  const { address, addressType, rssi, data, eventType = 'adv_nonconn_ind' } = advertising;
  const isExtended = eventType === 'extended';
  const type = isExtended ? 0x00 : LEGACY_TYPE[eventType].extended;
  return parts(data).map((part, i, all) => {
    const status = i < all.length - 1 ? MORE_TO_COME : 0;
    return metaEvent(EXTENDED_REPORT.subevent, [
      ...[type | status, 0x00, addressType === 'random' ? 1 : 0, ...octets(address)],
      // Primary PHY 1M; secondary PHY and SID only with extended advertising; no periodic advertising, no target.
      ...[0x01, isExtended ? 0x01 : 0x00, isExtended ? 0x00 : 0xff, NO_TX_POWER, (rssi ?? NO_RSSI) & 0xff],
      ...[0x00, 0x00, 0x00, 0, 0, 0, 0, 0, 0],
      ...[part.length, ...part],
    ]);
  });
}

function parts(data: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(data.length / LONGEST_PART));
  return Array.from({ length: count }, (_, i) => data.subarray(i * LONGEST_PART, (i + 1) * LONGEST_PART));
}

/** One report in one event. */
function metaEvent(subevent: number, report: readonly number[]): Buffer {
  return Buffer.from([EVENT_PACKET, LE_META_EVENT, 2 + report.length, subevent, 0x01, ...report]);
}

/** Least significant first, as everything in HCI. */
function octets(address: string): number[] {
  return address
    .split(':')
    .map((octet) => Number.parseInt(octet, 16))
    .reverse();
}
