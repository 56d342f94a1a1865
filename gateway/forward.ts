import { isDiskRefusing } from './database.ts';
import type { Outbox, WaitingEvent } from './outbox/outbox.ts';
import { systemTimers, type Timers } from './timers.ts';
import { RetryAfter, type Uplink } from './uplinks/uplink.ts';

/** Contract, HTTP: events of one request. */
const BATCH = 100;
/** First wait after a failure, and the longest; full jitter between 0 and the wait, ms. */
const BACK_OFF = 250;
const LONGEST_BACK_OFF = 60_000;
/** No attempt follows a failed one sooner, ms. */
const SHORTEST_BACK_OFF = 20;
/** A batch with a purged event is broken off when it is not answered for by then, ms. */
const RECALL_AFTER = 500;
/** While the disk refuses, the outbox is asked again after so long, ms. */
const DISK_RETRY = 250;
/** A live lane that is so many events behind leaves them to the backlog. */
const LIVE_LAG = 2_000;
/** Before the first success, and after a failure, nothing is live. */
const NOTHING_LIVE = Number.MAX_SAFE_INTEGER;

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
 * waits; with the first success the next events are live again. A backlog that fails beside a live
 * lane that does not waits for itself.
 */
export interface Forward {
  /** Events up to `last` are on disk. */
  wake(last: number): void;
  state(): ForwardState;
  /** Ends what is on its way; what was not answered for is sent again after the next start. */
  close(): Promise<void>;
}

export interface ForwardParts {
  name: string;
  uplink: Uplink;
  outbox: Outbox;
  now: () => number;
  /** 0 ≤ x < 1 */
  random: () => number;
  /** After a change between reachable and not, and of the reason. */
  changed: (state: ForwardState) => void;
  timers?: Timers;
}

type Kind = 'live' | 'backlog';

