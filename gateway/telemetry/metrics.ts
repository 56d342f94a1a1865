import { X509Certificate } from 'node:crypto';
import { Registry } from 'prom-client';
import { eventMetrics } from './metrics/events.ts';
import type { Figures } from './metrics/figures.ts';
import { ownMetrics } from './metrics/itself.ts';
import { mqttMetrics } from './metrics/mqtt.ts';
import { type Observer, openObserver } from './metrics/observed.ts';
import { shopMetrics } from './metrics/shop.ts';

/** A text is given to all who ask within so long, ms: who asks all the time does not hold up the devices (P11). */
const GOOD_FOR = 500;

export interface Exposition {
  type: string;
  text: string;
}

/** What Prometheus reads (`/metrics`). */
export interface Metrics {
  /** To be given to who does the work. */
  observer: Observer;
  /** Every metric with every label value that it can have, from the start; rejects where the figures cannot be read. */
  expose(): Promise<Exposition>;
}

export interface MetricsParts {
  /** ms since the epoch. */
  now: () => number;
  /** Labels of the uplinks that are configured. */
  uplinks: readonly string[];
  /** Called at each scrape. @throws where the disk cannot be read. */
  figures: () => Figures;
  /** What devices see of TLS, as PEM. */
  certificate?: string | Buffer | undefined;
}

/** A registry of its own: two gateways in one process do not know of each other. */
export function openMetrics({ now, uplinks, figures, certificate }: MetricsParts): Metrics {
  const registry = new Registry();
  let current: Figures | undefined;
  const read = () => current ?? figures();
  const observer = openObserver(registry, { now, uplinks });
  mqttMetrics(registry, observer.seen, read);
  eventMetrics(registry, observer.seen, read);
  shopMetrics(registry, read);
  ownMetrics(registry, { now: read, certificates: endsOf(certificate) });
  const expose = async () => {
    current = figures();
    return { type: registry.contentType, text: await registry.metrics() };
  };
  return { observer, expose: goodFor(GOOD_FOR, expose) };
}

/** Works at most once in so long, ms; who asks meanwhile gets the same. What failed is worked at again. */
function goodFor<T>(ms: number, work: () => Promise<T>): () => Promise<T> {
  let last: { at: number; result: Promise<T> } | undefined;
  return () => {
    const at = performance.now();
    if (last && at - last.at < ms) return last.result;
    const result = work();
    last = { at, result };
    result.catch(() => {
      last = undefined;
    });
    return result;
  };
}

/** Nothing where it is none: who opens the broker with it says what is wrong. */
function endsOf(certificate: string | Buffer | undefined): ReadonlyMap<string, number> {
  try {
    if (certificate !== undefined) {
      return new Map([['mqtt', Date.parse(new X509Certificate(certificate).validTo)]]);
    }
  } catch {}
  return new Map();
}
