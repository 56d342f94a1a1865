/** An event as an uplink sends it. */
export interface OutgoingEvent {
  id: string;
  /** The middle of `aisle.<name>.v1`. */
  name: string;
  /** The CloudEvent as JSON. */
  body: string;
}

export interface Delivery {
  /** Taken by the other side, and on its disk as far as it says. */
  accepted: string[];
  /** Never to be taken, with the reason: set aside, not tried again. */
  rejected: { id: string; reason: string }[];
  /** Not meant for this destination: settled without being sent, counted apart. */
  skipped?: string[];
}

/** Events that come to an uplink at a time, at most (contract, HTTP). */
export const MOST_AT_ONCE = 100;

/**
 * A way to a central profile store. It sends a batch once and says what became of it; it never
 * buffers, retries or logs. Events in no list are tried again later, as are all of them where
 * `send` throws. It settles by a deadline of its own, whatever the other side does, and soon after
 * `signal` aborts. At most 100 events come at a time (`MOST_AT_ONCE`) and three batches are under way together (live, backlog,
 * one event that was set apart), never the same event in two; after `close` there is no `send`.
 */
export interface Uplink {
  send(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
}

/** The other side asks to be left alone for so long (HTTP 429 and 503, RFC 9110 §10.2.3). */
export class RetryAfter extends Error {
  readonly ms: number;
  constructor(message: string, ms: number) {
    super(message);
    this.ms = ms;
  }
}

/**
 * The other side is there and took nothing: its own mistake (HTTP 5xx), or one event that it fails on. Smaller
 * batches tell.
 */
export class NotTaken extends Error {}

/** Runs `work` with a signal that aborts when the outer one does or after `ms`, whichever is first. */
export async function withDeadline<T>(
  outer: AbortSignal,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const abort = () => inner.abort(outer.reason);
  const timer = setTimeout(() => inner.abort(new Error(`no answer in ${ms / 1000} s`)), ms);
  outer.addEventListener('abort', abort);
  if (outer.aborted) abort();
  try {
    return await work(inner.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', abort);
  }
}
