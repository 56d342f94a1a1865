import type { FrameNumber } from '../../devices/device.ts';
import type { StateChange, StoredState } from './outcome.ts';

/** Contract: the last 64 `seq` of (device, boot) are kept. */
const KEPT_SEQ = 64;
/** A session that said nothing for so long is forgotten, ms. */
const SESSION_FORGOTTEN_AFTER = 24 * 3_600_000;
/** At most so many sessions, the longest silent go first: an app draws a new `boot` for each. */
const MAX_SESSIONS = 20_000;
/** One transmission is repeated, and heard by several receivers, for so long, ms. */
const REPEATED_FOR = 4_000;
/** Counters so far below the highest are still taken, once: receivers deliver out of order (RFC 4303 §3.4.3). */
const COUNTER_WINDOW = 64;

interface Session {
  seqs: number[];
  at: number;
}

interface Numbers {
  /** Encrypted frames: the counters taken, the highest first to count from. */
  counters?: number[];
  /** Others: what was heard lately. */
  recent?: { value: number | string; at: number }[];
}

/** Remembers what was already taken, so that a message or frame heard again has no second effect. */
export interface Seen {
  /** True where this (device, boot, seq) was taken before; otherwise remembers it. */
  message(device: string, boot: string, seq: number, at: number): boolean;
  /** To be stored with what the message caused. */
  messageChange(device: string, boot: string): StateChange;
  /** True where this transmission of the device was taken before; otherwise remembers it. */
  frame(device: string, number: FrameNumber, at: number): boolean;
  frameChange(device: string): StateChange;
  /** Forgets silent sessions; returns what is to be removed from the disk. */
  forget(at: number): StateChange[];
}

export function createSeen(stored: StoredState): Seen {
  const sessions = new Map<string, Session>();
  for (const [key, value] of stored.get('seen')) sessions.set(key, value as Session);
  const frames = new Map<string, Numbers>();
  for (const [key, value] of stored.get('frame-numbers')) frames.set(key, value as Numbers);

  return {
    message(device, boot, seq, at) {
      const key = `${device}/${boot}`;
      const session = sessions.get(key) ?? { seqs: [], at };
      if (session.seqs.includes(seq)) return true;
      session.seqs.push(seq);
      if (session.seqs.length > KEPT_SEQ) session.seqs.shift();
      session.at = at;
      // Re-inserted, so that the map's order is that of the last word.
      sessions.delete(key);
      sessions.set(key, session);
      return false;
    },
    messageChange(device, boot) {
      const key = `${device}/${boot}`;
      return { kind: 'seen', key, value: sessions.get(key) ?? null };
    },
    frame(device, number, at) {
      const numbers = frames.get(device) ?? {};
      frames.set(device, numbers);
      return number.kind === 'counter'
        ? !takeCounter(numbers, number.value)
        : !takeRecent(numbers, number.value, at);
    },
    frameChange: (device) => ({ kind: 'frame-numbers', key: device, value: frames.get(device) ?? null }),
    forget(at) {
      const gone: StateChange[] = [];
      for (const [key, session] of sessions) {
        if (sessions.size <= MAX_SESSIONS && at - session.at <= SESSION_FORGOTTEN_AFTER) break;
        sessions.delete(key);
        gone.push({ kind: 'seen', key, value: null });
      }
      return gone;
    },
  };
}

/** A replayed frame never counts: below the window refused, inside it taken once. */
function takeCounter(numbers: Numbers, value: number): boolean {
  const taken = numbers.counters ?? [];
  const highest = taken.length > 0 ? Math.max(...taken) : -1;
  if (value <= highest - COUNTER_WINDOW || taken.includes(value)) return false;
  const newHighest = Math.max(highest, value);
  numbers.counters = [...taken.filter((counter) => counter > newHighest - COUNTER_WINDOW), value];
  return true;
}

function takeRecent(numbers: Numbers, value: number | string, at: number): boolean {
  const recent = (numbers.recent ?? []).filter((heard) => Math.abs(at - heard.at) < REPEATED_FOR);
  const isRepeat = recent.some((heard) => heard.value === value);
  numbers.recent = isRepeat ? recent : [...recent, { value, at }].slice(-KEPT_SEQ);
  return !isRepeat;
}
