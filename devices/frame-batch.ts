import type { Crowd } from './crowd-window.ts';
import type { HeardFrame } from './device.ts';

/** Contract: 100 frames a message. */
export const MAX_FRAMES = 100;
/** Contract: 64 KiB a message, with room for the envelope and for ages that grow while a message waits. */
export const MAX_FRAME_BYTES = 60 * 1024;
/** A frame waits for others at most this long; with a late timer it still leaves within 200 ms. */
export const HOLD_MS = 150;
/** Messages without acknowledgement at one time: far fewer than the 64 `seq` that the gateway remembers. */
export const MAX_IN_FLIGHT = 8;
/** Frames that wait while the gateway is away; beyond this the oldest go. */
export const MAX_BACKLOG_FRAMES = 10_000;
/**
 * What was heard longer ago is forgotten: with the minute between two calls of `forget`, no address that may
 * be a stranger's is kept beyond five minutes.
 */
export const MAX_AGE_MS = 240_000;

/** A message to publish under `devices/<receiver>/`, QoS 1. */
export interface ReceiverMessage {
  seq: number;
  name: 'advertisements' | 'crowd';
  /** JSON, ages as of the moment it was asked for. */
  payload: string;
}

export interface FrameBatcher {
  /** Takes a frame heard at `at`; `data` is hex. */
  add(frame: WaitingFrame): void;
  /** Takes a window's count; a count that still waits is replaced by it. */
  addCrowd(crowd: Crowd): void;
  /** The next message to publish at `at`, if one is due; `flush` does not wait for a batch to fill. */
  next(at: number, flush?: boolean): ReceiverMessage | undefined;
  /** When the oldest waiting frame is due, in the clock of `at`. */
  dueAt(): number | undefined;
  /** Frames that wait. */
  waiting(): number;
  acknowledged(seq: number): void;
  /** The connection is gone: what was not acknowledged is sent again, first and under the same `seq`. */
  connectionLost(): void;
  /** Drops what is too old at `at`; to be called each minute, since nothing is sent while the gateway is away. */
  forget(at: number): void;
  counters(): BatchCounters;
}

/** `sent` and `acked` count messages once each, however often one was sent; `dropped` counts frames. */
export interface BatchCounters {
  sent: number;
  acked: number;
  dropped: number;
}

/** A frame that waits; `at` is when it was heard, ms on one monotonic clock. */
export type WaitingFrame = Omit<HeardFrame, 'data' | 'ageMs'> & { data: string; at: number };

type Content = { frames: WaitingFrame[] } | { crowd: Crowd };

/**
 * Gathers a receiver's frames into messages and keeps each until it is acknowledged. Pure: time comes in,
 * messages come out. Order is kept, except that a crowd count overtakes frames that wait.
 * `boot` names this start of the receiver, `[A-Za-z0-9_-]{1,64}`.
 */
export function frameBatcher(boot: string): FrameBatcher {
  const waiting: WaitingFrame[] = [];
  let waitingCrowd: Crowd | undefined;
  const inFlight = new Map<number, Content>();
  let toRepeat: [number, Content][] = [];
  let seq = 0;
  const counters = { sent: 0, acked: 0, dropped: 0 };

  const forget = (at: number): void => {
    counters.dropped += dropTooOld(waiting, at);
    for (const content of [...toRepeat.map(([, repeated]) => repeated), ...inFlight.values()]) {
      if ('frames' in content) counters.dropped += dropTooOld(content.frames, at);
    }
  };
  const takeNew = (at: number, flush: boolean): Content | undefined => {
    if (waitingCrowd) {
      const crowd = waitingCrowd;
      waitingCrowd = undefined;
      return { crowd };
    }
    const oldest = waiting[0];
    if (!oldest) return undefined;
    if (!flush && waiting.length < MAX_FRAMES && at < oldest.at + HOLD_MS) return undefined;
    return { frames: waiting.splice(0, batchLength(waiting)) };
  };

  return {
    add(frame) {
      if (waiting.length >= MAX_BACKLOG_FRAMES) {
        waiting.shift();
        counters.dropped += 1;
      }
      waiting.push(frame);
    },
    addCrowd(crowd) {
      waitingCrowd = crowd;
    },
    forget,
    next(at, flush = false) {
      forget(at);
      const repeated = toRepeat.shift();
      if (repeated) {
        const [repeatedSeq, content] = repeated;
        inFlight.set(repeatedSeq, content);
        return encode(repeatedSeq, boot, content, at);
      }
      if (inFlight.size >= MAX_IN_FLIGHT) return undefined;
      const content = takeNew(at, flush);
      if (!content) return undefined;
      seq += 1;
      counters.sent += 1;
      inFlight.set(seq, content);
      return encode(seq, boot, content, at);
    },
    dueAt: () => (waiting[0] ? waiting[0].at + HOLD_MS : undefined),
    waiting: () => waiting.length,
    acknowledged(acked) {
      if (inFlight.delete(acked)) counters.acked += 1;
    },
    connectionLost() {
      toRepeat = [...inFlight, ...toRepeat].sort(([a], [b]) => a - b);
      inFlight.clear();
    },
    counters: () => ({ ...counters }),
  };
}

function dropTooOld(frames: WaitingFrame[], at: number): number {
  const young = frames.findIndex((frame) => at - frame.at <= MAX_AGE_MS);
  const old = young === -1 ? frames.length : young;
  frames.splice(0, old);
  return old;
}

/** Octets of a frame's JSON beside its `data`, rounded up. */
const FRAME_OVERHEAD = 112;

function batchLength(waiting: readonly WaitingFrame[]): number {
  let bytes = 0;
  const end = Math.min(waiting.length, MAX_FRAMES);
  for (let length = 0; length < end; length += 1) {
    bytes += FRAME_OVERHEAD + (waiting[length]?.data.length ?? 0);
    if (bytes > MAX_FRAME_BYTES) return Math.max(1, length);
  }
  return end;
}

function encode(seq: number, boot: string, content: Content, at: number): ReceiverMessage {
  if ('crowd' in content) {
    return { seq, name: 'crowd', payload: JSON.stringify({ ...content.crowd, seq, boot }) };
  }
  const frames = content.frames.map(({ at: heardAt, ...frame }) => ({
    ...frame,
    ageMs: Math.max(0, Math.round(at - heardAt)),
  }));
  return { seq, name: 'advertisements', payload: JSON.stringify({ frames, seq, boot }) };
}
