import type { IResponse } from 'influx';
import type { Logger } from 'pino';
import type { InfluxConfig } from '../../config-influx.ts';
import type { Point } from '../point.ts';
import { type Connection, connect } from './connection.ts';
import type { OwnTags } from './line.ts';
import { missedSums, type Span } from './missed.ts';
import type { Rests } from './rests.ts';
import { sumUp } from './statements.ts';

export interface FillOptions {
  log: Pick<Logger, 'info' | 'warn'>;
  /** ms since the epoch. */
  now: () => number;
  deadlineMs: number;
  rests: Rests;
}

/** Makes the sums of five minutes that the continuous queries missed, because InfluxDB was away for too long. */
export interface Fill {
  /** Samples that InfluxDB has by now. */
  wrote(samples: readonly Point[]): void;
  /** One request at most; false where there is nothing more to ask for at this time. Never throws. */
  step(): Promise<boolean>;
  /** Asks for nothing more, and gives up what is under way: the last samples go first. */
  stop(): void;
  /** Sums that were not made stay a hole: the log names it. */
  close(): void;
}

/** The same sums as the continuous queries make, of this gateway's own series: made twice they are there once. */
export function openFill(config: InfluxConfig, own: OwnTags, options: FillOptions): Fill {
  const { log, now, deadlineMs, rests } = options;
  const missed = missedSums(config);
  let connection: Connection | undefined;
  let restsUntil = Number.NEGATIVE_INFINITY;
  let isStopped = false;
  let made = 0;
  /** That it does not go was said: once until all is there. */
  let isTold = false;

  function disconnect(): void {
    connection?.close();
    connection = undefined;
  }

  async function ask(span: Span): Promise<number> {
    connection ??= connect(config, { deadlineMs });
    const query = { method: 'POST', placeholders: { ...own } } as const;
    return connection.request(async (influx) => written(await influx.queryRaw(sumUp(config, span), query)));
  }

  function isMade(span: Span, sums: number): void {
    missed.settle(span, true);
    rests.over();
    made += sums;
    if (missed.left().length > 0) return;
    log.info({ sums: made }, 'sums of five minutes that were missing are there');
    made = 0;
    isTold = false;
    disconnect();
  }

  function isRefused(span: Span, reason: string): void {
    missed.settle(span, false);
    restsUntil = performance.now() + rests.next();
    disconnect();
    if (!isTold && !isStopped)
      log.warn({ reason, missing: missed.left().map(readable) }, 'sums of five minutes wait');
    isTold = true;
  }

  return {
    wrote: (samples) => missed.remember(samples, now()),
    async step() {
      const span = isStopped || performance.now() < restsUntil ? undefined : missed.next(now());
      if (!span) {
        isTold &&= missed.left().length > 0;
        return false;
      }
      try {
        isMade(span, await ask(span));
        return true;
      } catch (error) {
        isRefused(span, (error as Error).message);
        return false;
      }
    },
    stop() {
      isStopped = true;
      disconnect();
    },
    close() {
      const left = missed.left().map(readable);
      if (left.length > 0) log.warn({ missing: left }, 'sums of five minutes that were not made');
    },
  };
}

/** How many sums it made. @throws with what InfluxDB said: it says so with 200 where it did not. */
function written({ results: [result] }: IResponse): number {
  if (!result || result.error) throw new Error(result?.error ?? 'nothing');
  return Number(result.series?.[0]?.values?.[0]?.[1] ?? 0);
}

function readable({ measurement, from, to }: Span) {
  return {
    measurement: measurement.name,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
  };
}
