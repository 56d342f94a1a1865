import type {
  Advertisement,
  Device,
  FrameNumber,
  Message,
  MessageKind,
  Reading,
  SeenKey,
} from '../../devices/device.ts';
import { envelope } from '../../devices/device.ts';
import type { Dialect } from '../../devices/dialects/dialect.ts';
import { dialectByName } from '../../devices/dialects/index.ts';
import { deviceByKind } from '../../devices/index.ts';
import { tagKeys } from '../../devices/loyalty-tag.ts';
import { readAdvertisingData } from '../../devices/wire/advertising-data.ts';
import { type BridgeTopics, matches } from '../access/topics.ts';
import type { Config } from '../config.ts';
import { beaconKey, type StoreMap } from '../store-map.ts';
import type { MessageNumber, Seen } from './seen.ts';
import { createWifiSessions } from './wifi-sessions.ts';

/** One device of the shop, as configured. */
export type ShopDevice = Config['devices'][number] & {
  type: Device;
  bindKey?: Uint8Array;
  /** Another maker's gateway: how it speaks, and under which topics. */
  bridge?: { dialect: Dialect; topics: BridgeTopics };
};

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

/** How a receiver heard a device of the shop's own, dBm. */
export interface Strength {
  device: string;
  receiver: string;
  rssi: number;
  at: number;
}

/** What a signal says. */
export interface Decoded {
  readings: DeviceReading[];
  sightings: Sighting[];
  /** Numbers of the devices' own BLE frames that were taken. */
  frames: { device: string; number: FrameNumber }[];
  /** Of the devices' own frames, the repeats that other receivers heard included. */
  strengths: Strength[];
  /** Where the message numbers itself. */
  number?: MessageNumber;
  /** Taken before: it says nothing new. */
  repeat?: boolean;
  /** Why nothing could be read. */
  dropped?: string;
}

export type Decode = (signal: Advertisement | Message) => Decoded;

/** What a device says of itself, bare text and not JSON. */
const STATES = ['online', 'offline'] as const;
/** Octets of a device's explanation that go on in `command.completed`. */
const MAX_ERROR = 200;

export interface DecodeOptions {
  /** Sightings of resolvable private addresses too: only where a shop asks for them (`recognise.privateAddress`). */
  privateAddresses?: boolean;
  /** Whether a consent in force holds this Wi-Fi user name: only then a session is remembered. */
  isWifiUser?: (user: string, at: number) => boolean;
}

