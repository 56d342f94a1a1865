import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Sink } from '../sink.ts';
import { openDelivery } from './delivery.ts';
import type { OwnTags } from './line.ts';
import { sampleQueue } from './queue.ts';
import type { InfluxServer } from './server.ts';

export interface SinkOptions {
  log: Pick<Logger, 'info' | 'warn'>;
  /** A request has to be answered after so long, ms. */
  deadlineMs?: number;
  /** Samples that wait for others to go along, ms. */
  lingerMs?: number;
  /** From the first rest after a failure to the longest: doubled each time, ms. */
  restMs?: readonly [first: number, longest: number];
  /** Samples that are kept while InfluxDB is away. */
  mostWaiting?: number;
  /** 0 ≤ x < 1. */
  random?: () => number;
}

/** Longer than influxd itself waits for its disk (`write-timeout`, 10 s). */
export const DEADLINE_MS = 15_000;
/** Windows are closed every ten seconds: what comes with one goes in one request. */
const LINGER_MS = 1_000;
export const REST_MS = [1_000, 60_000] as const;
/** Points of a request: the library makes their text at one go, some milliseconds. */
export const MOST_POINTS = 500;
export const MOST_WAITING = 200_000;
/** What `close` may take, ms. */
export const CLOSE_MS = 2_000;
/** That points are refused for good is said so often, ms: each window may have some. */
const SAID_EVERY = 600_000;

/**
 * Samples on their way to InfluxDB: one request at a time, the oldest first, tried again after rests that grow
 * until it is back. What it refuses for good is dropped, and so are the oldest where too many wait.
 */
export function influxSink(server: InfluxServer, own: OwnTags, options: SinkOptions): Sink {
  const { log, deadlineMs = DEADLINE_MS, lingerMs = LINGER_MS, random = Math.random } = options;
  const { mostWaiting = MOST_WAITING, restMs: [firstRest, longestRest] = REST_MS } = options;
  const queue = sampleQueue(mostWaiting);
  const delivery = openDelivery(server, own, deadlineMs);
  let timer: NodeJS.Timeout | undefined;
  let draining: Promise<void> | undefined;
  let isClosed = false;
  /** Nothing is asked of InfluxDB any more. */
  let isOver = false;
  let rest = firstRest;
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
        plan(isThere ? lingerMs : pause());
      });
    }, afterMs);
  }

  /** Half of the rest at least, and not all shops at once. */
  function pause(): number {
    const next = rest * (0.5 + random() / 2);
    rest = Math.min(2 * rest, longestRest);
    return next;
  }

  /** Writes all there is; false where InfluxDB is in trouble before that. */
  async function drain(): Promise<boolean> {
    while (queue.size() > 0 && !isOver) {
      const batch = queue.next(MOST_POINTS);
      inHand = batch.length;
      const outcome = await delivery.deliver(batch);
      inHand = 0;
      written += outcome.written;
      dropped += outcome.dropped + queue.putBack(outcome.left);
      if (outcome.trouble !== undefined) {
        isAway(outcome.trouble);
        return false;
      }
      isThere(outcome.refusal);
    }
    return true;
  }

  function isAway(why: string): void {
    if (why !== trouble && !isClosed) log.warn({ reason: why, waiting: queue.size() }, 'time series wait');
    trouble = why;
  }

  function isThere(why: string | undefined): void {
    rest = firstRest;
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
      const last = (draining ?? Promise.resolve()).then(drain);
      const stopped = new AbortController();
      await Promise.race([last, wait(CLOSE_MS, undefined, { signal: stopped.signal }).catch(() => {})]);
      stopped.abort();
      isOver = true;
      delivery.close();
      await last;
      if (queue.size() > 0)
        log.warn({ lost: queue.size() }, 'time series that InfluxDB did not take in time');
    },
  };
}
