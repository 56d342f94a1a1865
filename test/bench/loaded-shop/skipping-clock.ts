import type { Timers } from '../../../gateway/timers.ts';

/** Time that passes as it does, and faster where it is told to: a day in minutes. */
export interface SkippingClock {
  timers: Timers;
  /** ms since the epoch. */
  wall(): number;
  /** So much time passes at once: whatever is due meanwhile is called. */
  skip(ms: number): void;
}

export function skippingClock(startsAt: number): SkippingClock {
  const realStart = performance.now();
  let skipped = 0;
  const passed = () => performance.now() - realStart + skipped;
  const waiting = new Set<{ due: number; call: () => void }>();
  return {
    wall: () => Math.floor(startsAt + passed()),
    skip(ms) {
      skipped += ms;
      const now = passed();
      for (const one of [...waiting].sort((a, b) => a.due - b.due)) if (one.due <= now) one.call();
    },
    timers: {
      monotonic: passed,
      after(ms, work) {
        const callOff = () => {
          clearTimeout(timer);
          waiting.delete(one);
        };
        const call = () => {
          callOff();
          work();
        };
        const one = { due: passed() + ms, call };
        waiting.add(one);
        const timer = setTimeout(call, ms);
        return callOff;
      },
    },
  };
}