/** Bytes to readings and sightings. Malformed input is named in `dropped`, never thrown. */
export function createDecode(
  devices: readonly ShopDevice[],
  map: StoreMap,
  seen: Seen,
  { privateAddresses = false, isWifiUser = () => false }: DecodeOptions = {},
): Decode {
  const byId = new Map(devices.map((device) => [device.id, device]));
  const byAddress = new Map(
    devices.flatMap((device) => (device.address === undefined ? [] : [[device.address, device] as const])),
  );

  const bridges = devices.flatMap((device) => (device.bridge ? [{ device, bridge: device.bridge }] : []));
  const wifiSessions = createWifiSessions(isWifiUser);

  return (signal) => (signal.kind === 'advertisement' ? decodeFrames([signal]) : decodeMessage(signal));

  function decodeMessage(signal: Message): Decoded {
    wifiSessions.forget(signal.at);
    const speaker = bridges.find(({ bridge }) => isFrom(bridge.topics, signal.topic));
    if (speaker) return decodeBridge(speaker.device, speaker.bridge.dialect, signal);
    const device = byId.get(signal.device);
    if (!device) return dropped('unknown device');
    const topic = readTopic(signal);
    if (topic === undefined) return dropped('unknown message');
    if (topic.message === 'state') return decodeState(device, signal);
    const kind = kindOf(device, topic.message);
    if (topic.message !== 'replies' && kind === undefined) return dropped('unknown message');
    const json = parseJson(signal.payload);
    // What is no JSON may be a line of text, for a kind that takes one.
    const said = json ?? textOf(signal.payload);
    const readings = kind ? readAs(kind, said) : decodeReply(topic.command, json);
    if (!readings) return dropped(json === undefined ? 'not JSON' : 'wrong form');
    const number = numberOf(device, json);
    if (number && seen.hasMessage(number)) return { ...nothing(), repeat: true };
    return { ...expand(device, signal, readings), ...(number && { number }) };
  }

  /** In a maker's own topics; the broker has seen to it that they are the device's. */
  function decodeBridge(device: ShopDevice, dialect: Dialect, signal: Message): Decoded {
    const said = dialect.read(signal.topic, signal.payload);
    return typeof said === 'string' ? dropped(said) : expand(device, signal, said);
  }

  /** Readings that carry others' words, a receiver's frames or an app's beacons, become sightings. */
  function expand(device: ShopDevice, signal: Message, readings: Reading[]): Decoded {
    const decoded = nothing();
    for (const reading of readings) {
      if (reading.kind === 'heard') {
        const frames = reading.frames.map(({ ageMs, ...frame }) => ({
          ...frame,
          kind: 'advertisement' as const,
          receiver: device.id,
          at: Math.round(signal.at - ageMs),
        }));
        const heard = decodeFrames(frames);
        decoded.readings.push(...heard.readings);
        decoded.sightings.push(...heard.sightings);
        decoded.frames.push(...heard.frames);
        decoded.strengths.push(...heard.strengths);
      } else if (reading.kind === 'ranged') {
        for (const beacon of reading.beacons) {
          const anchor = map.beacons.get(beaconKey(beacon));
          if (!anchor) continue;
          const key = { kind: 'app' as const, token: reading.token };
          decoded.sightings.push({ key, anchor: anchor.id, rssi: beacon.rssi, at: signal.at });
        }
      } else if (reading.kind === 'wifi') {
        // A sensitive zone gives nothing personal (R25).
        if (map.zones.get(device.zone ?? '')?.sensitive) continue;
        const key = wifiSessions.hear(device.id, reading, signal.at);
        if (key) decoded.sightings.push({ key, anchor: device.id, rssi: null, at: signal.at });
      } else {
        decoded.readings.push({ device, reading, at: signal.at });
      }
    }
    return decoded;
  }

  /** A frame of a device's own address is what the device says; any other may carry somebody's key. */
  function decodeFrames(frames: Advertisement[]): Decoded {
    const decoded = nothing();
    for (const frame of frames) {
      const structures = readAdvertisingData(frame.data);
      if (!structures) continue;
      const device = byAddress.get(frame.address);
      if (device?.type.frame) {
        const from = { address: frame.address, ...(device.bindKey && { key: device.bindKey }) };
        const said = device.type.frame(structures, from);
        if (!said) continue;
        decoded.strengths.push(...strengthOf(device, frame));
        if (!seen.takeFrame(device.id, said.number, frame.at)) continue;
        decoded.frames.push({ device: device.id, number: said.number });
        for (const reading of said.readings) decoded.readings.push({ device, reading, at: frame.at });
      } else {
        if (device) decoded.strengths.push(...strengthOf(device, frame));
        // The address of a device of ours is a device's, whatever it looks like.
        const sender = privateAddresses && !device ? frame : undefined;
        for (const key of tagKeys(structures, sender)) {
          decoded.sightings.push({ key, anchor: frame.receiver, rssi: frame.rssi, at: frame.at });
        }
      }
    }
    return decoded;
  }
}

function nothing(): Decoded {
  return { readings: [], sightings: [], frames: [], strengths: [] };
}

function strengthOf({ id }: ShopDevice, { receiver, rssi, at }: Advertisement): Strength[] {
  return rssi === null ? [] : [{ device: id, receiver, rssi, at }];
}

function dropped(why: string): Decoded {
  return { ...nothing(), dropped: why };
}

