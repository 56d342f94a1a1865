import { z } from 'zod';
import type { HeardFrame, Reading } from '../device.ts';
import { formatAddress, parseAddress } from '../wire/address.ts';
import {
  AD_TYPE,
  type AdStructure,
  EXTENDED_DATA_LIMIT,
  manufacturerDataStructure,
  serviceDataStructure,
  writeAdvertisingData,
} from '../wire/advertising-data.ts';
import { fromHex } from '../wire/hex.ts';
import { APPLE, parseUuid, writeIBeacon } from '../wire/ibeacon.ts';
import type { Dialect } from './dialect.ts';

/*
 * OpenMQTTGateway and Theengs Gateway (docs/use/ble.md of 1technophile/OpenMQTTGateway): one JSON message
 * for each device heard and each of its service data, under `<branch>/BTtoMQTT/<address>`.
 *
 * To hear shoppers' tags the gateway needs `{"pubadvdata":true,"randommacs":true}` at
 * `<branch>/commands/MQTTtoBT/config`: without the first it sends no bytes, without the second nothing
 * whose address changes. Its own `white-list` knows addresses alone, never a kind of frame, and cannot be
 * emptied again but by a restart: tags change their address, so the shop does not set it. Whom the list of
 * frames does not name is cut off here instead, at the door (`gateway/inputs/bridge-door.ts`).
 * They are not counted either: which addresses it sends is the firmware's choice, so a count would mean nothing.
 */

/** The level above an address. */
const HEARD = 'BTtoMQTT';
const STATE = 'LWT';
/** A 16-bit UUID in its long form, Core Spec vol 3 B §2.5.1. */
const BASE_UUID = /^0000([0-9a-f]{4})-0000-1000-8000-00805f9b34fb$/;
/** As newer firmware writes it. */
const SHORT_UUID = /^(?:0x)?([0-9a-f]{4})$/;
/** An AD structure's value, Core Spec vol 3 C §11. */
const LONGEST_VALUE = 254;

const text = z.string().max(1_024).optional();
const uint16 = z.number().int().min(0).max(0xffff);

const heardDevice = z.object({
  /** The address; with `presenceUseBeaconUuid` an iBeacon's UUID, and the address is `mac`. */
  id: z.string().max(64),
  mac: z.string().max(64).optional(),
  /** As NimBLE has them: 0 public, 1 random, 2 and 3 the same behind a resolved identity. */
  mac_type: z.number().int().min(0).max(3).optional(),
  rssi: z.number().min(-127).max(20),
  servicedata: text,
  servicedatauuid: text,
  manufacturerdata: text,
});

/** What is left of an iBeacon where `pubadvdata` is off. */
const decodedBeacon = z.object({
  model_id: z.literal('IBEACON'),
  uuid: z.string(),
  major: uint16,
  minor: uint16,
  txpower: z.number().int().min(-128).max(127),
});

export const openMqttGateway = {
  name: 'open-mqtt-gateway',
  kind: 'receiver',
  summary: 'OpenMQTTGateway and Theengs Gateway: what they hear over BLE',
  branch(filter) {
    const levels = filter.split('/');
    const end = levels.findIndex((level) => level === '#' || level.endsWith('toMQTT') || level === STATE);
    // One level alone, `home`, is others' too.
    return end >= 2 ? levels.slice(0, end).join('/') : undefined;
  },
  read(topic, payload) {
    const levels = topic.split('/');
    if (levels.at(-1) === STATE) return readState(payload);
    return levels.at(-2) === HEARD ? readHeard(payload) : [];
  },
} satisfies Dialect;

/** The gateway's will and its greeting: bare text. */
function readState(payload: Uint8Array): Reading[] | 'wrong form' {
  const state = textOf(payload);
  return state === 'online' || state === 'offline' ? [{ kind: 'health', state }] : 'wrong form';
}

function readHeard(payload: Uint8Array): Reading[] | 'not JSON' | 'wrong form' {
  const json = parseJson(payload);
  if (json === undefined) return 'not JSON';
  const { data: heard } = heardDevice.safeParse(json);
  const address = heard && (parseAddress(heard.id) ?? parseAddress(heard.mac ?? ''));
  if (!address) return 'wrong form';
  const structures = [...serviceData(heard), ...manufacturerData(heard, json)];
  if (structures.length === 0) return [];
  const frame: HeardFrame = {
    address: formatAddress(address),
    // Unsaid where `pubadvdata` is off; what is not said to be public is taken to change.
    addressType: heard.mac_type === 0 || heard.mac_type === 2 ? 'public' : 'random',
    rssi: heard.rssi,
    data: writeAdvertisingData(structures, EXTENDED_DATA_LIMIT),
    ageMs: 0,
  };
  return [{ kind: 'heard', frames: [frame] }];
}

type HeardDevice = z.infer<typeof heardDevice>;

/** Service data without its UUID, as older firmware has it, is nobody's. */
function serviceData({ servicedata, servicedatauuid }: HeardDevice): AdStructure[] {
  const uuid = uuid16(servicedatauuid);
  const data = octets(servicedata);
  return uuid === undefined || !data ? [] : fitting(serviceDataStructure(uuid, data));
}

function manufacturerData({ manufacturerdata }: HeardDevice, json: unknown): AdStructure[] {
  const value = octets(manufacturerdata);
  if (value) return fitting({ type: AD_TYPE.manufacturerData, value });
  const { data: beacon } = decodedBeacon.safeParse(json);
  const uuid = beacon && parseUuid(beacon.uuid);
  if (!uuid) return [];
  const { major, minor, txpower } = beacon;
  return [manufacturerDataStructure(APPLE, writeIBeacon({ uuid, major, minor, measuredPower: txpower }))];
}

function fitting(structure: AdStructure): AdStructure[] {
  return structure.value.length <= LONGEST_VALUE ? [structure] : [];
}

/** Older firmware wrote bytes that were no hexadecimal text: as if it had said nothing. */
function octets(hex: string | undefined): Uint8Array | undefined {
  const bytes = hex === undefined ? undefined : fromHex(hex);
  return bytes && bytes.length > 0 ? bytes : undefined;
}

function uuid16(said: string | undefined): number | undefined {
  const lower = said?.toLowerCase() ?? '';
  const hex = (BASE_UUID.exec(lower) ?? SHORT_UUID.exec(lower))?.[1];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(payload));
  } catch {
    return undefined;
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8');
}