export function startForward(parts: ForwardParts): Forward {
  const { name, uplink, outbox, now, random, changed, timers = systemTimers } = parts;
  /** Events from here on are the live lane's; what is before it, the backlog's. */
  let liveFrom = NOTHING_LIVE;
  /** The last event that the live lane took. */
  let liveTaken = 0;
  /** Counts successes of the live lane, and says whether it is sending. */
  const live = { successes: 0, isSending: false };
  /** The other side asked to be left alone until then, by the monotonic clock. */
  let quietUntil = 0;
  const state: ForwardState = { connected: false };
  const closing = new AbortController();
  const { signal } = closing;
  const underWay = new Set<Sending>();
  const lanes = { live: lane('live'), backlog: lane('backlog') };

  interface Lane {
    wake(): void;
    ended: Promise<void>;
  }

  /** One batch after another; sleeps when there is nothing or the uplink does not answer. */
  function lane(kind: Kind): Lane {
    let wakeUp = () => {};
    const woken = () =>
      new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
    async function run(): Promise<void> {
      let failures = 0;
      while (!signal.aborted) {
        await pause(timers, quietUntil - timers.monotonic(), signal);
        const events = take(kind);
        if (events === 'disk refuses') await pause(timers, DISK_RETRY, signal);
        else if (events.length === 0) await woken();
        else if (await send(kind, events)) failures = 0;
        // What the live lane could not bring is the backlog's now.
        else if (kind === 'backlog') await pause(timers, backOff(++failures, random), signal);
      }
    }
    // The first look waits for the turn's end: then both lanes are there to be woken.
    const ended = Promise.resolve().then(run);
    return { wake: () => wakeUp(), ended };
  }

  function take(kind: Kind): WaitingEvent[] | 'disk refuses' {
    if (signal.aborted) return [];
    try {
      if (kind === 'backlog') return outbox.take(name, { from: 0, below: liveFrom }, BATCH);
      leaveBehind();
      const events = outbox.take(name, { from: liveFrom, below: NOTHING_LIVE }, BATCH);
      liveTaken = events.at(-1)?.position ?? liveTaken;
      return events;
    } catch (error) {
      if (isDiskRefusing(error)) return 'disk refuses';
      throw error;
    }
  }

  /** Asked for while the live lane has nothing on its way, so that the backlog's order holds. */
  function leaveBehind(): void {
    if (liveFrom === NOTHING_LIVE) return;
    const next = outbox.next();
    if (next - Math.max(liveTaken + 1, liveFrom) <= LIVE_LAG) return;
    liveFrom = next;
    lanes.backlog.wake();
  }

  /** Sends a batch and settles it; true where something of it was taken. */
  async function send(kind: Kind, events: WaitingEvent[]): Promise<boolean> {
    const before = live.successes;
    if (kind === 'live') live.isSending = true;
    const { result, error, isRecalled } = await attempt(events);
    const isSettled = await settle(events, result);
    if (kind === 'live') live.isSending = false;
    // Nobody's fault: what is left of the batch is sent again at once.
    if (isRecalled) return isSettled;
    const failure = error ?? whyNoProgress(events, result);
    if (isSettled && !failure) succeeded(kind);
    if (isSettled && failure && !signal.aborted) failed(kind, before, failure);
    return isSettled && !failure;
  }

  async function attempt(events: WaitingEvent[]): Promise<Attempt> {
    const recall = new AbortController();
    const sending: Sending = { positions: new Set(events.map(({ position }) => position)), recall };
    underWay.add(sending);
    try {
      const { accepted, rejected } = await uplink.send(events, AbortSignal.any([signal, recall.signal]));
      const reasons = rejected.map(({ id, reason }) => [id, reason] as const);
      return { result: { accepted: new Set(accepted), rejected: new Map(reasons) } };
    } catch (error) {
      const nothing = { accepted: new Set<string>(), rejected: new Map<string, string>() };
      return { result: nothing, error: error as Error, isRecalled: recall.signal.aborted };
    } finally {
      underWay.delete(sending);
    }
  }

  /** Events that are purged while they are on their way get a moment to be answered for, and no more (R6). */
  function letGo(positions: ReadonlySet<number>): void {
    for (const sending of underWay) {
      if (![...sending.positions].some((position) => positions.has(position))) continue;
      timers.after(RECALL_AFTER, () => underWay.has(sending) && sending.recall.abort());
    }
  }
  outbox.whenRecalled(letGo);

  /** The same answer until the disk takes it: what was taken is not sent again. False when closing. */
  async function settle(events: WaitingEvent[], result: Result): Promise<boolean> {
    const before = outbox.next();
    for (;;) {
      try {
        outbox.settle(name, events, result, now());
        break;
      } catch (error) {
        if (!isDiskRefusing(error)) throw error;
        if (signal.aborted) return false;
        await pause(timers, DISK_RETRY, signal);
      }
    }
    // What went otherwise was declared, by an event that nobody else tells the lanes of.
    if (outbox.next() > before) wakeLanes();
    return true;
  }

  function succeeded(kind: Kind): void {
    state.lastSuccess = now();
    if (kind === 'live') live.successes += 1;
    const isNews = !state.connected || state.error !== undefined;
    state.connected = true;
    delete state.error;
    if (liveFrom === NOTHING_LIVE) {
      liveFrom = outbox.next();
      lanes.backlog.wake();
    }
    if (isNews) changed({ ...state });
  }

  function failed(kind: Kind, successesBefore: number, error: Error): void {
    if (error instanceof RetryAfter) quietUntil = timers.monotonic() + error.ms;
    const isLiveWell = kind === 'backlog' && (live.isSending || live.successes > successesBefore);
    const isNews = (state.connected && !isLiveWell) || state.error !== error.message;
    state.error = error.message;
    if (!isLiveWell) {
      state.connected = false;
      liveFrom = NOTHING_LIVE;
      lanes.backlog.wake();
    }
    if (isNews) changed({ ...state });
  }

  function wakeLanes(): void {
    if (liveFrom !== NOTHING_LIVE) lanes.live.wake();
    else lanes.backlog.wake();
  }

  return {
    wake: wakeLanes,
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

/** A batch that an uplink has. */
interface Sending {
  positions: ReadonlySet<number>;
  recall: AbortController;
}

interface Attempt {
  result: Result;
  error?: Error;
  /** Broken off since an event of it was purged. */
  isRecalled?: boolean;
}

interface Result {
  accepted: ReadonlySet<string>;
  rejected: ReadonlyMap<string, string>;
}

/** An answer about other events than those that were sent is none. */
function whyNoProgress(events: readonly WaitingEvent[], { accepted, rejected }: Result): Error | undefined {
  const isProgress = events.some(({ id }) => accepted.has(id) || rejected.has(id));
  return isProgress ? undefined : new Error('nothing of the batch was taken');
}

/** Full jitter: all between nothing and a wait that doubles, so that shops do not come back together. */
function backOff(failures: number, random: () => number): number {
  const longest = Math.min(LONGEST_BACK_OFF, BACK_OFF * 2 ** Math.min(failures - 1, 20));
  return Math.max(SHORTEST_BACK_OFF, random() * longest);
}

/** Waits so long, or until `signal` aborts. */
function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = () => {
      callOff();
      signal.removeEventListener('abort', over);
      resolve();
    };
    const callOff = timers.after(ms, over);
    signal.addEventListener('abort', over);
  });
}