function isFrom({ filters }: BridgeTopics, topic: string): boolean {
  return filters.some((filter) => matches(filter, topic));
}

/**
 * What a log may call a message: the word that its device's kind has for it. A topic's own text is the
 * sender's, and a bridge puts the addresses of strangers there (R1).
 */
export function messageName(device: ShopDevice | undefined, topic: string): string {
  if (device?.bridge) return device.bridge.dialect.name;
  const [, , message = '', command = ''] = topic.split('/');
  if (message === 'state') return message;
  if (message === 'replies' && Object.hasOwn(device?.type.commands ?? {}, command))
    return `${message}/${command}`;
  return device && kindOf(device, message) ? message : 'unknown';
}

/** `devices/<device>/<message>` or `devices/<device>/replies/<command>`, and nothing longer. */
function readTopic({ topic, device }: Message): { message: string; command: string } | undefined {
  const [root, name, message = '', command = '', ...rest] = topic.split('/');
  if (root !== 'devices' || name !== device || rest.length > 0) return undefined;
  return (message === 'replies') === (command !== '') ? { message, command } : undefined;
}

function kindOf({ type }: ShopDevice, message: string): MessageKind | undefined {
  return Object.hasOwn(type.messages, message) ? type.messages[message] : undefined;
}

/** Without `boot` a restarted device would begin again at a `seq` that was seen: taken at least once. */
function numberOf(device: ShopDevice, json: unknown): MessageNumber | undefined {
  const { boot, seq } = envelope.safeParse(json).data ?? {};
  return boot === undefined || seq === undefined ? undefined : { device: device.id, boot, seq };
}

function decodeState(device: ShopDevice, signal: Message): Decoded {
  // One entry stands for all phones: which of them comes and goes is a person's, and says nothing of the entry.
  if (device.type.shared) return nothing();
  const said = textOf(signal.payload);
  const state = STATES.find((known) => known === said);
  if (state === undefined) return dropped('wrong form');
  return { ...nothing(), readings: [{ device, reading: { kind: 'health', state }, at: signal.at }] };
}

function decodeReply(command: string, json: unknown): Reading[] | undefined {
  const reply = json as { id?: unknown; ok?: unknown; error?: unknown } | null;
  if (typeof reply?.id !== 'string' || typeof reply.ok !== 'boolean') return undefined;
  const error = typeof reply.error === 'string' ? { error: reply.error.slice(0, MAX_ERROR) } : {};
  return [{ kind: 'reply', command, id: reply.id, ok: reply.ok, ...error }];
}

function readAs({ schema, read }: MessageKind, json: unknown): Reading[] | undefined {
  const parsed = schema.safeParse(json);
  // A kind's `read` takes what its own `schema` gives (`message()` in devices/device.ts ties the two).
  return parsed.success ? read(parsed.data as never) : undefined;
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

/** The devices of a configuration with their kinds. */
export function shopDevices(config: Config, bindKey: (file: string) => Uint8Array): ShopDevice[] {
  return config.devices.map((device) => {
    const type = deviceByKind.get(device.kind);
    if (!type) throw new Error(`devices: "${device.id}" is of an unknown kind "${device.kind}"`);
    const bridge = bridgeOf(device);
    return {
      ...device,
      type,
      ...(device.keyFile && { bindKey: bindKey(device.keyFile) }),
      ...(bridge && { bridge }),
    };
  });
}

function bridgeOf({ dialect: name, topics: filters = [] }: Config['devices'][number]): ShopDevice['bridge'] {
  const dialect = name === undefined ? undefined : dialectByName.get(name);
  if (!dialect) return undefined;
  const branches = new Set(filters.flatMap((filter) => dialect.branch(filter) ?? []));
  const under = (rest: string) => [...branches].map((branch) => `${branch}/${rest}`);
  return { dialect, topics: { filters, asides: under('#'), commands: under('commands/#') } };
}
