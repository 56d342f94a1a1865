import type { Advertisement, Device, Message, Reading, SeenKey } from '../../devices/device.ts';
import { envelope } from '../../devices/device.ts';
import { deviceByKind } from '../../devices/index.ts';
import { tagKeys } from '../../devices/loyalty-tag.ts';
import { readAdvertisingData } from '../../devices/wire/advertising-data.ts';
import type { Config } from '../config.ts';
import { beaconKey, type StoreMap } from '../store-map.ts';
import type { Seen } from './seen.ts';

/** One device of the shop, as configured. */
export type ShopDevice = Config['devices'][number] & { type: Device; bindKey?: Uint8Array };

/** A recogniser's key, seen at an anchor (a receiver that heard it, or a fixed beacon that it heard). */
export interface Sighting {
  key: SeenKey;
  anchor: string;
  /** dBm; null where the radio had none. */
  rssi: number | null;
  at: number;
}

export interface DeviceReading {
  device: ShopDevice;
  reading: Reading;
  at: number;
}

/** What a signal says. `lastingFrames` are devices whose frame numbers go on disk with what they caused. */
export interface Decoded {
  readings: DeviceReading[];
  sightings: Sighting[];
  lastingFrames: string[];
  /** `<device>/<boot>/<seq>`, where the message numbers itself. */
  causationId?: string;
  session?: { device: string; boot: string };
  repeat?: boolean;
  dropped?: string;
}

export type Decode = (signal: Advertisement | Message) => Decoded;

const NOTHING: Decoded = { readings: [], sightings: [], lastingFrames: [] };
/** Devices whose setpoint or reply comes without JSON are none of ours; `state` is bare text. */
const STATES = new Set(['online', 'offline']);

/** Bytes to readings and sightings. Malformed input is named in `dropped`, never thrown. */
export function createDecode(devices: readonly ShopDevice[], map: StoreMap, seen: Seen): Decode {
  const byId = new Map(devices.map((device) => [device.id, device]));
  const byAddress = new Map(
    devices.flatMap((device) => (device.address === undefined ? [] : [[device.address, device] as const])),
  );

  return (signal) => (signal.kind === 'advertisement' ? decodeFrames([signal]) : decodeMessage(signal));

  function decodeMessage(signal: Message): Decoded {
    const device = byId.get(signal.device);
    if (!device) return { ...NOTHING, dropped: 'unknown device' };
    const [first, second] = signal.topic.split('/').slice(2);
    if (first === 'state') return decodeState(device, signal);
    const json = parseJson(signal.payload);
    if (json === undefined) return { ...NOTHING, dropped: 'not JSON' };
    const readings =
      first === 'replies' && second !== undefined
        ? decodeReply(second, json)
        : readAs(device.type.messages[first ?? '']?.schema, json, (payload) =>
            (device.type.messages[first ?? ''] as Device['messages'][string]).read(payload as never),
          );
    if (!readings)
      return {
        ...NOTHING,
        dropped: device.type.messages[first ?? ''] || first === 'replies' ? 'wrong form' : 'unknown message',
      };
    return withNumber(device, signal, json, readings);
  }

  /** What is seen again has no second effect; what is new is read. */
  function withNumber(device: ShopDevice, signal: Message, json: unknown, readings: Reading[]): Decoded {
    const number = envelope.safeParse(json).data ?? {};
    const { boot, seq } = number;
    // Without `boot` a restarted device would begin again at a `seq` that was seen: taken at least once.
    const isNumbered = boot !== undefined && seq !== undefined;
    if (isNumbered && seen.message(device.id, boot, seq, signal.at)) return { ...NOTHING, repeat: true };
    const decoded = expand(device, signal, readings);
    if (!isNumbered) return decoded;
    return { ...decoded, causationId: `${device.id}/${boot}/${seq}`, session: { device: device.id, boot } };
  }

  /** Readings that carry others' words, a receiver's frames or an app's beacons, become sightings. */
  function expand(device: ShopDevice, signal: Message, readings: Reading[]): Decoded {
    const decoded: Decoded = { readings: [], sightings: [], lastingFrames: [] };
    for (const reading of readings) {
      if (reading.kind === 'heard') {
        const frames = reading.frames.map(({ ageMs, ...frame }) => ({
          ...frame,
          kind: 'advertisement' as const,
          receiver: device.id,
          at: signal.at - ageMs,
        }));
        const heard = decodeFrames(frames);
        decoded.readings.push(...heard.readings);
        decoded.sightings.push(...heard.sightings);
        decoded.lastingFrames.push(...heard.lastingFrames);
      } else if (reading.kind === 'ranged') {
        for (const beacon of reading.beacons) {
          const anchor = map.beacons.get(beaconKey(beacon));
          if (!anchor) continue;
          const key = { kind: 'app' as const, token: reading.token };
          decoded.sightings.push({ key, anchor: anchor.id, rssi: beacon.rssi, at: signal.at });
        }
      } else {
        decoded.readings.push({ device, reading, at: signal.at });
      }
    }
    return decoded;
  }

  function decodeFrames(frames: Advertisement[]): Decoded {
    const decoded: Decoded = { readings: [], sightings: [], lastingFrames: [] };
    for (const frame of frames) {
      const structures = readAdvertisingData(frame.data);
      if (!structures) continue;
      const device = byAddress.get(frame.address);
      if (device?.type.frame) {
        const from = { address: frame.address, ...(device.bindKey && { key: device.bindKey }) };
        const said = device.type.frame(structures, from);
        if (!said || seen.frame(device.id, said.number, frame.at)) continue;
        decoded.lastingFrames.push(device.id);
        for (const reading of said.readings) {
          decoded.readings.push({ device, reading, at: frame.at });
        }
      } else {
        for (const key of tagKeys(structures)) {
          decoded.sightings.push({ key, anchor: frame.receiver, rssi: frame.rssi, at: frame.at });
        }
      }
    }
    return decoded;
  }
}

function decodeState(device: ShopDevice, signal: Message): Decoded {
  const state = Buffer.from(signal.payload).toString('utf8');
  if (!STATES.has(state)) return { ...NOTHING, dropped: 'wrong form' };
  const reading: Reading = { kind: 'health', state: state as 'online' | 'offline' };
  return { ...NOTHING, readings: [{ device, reading, at: signal.at }] };
}

function decodeReply(command: string, json: unknown): Reading[] | undefined {
  const reply = json as { id?: unknown; ok?: unknown; error?: unknown } | null;
  if (typeof reply?.id !== 'string' || typeof reply.ok !== 'boolean') return undefined;
  const error = typeof reply.error === 'string' ? { error: reply.error.slice(0, 200) } : {};
  return [{ kind: 'reply', command, id: reply.id, ok: reply.ok, ...error }];
}

function readAs(
  schema: Device['messages'][string]['schema'] | undefined,
  json: unknown,
  read: (payload: unknown) => Reading[],
): Reading[] | undefined {
  const parsed = schema?.safeParse(json);
  return parsed?.success ? read(parsed.data) : undefined;
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The devices of a configuration with their kinds. */
export function shopDevices(config: Config, bindKey: (file: string) => Uint8Array): ShopDevice[] {
  return config.devices.map((device) => {
    const type = deviceByKind.get(device.kind);
    if (!type) throw new Error(`devices: "${device.id}" is of an unknown kind "${device.kind}"`);
    return { ...device, type, ...(device.keyFile && { bindKey: bindKey(device.keyFile) }) };
  });
}
