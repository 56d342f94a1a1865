import type { WaitingEvent } from '../outbox/outbox.ts';
import type { Timers } from '../timers.ts';
import type { Uplink } from '../uplinks/uplink.ts';

/** A batch with a purged event is broken off when it is not answered for by then, ms. */
const RECALL_AFTER = 500;

/** What an uplink said of a batch. */
export interface Result {
  accepted: ReadonlySet<string>;
  rejected: ReadonlyMap<string, string>;
  /** Not meant for this destination: settled, and not taken. */
  skipped: ReadonlySet<string>;
}

export interface Attempt {
  result: Result;
  /** Why nothing of it was settled. */
  error?: Error;
  /** Broken off since an event of it was purged. */
  isRecalled?: boolean;
}

export const NOTHING: Result = { accepted: new Set(), rejected: new Map(), skipped: new Set() };

/** Batches that an uplink has. */
export interface Sending {
  send(events: readonly WaitingEvent[]): Promise<Attempt>;
  /** Events that are purged while they are on their way get a moment to be answered for, and no more (R6). */
  letGo(positions: ReadonlySet<number>): void;
}

interface UnderWay {
  events: readonly WaitingEvent[];
  controller: AbortController;
  isRecalled: boolean;
}

/** An attempt that is over, and how long it took, ms. */
export interface OverAttempt extends Attempt {
  events: readonly WaitingEvent[];
  ms: number;
}

/** `over` is called after each attempt. */
export function createSending(
  uplink: Uplink,
  timers: Timers,
  signal: AbortSignal,
  over: (attempt: OverAttempt) => void = () => {},
): Sending {
  const underWay = new Set<UnderWay>();
  // Once for all batches: of a signal that lives on, `AbortSignal.any` keeps a trace for each that it was part of.
  signal.addEventListener('abort', () => {
    for (const { controller } of underWay) controller.abort(signal.reason);
  });

  async function send(events: readonly WaitingEvent[]): Promise<Attempt> {
    const startedAt = timers.monotonic();
    const attempt = await attemptWith(events);
    over({ ...attempt, events, ms: timers.monotonic() - startedAt });
    return attempt;
  }

  async function attemptWith(events: readonly WaitingEvent[]): Promise<Attempt> {
    const one: UnderWay = { events, controller: new AbortController(), isRecalled: false };
    if (signal.aborted) one.controller.abort(signal.reason);
    underWay.add(one);
    try {
      const said = await uplink.send(events, one.controller.signal);
      const reasons = said.rejected.map(({ id, reason }) => [id, reason] as const);
      const result = {
        accepted: new Set(said.accepted),
        rejected: new Map(reasons),
        skipped: new Set(said.skipped),
      };
      const error = whyNoProgress(events, result);
      return { result, ...(error && { error }) };
    } catch (error) {
      return { result: NOTHING, error: error as Error, isRecalled: one.isRecalled };
    } finally {
      underWay.delete(one);
    }
  }

  return {
    send,
    letGo(positions) {
      for (const one of underWay) {
        if (!one.events.some(({ position }) => positions.has(position))) continue;
        timers.after(RECALL_AFTER, () => {
          if (!underWay.has(one)) return;
          one.isRecalled = true;
          one.controller.abort();
        });
      }
    },
  };
}

/** An answer about other events than those that were sent is none. */
function whyNoProgress(events: readonly WaitingEvent[], result: Result): Error | undefined {
  const isProgress = events.some(({ id }) => isSettled(id, result));
  return isProgress ? undefined : new Error('nothing of the batch was taken');
}

export function isSettled(id: string, { accepted, rejected, skipped }: Result): boolean {
  return accepted.has(id) || rejected.has(id) || skipped.has(id);
}
