/** Monotonic time and waiting, as arguments: a shop-year is simulated with other ones than the system's. */
export interface Timers {
  /** ms since some moment; never goes back, whatever becomes of the wall clock (P13). */
  monotonic(): number;
  /** Calls back once, after `ms`; what comes back calls it off. */
  after(ms: number, work: () => void): () => void;
}

export const systemTimers: Timers = {
  monotonic: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};
