import type { Config } from '../config.ts';
import type { Forward, ForwardState } from '../forward.ts';
import type { Broker } from '../inputs/mqtt-broker.ts';
import type { ShopDevice } from '../pipeline/decode.ts';
import type { Road } from '../road.ts';
import type { Figures } from './metrics/figures.ts';
import { uplinkLabels } from './metrics/uplink-label.ts';
import { type Metrics, openMetrics } from './metrics.ts';
import { type KnownDevice, type Readiness, readinessOf } from './readiness.ts';
import type { SinkState } from './sink.ts';

/** A hundred thousand records are not counted at each scrape, ms. */
const CONSENTS_EVERY = 60_000;

type Counts = Readonly<Record<string, number>>;

export interface WatchParts {
  config: Config;
  road: Road;
  /** Asked once the gateway runs. */
  broker: () => Pick<Broker, 'connections' | 'isListening'>;
  /** In the order of `config.uplinks`. */
  forwards: readonly Forward[];
  counters: { dropped: Counts; refused: Counts; slowed: Counts };
  sinks: () => readonly SinkState[];
  /** Points for the time series that became no sample. */
  unmeasured: () => number;
  /** What devices see of TLS, as PEM. */
  certificate?: Buffer | undefined;
}

/** What is told of a running gateway to probes and to Prometheus. */
export interface Watch extends Pick<Metrics, 'expose'> {
  broker: Metrics['observer']['broker'];
  /** For the uplink of this name. */
  attempted(uplink: string): ReturnType<Metrics['observer']['attempted']>;
  readiness(): Readiness;
}

/** Watches the road's batches from here on; the ends of the gateway are to be given what they call. */
export function watchGateway(parts: WatchParts): Watch {
  const { config, road, broker, counters, sinks } = parts;
  const { now, commit, outbox, pipeline, room, trust, devices } = road;
  const labels = uplinkLabels(config.uplinks);
  const labelOf = (uplink: string) => labels.get(uplink) ?? uplink;
  const metrics = openMetrics({
    now,
    uplinks: [...labels.values()],
    figures,
    certificate: parts.certificate,
  });
  commit.whenTried(metrics.observer.tried);
  const consents = atMostEvery(CONSENTS_EVERY, now, () => sizeOf(pipeline.recordIds()));

  function uplinks(): ReadonlyMap<string, ForwardState> {
    const states = [...labels.values()].map((label, i) => [label, parts.forwards[i]?.state()] as const);
    return new Map(states.map(([label, state]) => [label, state ?? { connected: false }]));
  }

  function known(wanted: (device: ShopDevice) => boolean): KnownDevice[] {
    const states = pipeline.deviceStates();
    return devices.filter(wanted).map(({ id }) => ({ id, state: states.get(id) ?? {} }));
  }

  const receivers = () => known(({ type }) => type.kind === 'receiver');

  function readiness(): Readiness {
    return readinessOf({
      at: now(),
      isDiskRefusing: commit.failing(),
      level: room.state().level,
      isListening: broker().isListening(),
      uplinks: uplinks(),
      needsConsents: config.mode === 'identify',
      list: pipeline.list(),
      maxAgeHours: config.consents.maxAgeHours,
      synchronised: trust.synchronised(),
      receivers: receivers(),
      sinks: sinks(),
    });
  }

  function figures(): Figures {
    const at = now();
    return {
      at,
      ...counters,
      connections: broker().connections(),
      outbox: outbox.counts(),
      counted: outbox.counted,
      uplinks: uplinks(),
      devices: known(() => true),
      receivers: receivers(),
      consents: consents(),
      list: pipeline.list(),
      recognises: pipeline.recognises(at).ok,
      synchronised: trust.synchronised(),
      sinks: sinks(),
      unmeasured: parts.unmeasured(),
      readiness: readiness(),
    };
  }

  return {
    broker: metrics.observer.broker,
    attempted: (uplink) => metrics.observer.attempted(labelOf(uplink)),
    expose: metrics.expose,
    readiness,
  };
}

function sizeOf(all: Iterable<unknown>): number {
  let size = 0;
  for (const _ of all) size += 1;
  return size;
}

function atMostEvery<T>(ms: number, now: () => number, work: () => T): () => T {
  let last: { at: number; result: T } | undefined;
  return () => {
    if (!last || now() - last.at >= ms) last = { at: now(), result: work() };
    return last.result;
  };
}
