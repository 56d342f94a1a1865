import type { ForwardState } from '../forward.ts';
import type { Level } from '../outbox/room.ts';
import type { DeviceState } from '../pipeline/context/health.ts';
import type { SinkState } from './sink.ts';

/** One thing that has to be well. */
export interface Check {
  name: string;
  ok: boolean;
  /** Without it the box cannot do its work. */
  required: boolean;
  /** Why it is not well, in words of ours: nothing that a device or another server said. */
  reason?: string;
}

export interface Readiness {
  /** Every check that is required is well. */
  ready: boolean;
  checks: Check[];
}

/** A device of the configuration, as it told last of itself. */
export interface KnownDevice {
  id: string;
  state: DeviceState;
}

export interface ReadinessParts {
  /** ms since the epoch. */
  at: number;
  /** The disk refused the last batch. */
  isDiskRefusing: boolean;
  level: Level;
  isListening: boolean;
  /** By label (`uplink-label.ts`). */
  uplinks: ReadonlyMap<string, ForwardState>;
  /** False where nobody is to be recognised: then no list is missed. */
  needsConsents: boolean;
  list: { issuedAt: number | null } | undefined;
  /** The list is good for so long. */
  maxAgeHours: number;
  synchronised: boolean;
  receivers: readonly KnownDevice[];
  sinks: readonly SinkState[];
}

/** A radio in one of these states hears, or is about to. */
const HEARING: readonly string[] = ['scanning', 'starting'];
const HOUR = 3_600_000;

/**
 * Whether the box does its work: take what devices send and keep it. What it keeps it for may be away (P7), so
 * only the disk, the room on it and the broker are required; everything else is told.
 */
export function readinessOf(parts: ReadinessParts): Readiness {
  const checks = [
    required('store', parts.isDiskRefusing && 'the disk refuses: nothing is taken until it takes again'),
    required('room', whyNoRoom(parts.level)),
    required('broker', !parts.isListening && 'the broker does not listen'),
    ...[...parts.uplinks].map(([label, state]) => wished(`uplink ${label}`, whyNotTaken(state))),
    wished('consent-list', whyNoList(parts)),
    wished('clock', !parts.synchronised && 'the clock is not synchronised: nobody is recognised'),
    ...parts.receivers.map((receiver) => wished(`radio ${receiver.id}`, whyDeaf(receiver))),
    ...parts.sinks.map((sink) => wished(sink.name, whyNotWritten(sink))),
  ];
  return { ready: checks.every(({ ok, required: needed }) => ok || !needed), checks };
}

type Why = string | false;

const required = (name: string, why: Why): Check => check(name, true, why);
const wished = (name: string, why: Why): Check => check(name, false, why);

function check(name: string, isRequired: boolean, why: Why): Check {
  return { name, ok: why === false, required: isRequired, ...(why !== false && { reason: why }) };
}

/** From `reserved` on presses and shelves are refused, most of what a shop sends. */
function whyNoRoom(level: Level): Why {
  if (level === 'full') return 'the outbox is full: no message is taken';
  return level === 'reserved' && 'the outbox is nearly full: only consent, erasures and telemetry are taken';
}

function whyNotTaken({ connected, lastSuccess }: ForwardState): Why {
  if (connected) return false;
  if (lastSuccess === undefined) return 'it has taken nothing since the start; events wait';
  return `it took the last event at ${new Date(lastSuccess).toISOString()}; events wait`;
}

function whyNoList({ needsConsents, list, maxAgeHours, at }: ReadinessParts): Why {
  if (!needsConsents) return false;
  if (!list) return 'there is no consent list yet: nobody is recognised';
  const isOld = list.issuedAt !== null && at - list.issuedAt > maxAgeHours * HOUR;
  return isOld && `the consent list is older than ${maxAgeHours} h: nobody is recognised`;
}

/** A maker's receiver may never tell of its radio: then it is enough that it is there. */
function whyDeaf({ state: { state, radio } }: KnownDevice): Why {
  if (state !== 'online') return 'the receiver is not connected';
  return radio !== undefined && !HEARING.includes(radio) && `its radio is ${radio}`;
}

function whyNotWritten({ ok, waiting, dropped }: SinkState): Why {
  return !ok && `it takes no samples: ${waiting} wait, ${dropped} were dropped`;
}
