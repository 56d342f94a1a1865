import { type BatchCounters, frameBatcher, MAX_FRAMES } from '../../devices/frame-batch.ts';
import { frameSieve } from '../../devices/frame-sieve.ts';
import { toHex } from '../../devices/wire/hex.ts';
import type { GatewayLink, LinkEvents } from './gateway-link.ts';
import type { LeReport } from './le-reports.ts';
import { isSame, type RadioLog, type RadioState } from './radio-state.ts';

/**
 * A receiver: what its radio heard, cut down to the frames that the gateway asked for, gathered into
 * messages, sent until they are acknowledged; of everybody else a count.
 */
export interface Receiver {
  /** Takes a report that was heard at `at`, in the clock of `now`. */
  heard(report: LeReport, at: number): void;
  /**
   * How the radio is: told at each change and on each connection. `state` is `online` while it works (scanning or
   * silent) and the gateway can be reached.
   */
  radio(state: RadioState): void;
  counters(): BatchCounters;
  /** Sends what still waits, as far as the gateway takes it at once, and says goodbye. */
  close(): Promise<void>;
}

export interface ReceiverOptions {
  link(events: LinkEvents): GatewayLink;
  log: RadioLog;
  /** ms, monotonic. */
  now(): number;
  randomBytes(count: number): Uint8Array;
  /** At most a minute: with each window what is too old is forgotten too. */
  crowdWindowMs?: number;
}

export const CROWD_WINDOW_MS = 60_000;

export function startReceiver(options: ReceiverOptions): Receiver {
  const { log, now, randomBytes, crowdWindowMs = CROWD_WINDOW_MS } = options;
  const sieve = frameSieve(randomBytes);
  const batcher = frameBatcher(toHex(randomBytes(4)));
  // Until the radio says otherwise: what does not work says so at once.
  let works = true;
  let radio: RadioState = { kind: 'starting' };
  let flush: NodeJS.Timeout | undefined;
  let droppedBefore = 0;

  const link = options.link({
    onUp() {
      sayState();
      sayRadio();
      sayDropped();
      pump();
    },
    onDown: () => batcher.connectionLost(),
    commands: ['frames'],
    onCommand(_, payload) {
      const entries = sieve.accept(payload, now());
      if (entries === undefined) log.warn("the gateway's list of frames cannot be read; the last one stays");
      else log.info(`the gateway's list of frames has ${entries} entries`);
    },
  });
  const windows = setInterval(() => {
    const count = sieve.closeWindow(now());
    batcher.forget(now());
    if (count) batcher.addCrowd(count);
    pump();
  }, crowdWindowMs);

  function pump(all = false): void {
    clearTimeout(flush);
    const at = now();
    while (link.isUp()) {
      const message = batcher.next(at, all);
      if (!message) break;
      link.publish(message.name, message.payload).then(
        () => {
          batcher.acknowledged(message.seq);
          pump();
        },
        // It is sent again on the next connection.
        () => {},
      );
    }
    // What was due at `at` and still waits, waits for an acknowledgement or for the gateway, not for time.
    const wait = (batcher.dueAt() ?? at) - at;
    if (wait > 0) flush = setTimeout(pump, wait);
  }

  function sayState(): void {
    if (!link.isUp()) return;
    link.publish('state', works ? 'online' : 'offline', { retain: true }).catch(() => {});
  }

  function sayRadio(): void {
    if (!link.isUp()) return;
    const reason = radio.kind === 'failed' ? { reason: radio.why } : {};
    link.publish('radio', JSON.stringify({ state: radio.kind, ...reason })).catch(() => {});
  }

  function sayDropped(): void {
    const { dropped } = batcher.counters();
    const lost = dropped - droppedBefore;
    if (lost > 0) log.warn(`${lost} frames were dropped while the gateway was away`);
    droppedBefore = dropped;
  }

  return {
    heard(report, at) {
      const frame = sieve.heard(report, at);
      if (!frame) return;
      batcher.add(frame);
      if (batcher.waiting() === 1 || batcher.waiting() >= MAX_FRAMES) pump();
    },
    radio(now) {
      if (isSame(now, radio)) return;
      radio = now;
      sayRadio();
      // A radio that starts says nothing yet of whether it works.
      const worksNow = now.kind === 'starting' ? works : now.kind === 'scanning' || now.kind === 'silent';
      if (worksNow === works) return;
      works = worksNow;
      sayState();
    },
    counters: () => batcher.counters(),
    async close() {
      clearInterval(windows);
      pump(true);
      await link.close();
      clearTimeout(flush);
    },
  };
}
