import { isDiskRefusing } from './database.ts';
import { type Answered, createAnswered } from './forward/answered.ts';
import { createApart } from './forward/apart.ts';
import { createPace } from './forward/pace.ts';
import { createProof } from './forward/proof.ts';
import { createSearch } from './forward/search.ts';
import { type Attempt, createSending, isSettled, type OverAttempt } from './forward/sending.ts';
import { createSettlement, DISK_RETRY } from './forward/settlement.ts';
import { backOff, createRest, type Rest } from './forward/waits.ts';
import type { Outbox, WaitingEvent } from './outbox/outbox.ts';
import { systemTimers, type Timers } from './timers.ts';
import { MOST_AT_ONCE, NotTaken, RetryAfter, type Uplink } from './uplinks/uplink.ts';

/** A live lane that is so many events behind leaves them to the backlog. */
const LIVE_LAG = 2_000;
/** Before the first success, and after a failure, nothing is live. */
const NOTHING_LIVE = Number.MAX_SAFE_INTEGER;
/** A first sign of the other side ends a wait within so long, ms; the next in vain counts after twice that. */
const SIGN = 1_000;
const LONGEST_SIGN = 60_000;

export interface ForwardState {
  connected: boolean;
  /** Why the last attempt failed. */
  error?: string;
  lastSuccess?: number;
  /** Events that the other side keeps failing on while it takes others. */
  apart?: number;
}

/**
 * Takes the outbox to one uplink, in two lanes. What is stored while the uplink answers is live and
 * goes at once; what was stored while it did not, or before the start, is backlog and goes beside it, paced.
 * Each lane keeps its order. After a failure everything is backlog, tried again for ever with growing
 * waits; with the first success the next events are live again. A backlog that fails beside a live
 * lane that does not waits for itself. An event that the other side keeps failing on (5xx) while it takes
 * others is set apart and tried for ever beside the lanes: it alone is overtaken, by events of its device too.
 */
export interface Forward {
  /** Events up to `last` are on disk. */
  wake(last: number): void;
  /** The other side gave a sign of life, such as an answer on the downlink: a wait after failures ends soon. */
  heard(): void;
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
  /** After each attempt. */
  attempted?: (attempt: OverAttempt) => void;
  timers?: Timers;
}

interface Lane {
  kind: 'live' | 'backlog';
  /** Nothing before it waits that is not on its way. A hint: what it finds nothing behind is looked for again. */
  cursor: number;
  /** Settled together, while the next batch is on its way. */
  answered: Answered;
  /** Sleeps while there is nothing to send. */
  idle: Rest;
}

