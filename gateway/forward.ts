import type { Outbox, WaitingEvent } from './outbox.ts';
import { RetryAfter, type Uplink } from './uplinks/uplink.ts';

/** Contract, HTTP: events of one request. */
const BATCH = 100;
/** First wait after a failure, and the longest; full jitter between 0 and the wait, ms. */
const BACK_OFF = 250;
const LONGEST_BACK_OFF = 60_000;
/** A live lane that is this far behind becomes backlog. */
const LIVE_LAG = 2_000;

export interface ForwardState {
  connected: boolean;
  /** Why the last attempt failed. */
  error?: string;
  lastSuccess?: number;
}

/**
 * Takes the outbox to one uplink, in two lanes. What is stored while the uplink answers is live and
 * goes at once; what was stored while it did not, or before the start, is backlog and goes beside it.
 * Each lane keeps its order. After a failure everything is backlog, tried again for ever with growing
 * waits; with the first success the next events are live again.
 */
export interface Forward {
  /** Events up to `last` are on disk. */
  wake(last: number): void;
  state(): ForwardState;
  close(): Promise<void>;
}

export interface ForwardParts {
  name: string;
  uplink: Uplink;
  outbox: Outbox;
  now: () => number;
  /** 0 ≤ x < 1 */
  random: () => number;
  /** After a change between reachable and not. */
  changed: (state: ForwardState) => void;
}

export function startForward({ name, uplink, outbox, now, random, changed }: ForwardParts): Forward {
  /** Events from here on are the live lane's; what is before it, the backlog's. */
  let liveFrom = Number.MAX_SAFE_INTEGER;
  const state: ForwardState = { connected: false };
  const closing = new AbortController();
  const lanes = { live: lane('live'), backlog: lane('backlog') };

  interface Lane {
    wake(): void;
    ended: Promise<void>;
  }

  /** One batch after another; sleeps when there is nothing or the uplink does not answer. */
  function lane(kind: 'live' | 'backlog'): Lane {
    let wakeUp = () => {};
    let failures = 0;
    async function run(): Promise<void> {
      while (!closing.signal.aborted) {
        const events = outbox.take(name, bounds(kind), BATCH);
        if (events.length === 0) {
          await new Promise<void>((resolve) => {
            wakeUp = resolve;
          });
          continue;
        }
        const wait = await send(events);
        failures = wait === undefined ? 0 : failures + 1;
        if (wait !== undefined) await pause(wait > 0 ? wait : backOff(failures));
      }
    }
    return { wake: () => wakeUp(), ended: run() };
  }

  function bounds(kind: 'live' | 'backlog'): { from: number; below: number } {
    return kind === 'live'
      ? { from: liveFrom, below: Number.MAX_SAFE_INTEGER }
      : { from: 0, below: liveFrom };
  }

  /** Sends a batch and settles it. Returns how long to wait (0: as the back-off says), or nothing. */
  async function send(events: WaitingEvent[]): Promise<number | undefined> {
    let result = { accepted: new Set<string>(), rejected: new Map<string, string>() };
    let failed: unknown;
    try {
      const delivery = await uplink.send(events, closing.signal);
      result = {
        accepted: new Set(delivery.accepted),
        rejected: new Map(delivery.rejected.map(({ id, reason }) => [id, reason])),
      };
    } catch (error) {
      failed = error;
    }
    try {
      outbox.settle(name, events, result, now());
    } catch (error) {
      // The disk refuses: what was taken is sent again later, which the other side knows by its id.
      failed ??= error;
    }
    const isProgress = result.accepted.size + result.rejected.size > 0;
    if (failed === undefined && isProgress) return succeeded();
    return failedWith(failed ?? new Error('nothing of the batch was taken'));
  }

  function succeeded(): undefined {
    state.lastSuccess = now();
    if (state.connected) return undefined;
    state.connected = true;
    delete state.error;
    liveFrom = outbox.next();
    lanes.backlog.wake();
    changed({ ...state });
    return undefined;
  }

  function failedWith(error: unknown): number {
    liveFrom = Number.MAX_SAFE_INTEGER;
    const wasConnected = state.connected;
    state.connected = false;
    const message = error instanceof Error ? error.message : String(error);
    const isNews = wasConnected || state.error !== message;
    state.error = message;
    if (isNews) changed({ ...state });
    return error instanceof RetryAfter ? error.ms : 0;
  }

  function backOff(failures: number): number {
    const longest = Math.min(LONGEST_BACK_OFF, BACK_OFF * 2 ** Math.min(failures - 1, 20));
    return Math.max(20, random() * longest);
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      closing.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  return {
    wake(last) {
      if (last - liveFrom > LIVE_LAG) {
        liveFrom = last + 1;
        lanes.backlog.wake();
      }
      if (state.connected) lanes.live.wake();
      else lanes.backlog.wake();
    },
    state: () => ({ ...state }),
    async close() {
      closing.abort();
      lanes.live.wake();
      lanes.backlog.wake();
      await Promise.all([lanes.live.ended, lanes.backlog.ended]);
      await uplink.close();
    },
  };
}
