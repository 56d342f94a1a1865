import { createHash } from 'node:crypto';
import type { FrameNumber } from '../../devices/device.ts';
import type { Emit } from './context/emit.ts';
import type { StoredState } from './outcome.ts';

/** Contract: the last 64 `seq` of (device, boot) are kept. */
const KEPT_SEQ = 64;
/** A session of a person's app that said nothing for so long is forgotten, ms. */
const SESSION_FORGOTTEN_AFTER = 24 * 3_600_000;
/**
 * Of any other device so many sessions are remembered, and none is forgotten by age: what was not acknowledged
 * comes again after a closed weekend too, and after a clock that was set (P2, P13).
 */
const KEPT_BOOTS = 4;
/** At most so many sessions, the longest silent go first: an app draws a new `boot` for each. */
const MAX_SESSIONS = 20_000;
/** One transmission is repeated, and heard by several receivers, for so long, ms. */
const REPEATED_FOR = 4_000;
/** Numbers of one device's frames that are remembered; a receiver may deliver one minutes late. */
const KEPT_FRAMES = 64;

/** How a message numbers itself. */
export interface MessageNumber {
  device: string;
  boot: string;
  seq: number;
}

interface Session {
  seqs: number[];
  at: number;
  /** True once it is on disk. */
  isStored: boolean;
}

interface Heard<Value> {
  value: Value;
  /** When the frame was heard, ms. */
  at: number;
}

interface FrameNumbers {
  /** Of encrypted frames, the lowest first. */
  counters: Heard<number>[];
  /** Of others, in the order of taking. */
  others: Heard<number | string>[];
}

/** Remembers what was already taken, so that a message or frame that comes again has no second effect. */
export interface Seen {
  hasMessage(number: MessageNumber): boolean;
  rememberMessage(number: MessageNumber, at: number): void;
  /** Puts the session on disk, with what its message caused. */
  keepMessage(number: MessageNumber, emit: Emit): void;
  /** False where this transmission of the device was taken before, or is a replay; otherwise remembers it. */
  takeFrame(device: string, number: FrameNumber, at: number): boolean;
  keepFrames(device: string, emit: Emit): void;
  /** Forgets silent sessions of people's apps, and sessions of devices that began others since. */
  forget(at: number, emit: Emit): void;
}

/**
 * `isShared` tells whether a device's sessions are people's: what an app calls its session is on disk as a
 * hash, since it may be a name.
 */
export function createSeen(stored: StoredState, isShared: (device: string) => boolean = () => false): Seen {
  /** Of people's apps, in the order of their last word. */
  const sessions = new Map<string, Session>();
  /** Of each other device, in the same order. */
  const boots = new Map<string, Map<string, Session>>();
  const crowded = new Set<string>();
  for (const [key, { seqs, at }] of storedSessions(stored)) {
    put(key.slice(0, key.indexOf('/')), key, { seqs, at, isStored: true });
  }
  const keyOf = ({ device, boot }: MessageNumber) =>
    `${device}/${isShared(device) ? createHash('sha256').update(boot).digest('base64url') : boot}`;

  function sessionOf(number: MessageNumber): Session | undefined {
    const { device } = number;
    return (isShared(device) ? sessions : boots.get(device))?.get(keyOf(number));
  }

  function put(device: string, key: string, session: Session): void {
    const among = isShared(device) ? sessions : (boots.get(device) ?? new Map<string, Session>());
    among.delete(key);
    among.set(key, session);
    if (among === sessions) return;
    boots.set(device, among);
    if (among.size > KEPT_BOOTS) crowded.add(device);
  }

  function forgetBoots(device: string, emit: Emit): void {
    const among = boots.get(device) ?? new Map<string, Session>();
    for (const [key, session] of among) {
      if (among.size <= KEPT_BOOTS) break;
      among.delete(key);
      if (session.isStored) emit.change('seen', key, null);
    }
  }

  const frames = new Map<string, FrameNumbers>();
  for (const [device, heard] of stored.get('frame-numbers')) frames.set(device, heard as FrameNumbers);

  return {
    hasMessage: (number) => sessionOf(number)?.seqs.includes(number.seq) ?? false,
    rememberMessage(number, at) {
      const session = sessionOf(number) ?? { seqs: [], at, isStored: false };
      session.seqs.push(number.seq);
      if (session.seqs.length > KEPT_SEQ) session.seqs.shift();
      session.at = at;
      put(number.device, keyOf(number), session);
    },
    keepMessage(number, emit) {
      const session = sessionOf(number);
      if (!session) return;
      session.isStored = true;
      emit.change('seen', keyOf(number), { seqs: session.seqs, at: session.at });
    },
    takeFrame(device, number, at) {
      const { counters, others } = frames.get(device) ?? { counters: [], others: [] };
      if (number.kind === 'counter') {
        if (isReplay(counters, number.value, at)) return false;
        const sorted = [...counters, { value: number.value, at }].sort((a, b) => a.value - b.value);
        frames.set(device, { counters: sorted.slice(-KEPT_FRAMES), others });
      } else {
        if (isRepeat(others, number.value, at)) return false;
        const taken = [...others, { value: number.value, at }];
        frames.set(device, { counters, others: taken.slice(-KEPT_FRAMES) });
      }
      return true;
    },
    keepFrames: (device, emit) => emit.change('frame-numbers', device, frames.get(device) ?? null),
    forget(at, emit) {
      for (const [key, session] of sessions) {
        if (sessions.size <= MAX_SESSIONS && at - session.at <= SESSION_FORGOTTEN_AFTER) break;
        sessions.delete(key);
        if (session.isStored) emit.change('seen', key, null);
      }
      for (const device of crowded) forgetBoots(device, emit);
      crowded.clear();
    },
  };
}

/**
 * A counter is taken once, and only where no frame heard before had a higher one: a recording that is
 * played back comes after the frames that followed it. A receiver's delayed frame was heard before them.
 */
function isReplay(counters: readonly Heard<number>[], counter: number, at: number): boolean {
  const lowest = counters[0];
  if (lowest && counters.length >= KEPT_FRAMES && counter < lowest.value) return true;
  return counters.some(({ value, at: heardAt }) => value === counter || (value > counter && heardAt <= at));
}

/** Numbers that come round again, or equal bytes, are one transmission for a while only. */
function isRepeat(others: readonly Heard<number | string>[], number: number | string, at: number): boolean {
  return others.some(({ value, at: heardAt }) => value === number && Math.abs(at - heardAt) < REPEATED_FOR);
}

function storedSessions(stored: StoredState): [string, Pick<Session, 'seqs' | 'at'>][] {
  const rows = [...stored.get('seen')] as [string, Pick<Session, 'seqs' | 'at'>][];
  return rows.sort(([, a], [, b]) => a.at - b.at);
}
