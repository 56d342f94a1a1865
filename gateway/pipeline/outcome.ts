import type { Class } from '../../devices/device.ts';

/**
 * An event before it has an id: CloudEvents 1.0, ids and `recordedtime` come with the storing
 * transaction. `time` is ms since the epoch.
 */
export interface StoreEvent {
  /** The middle of `aisle.<name>.v1`. */
  name: string;
  class: Class;
  time: number;
  data: Record<string, unknown>;
  /** `<device>/<boot>/<seq>` of the message that caused it. */
  causationId?: string;
  /** Random; the event's partition key. */
  visitId?: string;
  /** Whose personal event it is: found again by this when consent ends. */
  subjectRef?: string;
  /** Left out where the same transaction purges the `visit.started` of its visit. */
  unlessStartPurged?: boolean;
}

/** What is kept beside the events: one row, by kind and key; null removes it. */
export interface StateChange {
  kind: StateKind;
  key: string;
  value: unknown;
}

export type StateKind =
  | 'visit'
  | 'slot'
  | 'thermostat'
  | 'frame-numbers'
  | 'seen'
  | 'command'
  | 'consent'
  | 'consent-list'
  | 'health'
  | 'cursor';

/** Something for a device: published once the transaction is on disk. */
export interface DeviceCommand {
  device: string;
  command: string;
  payload: Record<string, unknown>;
}

/** What one signal changes for good. Nothing lasting: the signal is acknowledged without a commit. */
export interface Outcome {
  events: StoreEvent[];
  changes: StateChange[];
  /** Subjects whose consent ended: their queued events go in the same transaction. */
  purge: string[];
  commands: DeviceCommand[];
  /** The signal was malformed; counted by this reason, acknowledged and dropped. */
  dropped?: string;
  /** A list or command was refused; the reason, for the log and the platform. */
  refused?: string;
  /** A message seen before: acknowledged when the first is on disk. */
  repeat?: boolean;
}

export function emptyOutcome(): Outcome {
  return { events: [], changes: [], purge: [], commands: [] };
}

/** True where the outcome has to be on disk before its signal is acknowledged. */
export function isLasting(outcome: Outcome): boolean {
  return outcome.events.length + outcome.changes.length + outcome.purge.length > 0;
}

/** Rows of one kind as they were stored, by key. */
export interface StoredState {
  get(kind: StateKind): ReadonlyMap<string, unknown>;
}

/** A first start: nothing is stored yet. */
export const nothingStored: StoredState = { get: () => new Map() };