export function startForward(parts: ForwardParts): Forward {
  const { name, uplink, outbox, now, random, changed, timers = systemTimers } = parts;
  /** Events from here on are the live lane's; what is before it, the backlog's. */
  let liveFrom = NOTHING_LIVE;
  /** The last event that the live lane took. */
  let liveTaken = 0;
  let liveSuccesses = 0;
  let isLiveSending = false;
  /** The other side asked to be left alone until then, by the monotonic clock. */
  let quietUntil = 0;
  /** Of the backlog, in a row. */
  let failures = 0;
  /** An event is suspected, and there is no other to try the other side with. */
  let lacksWitness = false;
  const sign = { next: 0, wait: SIGN };
  const state: ForwardState = { connected: false };
  const closing = new AbortController();
  const { signal } = closing;
  const rest = () => createRest(timers, signal);
  /** After failures, and for the pace of the backlog. */
  const backing = rest();
  const search = createSearch();
  const pace = createPace(timers);
  const sending = createSending(uplink, timers, signal, parts.attempted);
  /** Positions that were purged while they were on their way, whoever holds them at the moment (P14). */
  const recalled = new Set<number>();
  const settlement = createSettlement({
    name,
    outbox,
    now,
    timers,
    signal,
    declared: wakeLanes,
    settled(events) {
      for (const { position } of events) recalled.delete(position);
    },
  });
  const apart = createApart({
    sending,
    settlement,
    timers,
    random,
    signal,
    quiet,
    settled: () => succeeded(),
  });
  const proof = createProof({
    sending,
    settlement,
    apart,
    next: nextOfBacklog,
    taken: succeeded,
    isRecalled: (position) => recalled.has(position),
  });
  const live: Lane = { kind: 'live', cursor: 0, answered: createAnswered(timers), idle: rest() };
  const backlog: Lane = { kind: 'backlog', cursor: 0, answered: createAnswered(timers), idle: rest() };
  // The first look waits for the turn's end: then both lanes are there to be woken.
  const ended = Promise.resolve().then(() => Promise.all([run(live), run(backlog), apart.ended]));
  outbox.whenRecalled((positions) => {
    for (const position of positions) recalled.add(position);
    sending.letGo(positions);
    apart.letGo(positions);
  });
  outbox.whenRedriven(() => {
    for (const lane of [live, backlog]) {
      lane.cursor = 0;
      lane.idle.wake();
    }
  });

  /** One batch after another; sleeps when there is nothing or the uplink does not answer. */
  async function run(lane: Lane): Promise<void> {
    while (!signal.aborted) {
      await quiet();
      if (lane === backlog) await pace.wait(backing);
      const events = take(lane, lane === live ? MOST_AT_ONCE : search.size());
      if (events === 'disk refuses') await rest().sleep(DISK_RETRY);
      else if (events.length > 0) await bring(lane, events);
      else if (lane.answered.dueIn() === 0) await settleAnswered(lane);
      else await lane.idle.sleep(lane.answered.dueIn());
    }
    await settleAnswered(lane);
  }

  async function quiet(): Promise<void> {
    while (quietUntil > timers.monotonic() && !signal.aborted) {
      await rest().sleep(quietUntil - timers.monotonic());
    }
  }

  function take(lane: Lane, most: number): WaitingEvent[] | 'disk refuses' {
    if (signal.aborted) return [];
    try {
      if (lane === live) leaveBehind();
      const events = takeFrom(lane, most);
      if (lane === live) liveTaken = events.at(-1)?.position ?? liveTaken;
      return events;
    } catch (error) {
      if (isDiskRefusing(error)) return 'disk refuses';
      throw error;
    }
  }

  function nextOfBacklog(): WaitingEvent | undefined {
    const events = take(backlog, 1);
    return events === 'disk refuses' ? undefined : events[0];
  }

  function takeFrom(lane: Lane, most: number): WaitingEvent[] {
    const { from, below } =
      lane === live ? { from: liveFrom, below: NOTHING_LIVE } : { from: 0, below: liveFrom };
    const isHinted = lane.cursor > from;
    const events = outbox.take(name, { from: isHinted ? lane.cursor : from, below }, most);
    lane.cursor = events.length > 0 ? (events.at(-1)?.position ?? 0) + 1 : 0;
    return events.length === 0 && isHinted ? takeFrom(lane, most) : events;
  }

  /** Asked for while the live lane has nothing on its way, so that the backlog's order holds. */
  function leaveBehind(): void {
    if (liveFrom === NOTHING_LIVE) return;
    const next = outbox.next();
    if (next - Math.max(liveTaken + 1, liveFrom) <= LIVE_LAG) return;
    liveFrom = next;
    backlog.idle.wake();
  }

  /** Sends a batch; what was answered for before is settled meanwhile. */
  async function bring(lane: Lane, events: WaitingEvent[]): Promise<void> {
    const before = liveSuccesses;
    if (lane === live) isLiveSending = true;
    else pace.went(events.length);
    const answer = sending.send(events);
    if (lane.answered.dueIn() === 0) await settleAnswered(lane);
    const attempt = await answer;
    if (lane === live) isLiveSending = false;
    if (attempt.error) return failedWith(lane, events, attempt, before);
    lane.answered.add(events, attempt.result);
    if (events.every(({ id }) => attempt.result.accepted.has(id))) proof.know(events);
    if (lane === live) liveSuccesses += 1;
    else took(events.filter(({ id }) => isSettled(id, attempt.result)).length);
    succeeded();
    if (events.some(({ id }) => !isSettled(id, attempt.result))) await settleAnswered(lane);
  }

  /** Settles what the lane was answered for; what was not taken can be taken again. */
  async function settleAnswered(lane: Lane): Promise<void> {
    if (lane.answered.dueIn() === undefined) return;
    const { events, result } = lane.answered.take();
    if (events.some(({ id }) => !isSettled(id, result))) lane.cursor = 0;
    await settlement.settle(events, result);
  }

  async function failedWith(
    lane: Lane,
    events: WaitingEvent[],
    { result, error, isRecalled }: Attempt,
    liveBefore: number,
  ): Promise<void> {
    lane.cursor = 0;
    if (!error) return;
    if (lane === backlog && !isRecalled && isSuspect(events, error)) return judge(events, error, liveBefore);
    const isSettledNow = await settlement.settle(events, result);
    // Nobody's fault: what is left of the batch is sent again at once.
    if (isRecalled || !isSettledNow || signal.aborted) return;
    failed(lane, liveBefore, error);
    // What the live lane could not bring is the backlog's now.
    if (lane === backlog) await backOffOnce();
  }

  async function backOffOnce(): Promise<void> {
    failures += 1;
    await backing.sleep(backOff(search.step(failures), random));
  }

  function took(count: number): void {
    failures = 0;
    search.took(count);
  }

  function isSuspect(events: readonly WaitingEvent[], error: Error): boolean {
    return error instanceof NotTaken && search.failed(events.length) && apart.hasRoom();
  }

  /** A single event has failed often: it is set apart, or the other side is away. */
  async function judge([suspect]: WaitingEvent[], why: Error, liveBefore: number): Promise<void> {
    if (!suspect) return;
    const verdict = await proof.prove(suspect, search.witnesses());
    backlog.cursor = 0;
    if (verdict === 'answers') return took(1);
    lacksWitness = verdict === 'no witness';
    if (!lacksWitness) search.acquit();
    if (signal.aborted) return;
    failed(backlog, liveBefore, why);
    await backOffOnce();
  }

  function succeeded(): void {
    state.lastSuccess = now();
    const isNews = !state.connected || state.error !== undefined;
    state.connected = true;
    delete state.error;
    sign.wait = SIGN;
    if (liveFrom === NOTHING_LIVE) {
      liveFrom = outbox.next();
      backlog.idle.wake();
      backing.wake();
    }
    if (isNews) tell();
  }

  function failed(lane: Lane, liveBefore: number, error: Error): void {
    if (error instanceof RetryAfter) quietUntil = timers.monotonic() + error.ms;
    const isLiveWell = lane === backlog && (isLiveSending || liveSuccesses > liveBefore);
    const isNews = (state.connected && !isLiveWell) || state.error !== error.message;
    state.error = error.message;
    if (!isLiveWell) {
      state.connected = false;
      liveFrom = NOTHING_LIVE;
      backlog.idle.wake();
    }
    if (isNews) tell();
  }

  function tell(): void {
    changed(snapshot());
  }

  const snapshot = (): ForwardState => ({ ...state, ...(apart.count() > 0 && { apart: apart.count() }) });

  function wakeLanes(): void {
    if (liveFrom !== NOTHING_LIVE) live.idle.wake();
    else backlog.idle.wake();
    if (lacksWitness) backing.wake();
    lacksWitness = false;
  }

  function heard(): void {
    const at = timers.monotonic();
    if (state.connected || at < sign.next) return;
    sign.next = at + sign.wait;
    // Full jitter here too: many shops hear it at once (P12).
    timers.after(random() * sign.wait, backing.wake);
    sign.wait = Math.min(LONGEST_SIGN, 2 * sign.wait);
  }

  return {
    wake: wakeLanes,
    heard,
    state: snapshot,
    async close() {
      closing.abort();
      await ended;
      await uplink.close();
    },
  };
}
