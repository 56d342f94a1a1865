import { collectDefaultMetrics, type Registry } from 'prom-client';
import packageJson from '../../../package.json' with { type: 'json' };
import { counters, gauges, type Labelled } from './at-scrape.ts';
import type { Figures } from './figures.ts';

/** Gauges of prom-client that are named as counters; promtool warns of them. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];
/** How often the event loop's delay is sampled, ms. */
const LOOP_SAMPLED = 50;

/** The process, its checks, its certificate and where its time series go. */
export function ownMetrics(
  registry: Registry,
  { now, certificates }: { now: () => Figures; certificates: ReadonlyMap<string, number> },
): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_SAMPLED });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  gauges(registry, [
    {
      name: 'gateway_build_info',
      help: 'Always 1: which version runs, on which Node.js.',
      labels: ['version', 'node'],
      read: () => [[{ version: packageJson.version, node: process.versions.node }, 1]],
    },
    {
      name: 'gateway_ready',
      help: '1 for each check of /readyz that is well.',
      labels: ['check'],
      read: () => now().readiness.checks.map(({ name, ok }) => [{ check: name }, ok ? 1 : 0]),
    },
    {
      name: 'gateway_tls_certificate_expiry_timestamp_seconds',
      help: 'When the certificate that devices see ends, since the epoch; read at the start.',
      labels: ['use'],
      read: () => [...certificates].map(([use, endsAt]) => [{ use }, endsAt / 1_000]),
    },
    {
      name: 'gateway_telemetry_up',
      help: '1 while a place for time series takes them.',
      labels: ['sink'],
      read: () => now().sinks.map(({ name, ok }) => [{ sink: name }, ok ? 1 : 0]),
    },
    {
      name: 'gateway_telemetry_waiting_samples',
      help: 'Samples of time series that wait to be written.',
      labels: ['sink'],
      read: () => now().sinks.map(({ name, waiting }) => [{ sink: name }, waiting]),
    },
  ]);
  counters(registry, [
    {
      name: 'gateway_telemetry_points_dropped_total',
      help: 'Readings that became no sample, since there are more series than are kept; since the start.',
      read: () => now().unmeasured,
    },
    {
      name: 'gateway_telemetry_samples_total',
      help: 'Samples of time series that were written, and that found no room or were refused; since the start.',
      labels: ['sink', 'result'],
      read: () =>
        now().sinks.flatMap(({ name, written, dropped }): Labelled[] => [
          [{ sink: name, result: 'written' }, written],
          [{ sink: name, result: 'dropped' }, dropped],
        ]),
    },
  ]);
}
