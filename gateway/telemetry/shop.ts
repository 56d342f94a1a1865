import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { isDiskRefusing } from '../database.ts';
import type { OutboxCounts } from '../outbox/counts.ts';
import { openHistory } from './history/history.ts';
import { openInflux } from './influx/influx.ts';
import { openOwnFigures } from './own-figures.ts';
import type { Point } from './point.ts';
import type { SeriesSource } from './series.ts';
import type { SinkState } from './sink.ts';
import { createTelemetry } from './telemetry.ts';
import { WINDOW_MS } from './windows.ts';

/** The time series of a running gateway. */
export interface ShopTelemetry {
  /** Never throws, never waits. */
  record(points: readonly Point[]): void;
  /** To be called each second; `own` is asked once in a window. */
  tick(at: number, own: () => { outbox: OutboxCounts; messages: number }): void;
  states(): SinkState[];
  /** Who answers questions, the better one first: InfluxDB where there is one, then the history on this box. */
  sources: readonly SeriesSource[];
  close(): Promise<void>;
}

/** Opens the history on this box, and the way to InfluxDB where one is configured. */
export function openShopTelemetry({ config, log }: { config: Config; log: Logger }): ShopTelemetry {
  const { data, influx: settings, retention, store } = config;
  const history = openHistory({ file: join(data, 'history.db'), days: retention.historyDays, log });
  const influx = settings && openInflux(settings, { store: store.id, gateway: store.gateway, log });
  const telemetry = createTelemetry(influx ? [influx, history] : [history]);
  const figures = openOwnFigures();
  let window = 0;

  /** Nothing where the disk cannot be read at this moment. */
  function ownPoint(at: number, own: () => { outbox: OutboxCounts; messages: number }): Point[] {
    try {
      return [figures.point({ at, ...own() })];
    } catch (error) {
      if (!isDiskRefusing(error)) throw error;
      return [];
    }
  }

  return {
    record: telemetry.record,
    tick(at, own) {
      const now = Math.floor(at / WINDOW_MS);
      if (now !== window) telemetry.record(ownPoint(at, own));
      window = now;
      telemetry.tick(at);
    },
    states: telemetry.states,
    sources: influx ? [influx, history] : [history],
    async close() {
      figures.close();
      await telemetry.close();
    },
  };
}
