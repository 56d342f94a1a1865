import type { LocalTime } from '../wire/local-time.ts';

/** The vocabulary of a GATT thermostat: a model is one plain value of `GattProfile` in a file of this folder. */

/** Where a value is: UUIDs of 128 bits, lower case with hyphens. */
export interface CharacteristicId {
  service: string;
  characteristic: string;
}

/** A characteristic that a thermostat has, with its properties as BlueZ spells them (`read`, `notify` …). */
export interface FoundCharacteristic extends CharacteristicId {
  properties: readonly string[];
}

/** What a value says. What the thermostat does not tell is absent: no temperature is invented. */
export interface GattSaid {
  setpointC?: number;
  /** The room's temperature. */
  currentC?: number;
  mode?: string;
  valvePct?: number;
  /** Its own sign for it. */
  batteryLow?: boolean;
}

export interface GattSource {
  from: CharacteristicId;
  /** Nothing where the bytes say nothing of what is asked for here. */
  decode(bytes: Uint8Array): GattSaid | undefined;
}

export interface GattProfile {
  /** `model` in `aisle.yaml`. */
  model: string;
  /** One line for the documentation. */
  summary: string;
  /** What it can be set to, °C; other values are refused before anything is sent. */
  setpointRange: { minC: number; maxC: number; stepC: number };
  /** Read at each reading. */
  reads: readonly GattSource[];
  /** Subscribed to, where the characteristic can notify. */
  notifies: readonly GattSource[];
  /** Written for a reading where values cannot be read; the answer is a notification with the setpoint in it. */
  ask?: { to: CharacteristicId; encode(now: LocalTime): Uint8Array };
  /** Written to set it. `encode` gets a value of the range only. */
  set: { to: CharacteristicId; encode(setpointC: number): Uint8Array };
  /** Whether the link is held. Otherwise it is made for a reading or a command: the battery lasts longer. */
  stayConnected: boolean;
  /** Between two readings, s. */
  everyS: number;
}

/** Why these characteristics are not of a thermostat of this model, in a sentence; nothing where they are. */
export function whyNot(profile: GattProfile, found: readonly FoundCharacteristic[]): string | undefined {
  for (const { from } of [...profile.reads, ...profile.notifies]) {
    const instances = found.filter((one) => isSame(one, from));
    if (instances.length === 0) return `it has no characteristic ${from.characteristic}: no ${profile.model}`;
    // Environmental Sensing allows several; which of them is the room's temperature nobody can know.
    if (instances.length > 1) return `it has ${instances.length} characteristics ${from.characteristic}`;
  }
  for (const { to } of [profile.set, ...(profile.ask ? [profile.ask] : [])]) {
    const { properties = [] } = found.find((one) => isSame(one, to)) ?? {};
    if (!properties.some((property) => property.startsWith('write')))
      return `it has no characteristic ${to.characteristic} that can be written: no ${profile.model}`;
  }
  return undefined;
}

/** Why the profile's thermostat cannot be set to it, in a sentence; nothing where it can. */
export function whyNotSetpoint(
  { setpointRange: { minC, maxC, stepC } }: GattProfile,
  setpointC: number,
): string | undefined {
  const steps = setpointC / stepC;
  const isOnStep = Math.abs(steps - Math.round(steps)) < 1e-6;
  if (setpointC >= minC && setpointC <= maxC && isOnStep) return undefined;
  return `setpointC must be ${minC} to ${maxC} in steps of ${stepC}`;
}

export function isSame(one: CharacteristicId, other: CharacteristicId): boolean {
  return one.service === other.service && one.characteristic === other.characteristic;
}

/** The UUID of 128 bits of one of 16, Core Spec vol 3 B §2.5.1. */
export function assignedUuid(short: number): string {
  return `${short.toString(16).padStart(8, '0')}-0000-1000-8000-00805f9b34fb`;
}
