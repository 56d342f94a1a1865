import type { z } from 'zod';
import { z as zod } from 'zod';
import type { AdStructure } from './wire/advertising-data.ts';

/**
 * The vocabulary that devices and gateway share: what comes in (`Signal`), what it says once it is
 * decoded (`Reading`), and what a kind of device is (`Device`).
 * Times named `at` are the gateway's clock in ms since the epoch; a device's own clock is data.
 */

/** One BLE advertisement as one receiver heard it. */
export interface Advertisement {
  kind: 'advertisement';
  receiver: string;
  /** Lower case, colons, most significant octet first. */
  address: string;
  addressType: 'public' | 'random';
  /** dBm; null where the controller had none (127 in HCI, Core Spec vol 4 E §7.7.65.2). */
  rssi: number | null;
  /** AD structures, Core Spec vol 3 C §11. */
  data: Uint8Array;
  at: number;
}

/** One MQTT message of a device. */
export interface Message {
  kind: 'message';
  /** `devices/<device>/<message>`. */
  topic: string;
  /** The device that was authenticated; in a recording, the one that the topic names. */
  device: string;
  payload: Uint8Array;
  at: number;
}

/** Where a message stands among the retained ones when the store is full. */
export type Class = 'A' | 'B' | 'C';

export interface HeardBeacon {
  uuid: string;
  major: number;
  minor: number;
  rssi: number;
}

export interface HeardFrame {
  address: string;
  addressType: 'public' | 'random';
  rssi: number | null;
  data: Uint8Array;
  /** How long ago the receiver heard it, ms. */
  ageMs: number;
}

/** `g` is a weight on the scale, `deltaG` a change that the shelf itself found stable. */
export type SlotWeight = { slot: number; g: number; ok: boolean } | { slot: number; deltaG: number };

export const PRESSES = [
  'press',
  'double_press',
  'triple_press',
  'long_press',
  'long_double_press',
  'long_triple_press',
  'hold_press',
] as const;
export type Press = (typeof PRESSES)[number];

export const RADIO_STATES = ['off', 'starting', 'scanning', 'silent', 'failed'] as const;

/** How a receiver's radio is; `reason` in one sentence, of one that failed. */
export interface RadioHealth {
  state: (typeof RADIO_STATES)[number];
  reason?: string | undefined;
}

/** What a device said, decoded. */
export type Reading =
  | { kind: 'heard'; frames: HeardFrame[] }
  | { kind: 'crowd'; windowS: number; near: number; far: number }
  | { kind: 'ranged'; token: string; beacons: HeardBeacon[] }
  | { kind: 'weights'; slots: SlotWeight[] }
  | { kind: 'press'; button: number; press: Press }
  | { kind: 'climate'; temperatureC?: number; humidityPct?: number; co2Ppm?: number }
  | { kind: 'thermostat'; setpointC: number; currentC?: number; mode?: string; valvePct?: number }
  | {
      kind: 'health';
      state?: 'online' | 'offline';
      batteryPct?: number;
      /** Its own sign that the battery is low, whatever charge it tells. */
      batteryLow?: boolean;
      firmware?: string;
      radio?: RadioHealth;
    }
  /** A station signed in on the shop's Wi-Fi, is still there, or left. */
  | { kind: 'wifi'; session: 'start' | 'alive' | 'stop'; user?: string; address?: string }
  /** A code was shown to a reader, by QR or NFC; with a choice where the reader offers one. */
  | { kind: 'check-in'; code: string; choice?: 'grant' | 'withdraw' }
  | { kind: 'reply'; command: string; id: string; ok: boolean; error?: string };

/** What could be somebody's key, seen on the air or in an app's report. Hex in lower case, no hyphens. */
export type SeenKey =
  | { kind: 'app'; token: string }
  | { kind: 'eid'; eid: string }
  | { kind: 'rolling-token'; token: string }
  | { kind: 'ibeacon'; uuid: string; major: number; minor: number }
  | { kind: 'wifi'; user?: string; address?: string }
  | { kind: 'check-in'; token: string }
  /** Lower case, colons; only where resolving private addresses is asked for. */
  | { kind: 'private-address'; address: string };

/** What tells one transmission of a BLE frame from its repeats and from a replay. */
export type FrameNumber =
  /** The counter of an encrypted frame: only ever grows. */
  | { kind: 'counter'; value: number }
  /** BTHome's packet id, 0…255, comes round again. */
  | { kind: 'packet-id'; value: number }
  /** The frame carries no number: equal bytes are the same transmission for a while. */
  | { kind: 'bytes'; value: string };

export interface BleReadings {
  readings: Reading[];
  number: FrameNumber;
}

/** A kind of message: its class (contract: the highest of the events it can make), form and meaning. */
export interface MessageKind {
  class: Class;
  /** The payload's form, the envelope (`ts`, `seq`, `boot`) included. */
  schema: z.ZodType;
  read(payload: never): Reading[];
}

/** Fields beside every JSON payload. `seq` counts only together with `boot`. */
export const envelope = zod.object({
  // Nothing hangs on the device's clock: a wrong one costs no message.
  ts: zod.unknown().optional(),
  seq: zod.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).optional(),
  boot: zod
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
});
export type Envelope = z.infer<typeof envelope>;

/** Describes one kind of message; unknown fields are let through, as firmware grows. */
export function message<Shape extends z.ZodRawShape>(
  kind: Class,
  shape: Shape,
  read: (payload: z.infer<z.ZodObject<Shape>>) => Reading[],
): MessageKind {
  return { class: kind, schema: envelope.extend(shape), read: read as MessageKind['read'] };
}

/** A kind of device, as a plain value: one file each in this folder. */
export interface Device {
  kind: string;
  /** One line for the documentation and for `aisle check`. */
  summary: string;
  /** By the last level of the topic `devices/<device>/<message>`. */
  messages: Record<string, MessageKind>;
  /** Forms of the arguments it takes at `devices/<device>/commands/<command>`. */
  commands?: Record<string, z.ZodObject>;
  /** Reads a frame sent from this device's own address; nothing where the frame is not its kind. */
  frame?(structures: AdStructure[], from: { address: string; key?: Uint8Array }): BleReadings | undefined;
  /** Its client ids are `<device>-<anything>`: one entry stands for many (`shopper-app`). */
  shared?: boolean;
}
