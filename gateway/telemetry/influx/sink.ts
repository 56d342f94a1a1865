import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { InfluxConfig } from '../../config-influx.ts';
import type { Sink } from '../sink.ts';
import { openDelivery } from './delivery.ts';
import { openFill } from './fill.ts';
import type { OwnTags } from './line.ts';
import { sampleQueue } from './queue.ts';
import { growingRests, type RestBounds } from './rests.ts';

export interface SinkOptions {
  log: Pick<Logger, 'info' | 'warn'>;
  /** A request has to be answered after so long, ms. */
  deadlineMs?: number;
  /** Samples that wait for others to go along, ms. */
  lingerMs?: number;
  /** From the first rest after a failure to the longest: doubled each time, ms. */
  restMs?: RestBounds;
  /** Samples that are kept while InfluxDB is away. */
  mostWaiting?: number;
  /** 0 ≤ x < 1. */
  random?: () => number;
  /** ms since the epoch. */
  now?: () => number;
}

/** Longer than influxd itself waits for its disk (`write-timeout`, 10 s). */
export const DEADLINE_MS = 15_000;
/** Windows are closed every ten seconds: what comes with one goes in one request. */
const LINGER_MS = 1_000;
export const REST_MS: RestBounds = [1_000, 60_000];
/** Points of a request: the library makes their text at one go, some milliseconds. */
export const MOST_POINTS = 500;
export const MOST_WAITING = 200_000;
/** What `close` may take, ms. */
export const CLOSE_MS = 2_000;
/** That points are refused for good is said so often, ms: each window may have some. */
const SAID_EVERY = 600_000;

/**
 * Samples on their way to InfluxDB: one request at a time, the oldest first, tried again after rests that grow
 * until it is back. What it refuses for good is dropped, and so are the oldest where too many wait. When all are
 * written, sums that they came too late for are made (`fill.ts`).
 */
export function influxSink(config: InfluxConfig, own: OwnTags, options: SinkOptions): Sink {
  const { log, deadlineMs = DEADLINE_MS, lingerMs = LINGER_MS, mostWaiting = MOST_WAITING } = options;
  const { restMs = REST_MS, random = Math.random, now = Date.now } = options;
  const queue = sampleQueue(mostWaiting);
  const delivery = openDelivery(config, own, deadlineMs);
  const rests = growingRests(restMs, random);
  const fill = openFill(config, own, { log, now, deadlineMs, rests: growingRests(restMs, random) });
  let timer: NodeJS.Timeout | undefined;
  let draining: Promise<void> | undefined;
  let isClosed = false;
  /** Nothing is asked of InfluxDB any more. */
  let isOver = false;
  let isFull = false;
  /** Samples of the batch under way. */
  let inHand = 0;
  let written = 0;
  let dropped = 0;
  /** Why nothing is written, and why some of the last batch never will be. */
  let trouble: string | undefined = 'nothing was written yet';
  let refusal: string | undefined;
  let refusalSaidAt = Number.NEGATIVE_INFINITY;

  function plan(afterMs: number): void {
    if (isClosed || timer || draining || queue.size() === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      draining = drain().then((isThere) => {
        draining = undefined;
        plan(isThere ? lingerMs : rests.next());
      });
    }, afterMs);
  }

  /**
   * Writes all there is, then makes the sums that are missing; a sample waits for one request of those at most.
   * What fails of them is tried again after later samples: those of the gateway itself come every ten seconds.
   * False where InfluxDB is in trouble before all is written.
   */
  async function drain(): Promise<boolean> {
    while (!isOver) {
      if (queue.size() > 0) {
        if (!(await write())) return false;
      } else if (!(await fill.step())) break;
    }
    return true;
  }

  /** One batch; false where InfluxDB does not take all that it should. */
  async function write(): Promise<boolean> {
    const batch = queue.next(MOST_POINTS);
    inHand = batch.length;
    const outcome = await delivery.deliver(batch);
    inHand = 0;
    written += outcome.written;
    dropped += outcome.dropped + queue.putBack(outcome.left);
    fill.wrote(batch.slice(0, batch.length - outcome.left.length));
    if (outcome.trouble === undefined) isThere(outcome.refusal);
    else isAway(outcome.trouble);
    return outcome.trouble === undefined;
  }

  function isAway(why: string): void {
    if (why !== trouble && !isClosed) log.warn({ reason: why, waiting: queue.size() }, 'time series wait');
    trouble = why;
  }

  function isThere(why: string | undefined): void {
    rests.over();
    if (trouble !== undefined && !isClosed) log.info({ waiting: queue.size() }, 'time series go to InfluxDB');
    trouble = undefined;
    refusal = why;
    if (why === undefined || performance.now() - refusalSaidAt < SAID_EVERY) return;
    refusalSaidAt = performance.now();
    log.warn({ reason: why, dropped }, 'time series are dropped');
  }

  return {
    take(samples) {
      if (isClosed) return;
      const gone = queue.add(samples);
      if (gone > 0 && !isFull)
        log.warn({ most: mostWaiting }, 'more time series wait than are kept: the oldest go');
      isFull = gone > 0;
      dropped += gone;
      plan(queue.size() >= MOST_POINTS ? 0 : lingerMs);
    },
    state() {
      const reason = trouble ?? refusal;
      const counts = { waiting: queue.size() + inHand, written, dropped };
      return {
        name: 'influxdb',
        ok: reason === undefined,
        ...(reason !== undefined && { reason }),
        ...counts,
      };
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(timer);
      fill.stop();
      const last = (draining ?? Promise.resolve()).then(drain);
      const stopped = new AbortController();
      await Promise.race([last, wait(CLOSE_MS, undefined, { signal: stopped.signal }).catch(() => {})]);
      stopped.abort();
      isOver = true;
      delivery.close();
      await last;
      fill.close();
      if (queue.size() > 0)
        log.warn({ lost: queue.size() }, 'time series that InfluxDB did not take in time');
    },
  };
}
