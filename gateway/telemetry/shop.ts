import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { isDiskRefusing } from '../database.ts';
import { leaveCutWindows, takeCutWindows } from './cut-windows.ts';
import { openHistory } from './history/history.ts';
import { openInflux } from './influx/influx.ts';
import { knownTags } from './known-tags.ts';
import { type OwnState, openOwnFigures } from './own-figures.ts';
import type { Point } from './point.ts';
import type { SeriesSource } from './series.ts';
import type { SinkState } from './sink.ts';
import { createTelemetry } from './telemetry.ts';
import { WINDOW_MS } from './windows.ts';

/** The time series of a running gateway. */
export interface ShopTelemetry {
  /** Never throws, never waits. */
  record(points: readonly Point[]): void;
  /** To be called each second; the gateway's own state is asked for once in a window. */
  tick(): void;
  states(): SinkState[];
  /** Points that belonged to no series, or to one too many. */
  dropped(): number;
  /** Who answers questions, the better one first: InfluxDB where there is one, then the history on this box. */
  sources: readonly SeriesSource[];
  close(): Promise<void>;
}

export interface ShopTelemetryParts {
  config: Config;
  log: Logger;
  /** ms since the epoch. */
  now: () => number;
  /** False while the clock may be wrong: the history then lets nothing go for its age. */
  isClockSure: () => boolean;
  /** What the gateway knows of itself. @throws where the disk cannot be read. */
  own: () => OwnState;
}

/** Opens the history on this box, and the way to InfluxDB where one is configured. */
export function openShopTelemetry(parts: ShopTelemetryParts): ShopTelemetry {
  const { config, log, now, own, isClockSure } = parts;
  const { data, influx: settings, retention, store } = config;
  const days = retention.historyDays;
  const history = openHistory({ file: join(data, 'history.db'), days, isClockSure, log });
  const influx = settings && openInflux(settings, { store: store.id, gateway: store.gateway, log, now });
  const telemetry = createTelemetry(influx ? [influx, history] : [history], knownTags(config));
  const cutFile = join(data, 'cut-windows.json');
  telemetry.resume(takeCutWindows(cutFile), now());
  const figures = openOwnFigures();
  /** The window of the last tick; none before the first. */
  let window: number | undefined;

  /** Nothing where the disk cannot be read at this moment. */
  function ownPoint(at: number, isEnd: boolean): Point[] {
    try {
      return [figures.point({ at, isEnd, ...own() })];
    } catch (error) {
      if (!isDiskRefusing(error)) throw error;
      return [];
    }
  }

  /** Tells of the gateway itself once a window has begun. */
  function turn(at: number): void {
    const current = Math.floor(at / WINDOW_MS);
    if (current !== window) telemetry.record(ownPoint(at, false));
    window = current;
  }

  function tellLast(at: number): void {
    try {
      turn(at);
      telemetry.record(ownPoint(at, true));
    } catch {
      // A database that is damaged by now: what was opened before is closed all the same.
    }
  }

  return {
    record: telemetry.record,
    tick() {
      const at = now();
      turn(at);
      telemetry.tick(at);
    },
    states: telemetry.states,
    dropped: telemetry.dropped,
    sources: influx ? [influx, history] : [history],
    async close() {
      if (window !== undefined) tellLast(now());
      figures.close();
      await leaveCutWindows(cutFile, await telemetry.close(now()));
    },
  };
}
