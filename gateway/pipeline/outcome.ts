import type { Class } from '../../devices/device.ts';
import type { Purpose } from '../consent-record.ts';
import type { Point } from '../telemetry/point.ts';

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
  /** The purposes that a personal event rests on: it goes when one of them is withdrawn. */
  purposes?: readonly Purpose[];
  /** `data.purge.queued` is how many waiting events its own transaction removed. */
  countsQueued?: boolean;
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
  | 'shop-choice'
  | 'tag-clock'
  | 'mode'
  | 'health'
  | 'cursor';

/**
 * One person's data goes: waiting events, keys and whatever else names them. What the pipeline forgot is
 * counted here; the storing transaction adds the events that it removed, and the certificate.
 */
export interface Erasure {
  subjectRef: string;
  /** Consent records that ended. */
  recordIds: string[];
  /** Recogniser's keys that are held no longer. */
  keys: number;
  /** Places, open visits and the like, in memory and in the stored state. */
  caches: number;
  /** Only events that rest on one of these purposes go: the others are granted still. */
  only?: Purpose[];
  /** The signed certificate, set by the storing transaction. */
  certificate?: string;
}

/** A line of the audit: record ids and modes, never a subject, never a radio identifier (R12). */
export interface AuditEntry {
  what: 'granted' | 'withdrawn' | 'expired' | 'erased' | 'mode' | 'salvaged' | 'restored';
  recordId?: string;
  version?: number;
  /** For `granted`: the purposes; for `mode`: what is in force now, and why; otherwise why, and the epochs. */
  detail?: string;
}

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
  purge: Erasure[];
  audit: AuditEntry[];
  commands: DeviceCommand[];
  /** For the time series; expendable, and nothing waits for them. */
  points: Point[];
  /** The signal was malformed; counted by this reason, acknowledged and dropped. */
  dropped?: string;
  /** A list or command was refused; the reason, for the log and the platform. */
  refused?: string;
  /** A message seen before: acknowledged when the first is on disk. */
  repeat?: boolean;
}

export function emptyOutcome(): Outcome {
  return { events: [], changes: [], purge: [], audit: [], commands: [], points: [] };
}

/** True where the outcome has to be on disk before its signal is acknowledged. */
export function isLasting(outcome: Outcome): boolean {
  const { events, changes, purge, audit } = outcome;
  return events.length + changes.length + purge.length + audit.length > 0;
}

/** Rows of one kind as they were stored, by key. */
export interface StoredState {
  get(kind: StateKind): ReadonlyMap<string, unknown>;
}

/** A first start: nothing is stored yet. */
export const nothingStored: StoredState = { get: () => new Map() };
