import type { Socket } from 'node:net';

/** What one device may send for good: far above a receiver's several messages of 100 frames a second. */
const MESSAGES_PER_SECOND = 1_000;
const OCTETS_PER_SECOND = 8 * 1024 * 1024;
/** And so much at a time, after a while in which it sent less: what it kept while it was offline. */
const BURST_MESSAGES = 2_000;
const BURST_OCTETS = 16 * 1024 * 1024;

/** One device's share, over all of its connections: a token bucket of messages and one of octets (P11). */
export interface Share {
  /** Takes a message out; how long the device is to be left alone then, ms. */
  take(octets: number): number;
}

/** `monotonic` in ms. */
export function createShare(monotonic: () => number): Share {
  const messages = bucket(MESSAGES_PER_SECOND, BURST_MESSAGES, monotonic);
  const octets = bucket(OCTETS_PER_SECOND, BURST_OCTETS, monotonic);
  return { take: (size) => Math.max(messages(1), octets(size)) };
}

/** What is taken beyond what is there is owed: ms until the debt is paid. */
function bucket(perSecond: number, burst: number, monotonic: () => number): (amount: number) => number {
  let level = burst;
  let at = monotonic();
  return (amount) => {
    const now = monotonic();
    level = Math.min(burst, level + ((now - at) * perSecond) / 1_000) - amount;
    at = now;
    return level >= 0 ? 0 : (-level * 1_000) / perSecond;
  };
}

/**
 * Leaves a socket unread, whoever asks for more of it meanwhile: what its sender has to say waits in the
 * network, and then in the sender. Nothing is refused, and nothing is held here.
 */
export interface Brake {
  /** From now on, for so long; the longer of two counts. True where it was not held already. */
  hold(ms: number): boolean;
  /** Until `go`. */
  stop(): void;
  go(): void;
}

export function brakeOf(socket: Socket): Brake {
  const resume = socket.resume.bind(socket);
  let until = 0;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isWanted = false;
  const isHeld = () => timer !== undefined || isStopped;

  // Who reads the socket resumes it when there is room for more: that is put off.
  socket.resume = () => {
    isWanted = true;
    return isHeld() ? socket : resume();
  };

  function pause(): void {
    if (!isHeld()) isWanted = !socket.isPaused();
    socket.pause();
  }

  function goOn(): void {
    if (!isHeld() && isWanted) resume();
  }

  function release(): void {
    const left = until - performance.now();
    timer = left > 0 ? setTimeout(release, left) : undefined;
    goOn();
  }
  socket.on('close', () => clearTimeout(timer));

  return {
    hold(ms) {
      until = Math.max(until, performance.now() + ms);
      if (timer) return false;
      pause();
      timer = setTimeout(release, ms);
      return true;
    },
    stop() {
      pause();
      isStopped = true;
    },
    go() {
      if (!isStopped) return;
      isStopped = false;
      goOn();
    },
  };
}
