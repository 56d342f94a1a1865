import type { Registry } from 'prom-client';
import { CLASSES, droppedAs, ERASURES, GAP_REASONS, storedAs } from '../../outbox/event-counts.ts';
import { LEVELS } from '../../outbox/room.ts';
import { counters, gauges, type Labelled, oneOf } from './at-scrape.ts';
import type { Figures } from './figures.ts';
import { ATTEMPTS, type Observed, STORE_ERRORS } from './observed.ts';

/** Events: stored, waiting, forwarded, removed; and the disk that they lie on. */
export function eventMetrics(registry: Registry, seen: Observed, now: () => Figures): void {
  counters(registry, [
    {
      name: 'gateway_events_stored_total',
      help: 'Events that were committed to disk, over restarts; as many as sequences were given.',
      labels: ['class'],
      read: () => CLASSES.map((kind) => [{ class: kind }, now().counted(storedAs(kind))]),
    },
    {
      name: 'gateway_events_dropped_total',
      help: 'Events that left before an uplink took them, each declared by a gateway.gap; over restarts.',
      labels: ['class', 'reason'],
      read: () =>
        CLASSES.flatMap((kind) =>
          GAP_REASONS.map(
            (reason): Labelled => [{ class: kind, reason }, now().counted(droppedAs(reason, kind))],
          ),
        ),
    },
    {
      name: 'gateway_erasures_total',
      help: 'Erasures and withdrawals of people that were carried out and certified, over restarts.',
      read: () => now().counted(ERASURES),
    },
    {
      name: 'gateway_events_forwarded_total',
      help: 'Events that an uplink answered to have taken, since the start.',
      labels: ['uplink', 'class'],
      read: () => perUplink(seen.forwarded, 'class', CLASSES),
    },
    {
      name: 'gateway_forward_attempts_total',
      help: 'Batches that were brought to an uplink, by what became of them, since the start.',
      labels: ['uplink', 'result'],
      read: () => perUplink(seen.attempts, 'result', ATTEMPTS),
    },
    {
      name: 'gateway_store_errors_total',
      help: 'Batches that the disk refused, by SQLite result code; tried again each time.',
      labels: ['code'],
      read: () => STORE_ERRORS.map((code) => [{ code }, seen.storeErrors[code]]),
    },
  ]);
  gauges(registry, [
    {
      name: 'gateway_outbox_events',
      help: 'Events that wait for at least one uplink.',
      read: () => now().outbox.waiting,
    },
    {
      name: 'gateway_outbox_bytes',
      help: 'What the database holds.',
      read: () => now().outbox.bytes,
    },
    {
      name: 'gateway_outbox_limit_bytes',
      help: 'What it may hold; 0 where there is no limit.',
      read: () => now().outbox.limit ?? 0,
    },
    {
      name: 'gateway_outbox_level',
      help: 'How full it is: from warned on it is told, from shedding on telemetry goes, from reserved on business is refused, at full every message.',
      labels: ['state'],
      read: () => oneOf(LEVELS, now().outbox.level ?? 'roomy'),
    },
    {
      name: 'gateway_outbox_oldest_age_seconds',
      help: 'How long the oldest event waits; 0 where none does.',
      read: () => ageS(now().at, now().outbox.oldestAt),
    },
    {
      name: 'gateway_outbox_dead_letters',
      help: 'Events that an uplink refused for good and that were set aside.',
      read: () => now().outbox.dead,
    },
    {
      name: 'gateway_uplink_connected',
      help: '1 while an uplink takes events.',
      labels: ['uplink'],
      read: () => [...now().uplinks].map(([uplink, { connected }]) => [{ uplink }, connected ? 1 : 0]),
    },
    {
      name: 'gateway_uplink_last_success_timestamp_seconds',
      help: 'When an uplink last took something, since the epoch; 0 before the first time since the start.',
      labels: ['uplink'],
      read: () =>
        [...now().uplinks].map(([uplink, { lastSuccess = 0 }]) => [{ uplink }, lastSuccess / 1_000]),
    },
    {
      name: 'gateway_uplink_events_apart',
      help: 'Events that an uplink keeps failing on while it takes others.',
      labels: ['uplink'],
      read: () => [...now().uplinks].map(([uplink, { apart = 0 }]) => [{ uplink }, apart]),
    },
  ]);
}

function perUplink<T extends string>(
  counts: ReadonlyMap<string, Record<T, number>>,
  label: string,
  values: readonly T[],
): Labelled[] {
  return [...counts].flatMap(([uplink, count]) =>
    values.map((value): Labelled => [{ uplink, [label]: value }, count[value]]),
  );
}

function ageS(at: number, since: number | null): number {
  return since === null ? 0 : Math.max(0, at - since) / 1_000;
}
