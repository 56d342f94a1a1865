import { Histogram, type Registry } from 'prom-client';
import type { Class } from '../../../devices/device.ts';
import type { TriedBatch } from '../../commit.ts';
import type { OverAttempt } from '../../forward/sending.ts';
import type { BrokerSeen } from '../../inputs/mqtt-broker.ts';
import { classOf } from '../../outbox/event-counts.ts';

/*
 * What has to be looked at as it happens: how long things took. Given as plain callbacks to who does them, and
 * cheap, since all of a shop's messages come by: bench and figures in `gateway/docs/metrics.md`.
 */

/** Seconds. A commit is an fsync, from 0.1 ms on flash to a second on a card that is worn. */
const SHORT = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** An uplink is up to 30 s away. */
const AWAY = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** An event is there at once, or after an outage of days. */
const LONG = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600, 86_400, 604_800];
/** A batch has 256 signals at most while the disk takes them. */
const BATCH = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024];

/** How an attempt at an uplink ended: with all of it settled, some, nothing, or called off for a withdrawal. */
export const ATTEMPTS = ['taken', 'partly', 'failed', 'recalled'] as const;
type AttemptResult = (typeof ATTEMPTS)[number];

/** SQLite's primary result codes for a disk that refuses (https://sqlite.org/rescode.html), and the rest. */
export const STORE_ERRORS = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_READONLY',
  'SQLITE_CANTOPEN',
  'SQLITE_BUSY',
  'other',
] as const;
type StoreError = (typeof STORE_ERRORS)[number];

/** Since the start. */
export interface Observed {
  connects: number;
  messages: Record<0 | 1 | 2, number>;
  storeErrors: Record<StoreError, number>;
  /** By the uplink's label. */
  attempts: ReadonlyMap<string, Record<AttemptResult, number>>;
  forwarded: ReadonlyMap<string, Record<Class, number>>;
}

export interface Observer {
  broker: BrokerSeen;
  tried(batch: TriedBatch): void;
  /** For one uplink, by its label; nothing for one that is not among those of the start. */
  attempted(uplink: string): (attempt: OverAttempt) => void;
  seen: Observed;
}

/** `now` is ms since the epoch, `uplinks` their labels. */
export function openObserver(
  registry: Registry,
  { now, uplinks }: { now: () => number; uplinks: readonly string[] },
): Observer {
  const messages = { 0: 0, 1: 0, 2: 0 };
  const storeErrors = countsOf(STORE_ERRORS);
  const attempts = new Map(uplinks.map((uplink) => [uplink, countsOf(ATTEMPTS)]));
  const forwarded = new Map(uplinks.map((uplink) => [uplink, countsOf(['A', 'B', 'C'])]));
  const seen = { connects: 0, messages, storeErrors, attempts, forwarded };
  const histogram = histogramIn(registry);
  const timeOf = timeReader();

  const puback = histogram(
    'gateway_mqtt_puback_duration_seconds',
    'From the arrival of a message (QoS 1 and 2) to its acknowledgement: what it says is on disk by then.',
    SHORT,
  );
  const commit = histogram(
    'gateway_store_commit_duration_seconds',
    'How long a batch took to be on disk; those that the disk refused are not in it.',
    SHORT,
  );
  const batchSize = histogram(
    'gateway_store_commit_batch_size',
    'How many signals (messages, ticks, lists) were written to disk together.',
    BATCH,
  );
  const duration = histogram(
    'gateway_forward_duration_seconds',
    'How long an uplink took to answer a batch, or to fail it.',
    AWAY,
    uplinks,
  );
  const endToEnd = histogram(
    'gateway_event_end_to_end_seconds',
    "From when an event happened (its time) to the uplink's answer that it is taken, by the gateway's clock.",
    LONG,
    uplinks,
  );

  function attempted(uplink: string) {
    const tries = attempts.get(uplink) ?? countsOf(ATTEMPTS);
    const events = forwarded.get(uplink) ?? countsOf(['A', 'B', 'C']);
    const took = duration.labels(uplink);
    const arrived = endToEnd.labels(uplink);
    return (attempt: OverAttempt) => {
      tries[resultOf(attempt)] += 1;
      took.observe(attempt.ms / 1_000);
      const at = now();
      for (const { id, name, body } of attempt.events) {
        if (!attempt.result.accepted.has(id)) continue;
        events[classOf(name)] += 1;
        const happened = timeOf(body);
        if (happened !== undefined) arrived.observe(Math.max(0, at - happened) / 1_000);
      }
    };
  }

  return {
    seen,
    broker: {
      connected() {
        seen.connects += 1;
      },
      message(qos) {
        messages[qos] += 1;
      },
      acknowledged: (ms) => puback.observe(ms / 1_000),
    },
    tried({ signals, ms, error }) {
      if (error) storeErrors[codeOf(error)] += 1;
      else {
        commit.observe(ms / 1_000);
        batchSize.observe(signals);
      }
    },
    attempted,
  };
}

function histogramIn(registry: Registry) {
  return (name: string, help: string, buckets: number[], uplinks?: readonly string[]) => {
    const labelNames = uplinks ? ['uplink'] : [];
    const made = new Histogram({ name, help, buckets, labelNames, registers: [registry] });
    for (const uplink of uplinks ?? []) made.zero({ uplink });
    return made;
  };
}

function countsOf<T extends string>(names: readonly T[]): Record<T, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<T, number>;
}

function resultOf({ events, result, error, isRecalled }: OverAttempt): AttemptResult {
  if (isRecalled) return 'recalled';
  if (error) return 'failed';
  const settled = result.accepted.size + result.rejected.size + result.skipped.size;
  return settled < events.length ? 'partly' : 'taken';
}

/** Extended codes begin with their primary one: `SQLITE_IOERR_WRITE`. */
function codeOf(error: Error): StoreError {
  const { code } = error as { code?: unknown };
  return STORE_ERRORS.find((known) => String(code).startsWith(known)) ?? 'other';
}

const TIME = '"time":"';
/** `2026-11-22T` and `08:00:00.000Z`. */
const DATE_LENGTH = 11;
const CLOCK_LENGTH = 13;

/**
 * Reads an event's own time, which stands in its envelope, before its data (`cloud-event.ts`); nothing else is
 * parsed. Nearly all events are of one day: its beginning is kept, since `Date.parse` would cost the most of all.
 */
function timeReader(): (body: string) => number | undefined {
  let date = '';
  let beginsAt = 0;
  return (body) => {
    const at = body.indexOf(TIME) + TIME.length;
    const day = body.slice(at, at + DATE_LENGTH);
    if (day !== date) {
      date = day;
      beginsAt = Date.parse(`${day}00:00:00.000Z`);
    }
    const time = beginsAt + clockMs(body, at + DATE_LENGTH);
    return Number.isNaN(time) || body[at + DATE_LENGTH + CLOCK_LENGTH - 1] !== 'Z' ? undefined : time;
  };
}

/** `hh:mm:ss.sss` at a place of a text, ms. */
function clockMs(text: string, at: number): number {
  const seconds = (digits(text, at, 2) * 60 + digits(text, at + 3, 2)) * 60 + digits(text, at + 6, 2);
  return seconds * 1_000 + digits(text, at + 9, 3);
}

const ZERO = '0'.charCodeAt(0);

/** Not `Number(text.slice(…))`: that makes a text of each. */
function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i += 1) value = value * 10 + text.charCodeAt(i) - ZERO;
  return value;
}
