import type { Timers } from '../../timers.ts';

/** The calls under way on one link: each ends by its deadline, and all of them when the link is lost. */
export interface LinkCalls {
  /** Settles with `work`, or rejects after `ms`, or when the link is lost. */
  run<T>(what: string, ms: number, work: Promise<T>): Promise<T>;
  /** `over` resolves after `ms` or with `wake`, and rejects when the link is lost. */
  rest(ms: number): { wake(): void; over: Promise<void> };
  /** The link is lost: what is under way rejects with `why`, and so does what comes later. */
  lost(why: Error): void;
}

/**
 * Not by `Promise.race` with a promise of the loss: a link can hold for months, and each race would leave its
 * listeners behind on that promise.
 */
export function linkCalls(timers: Timers): LinkCalls {
  const underWay = new Set<{ cancel(): void; fail(why: Error): void }>();
  let lostBy: Error | undefined;

  /** Returns what takes the call out again. */
  function enter(ms: number, onDeadline: () => void, fail: (why: Error) => void): () => void {
    if (lostBy) {
      fail(lostBy);
      return () => {};
    }
    const leave = () => {
      call.cancel();
      underWay.delete(call);
    };
    const cancel = timers.after(ms, () => {
      leave();
      onDeadline();
    });
    const call = { cancel, fail };
    underWay.add(call);
    return leave;
  }

  return {
    run: (what, ms, work) =>
      new Promise((resolve, reject) => {
        const late = () => reject(new Error(`${what}: no answer within ${ms / 1000} s`));
        const leave = enter(ms, late, reject);
        work.then(resolve, reject).finally(leave);
      }),
    rest(ms) {
      let wake = () => {};
      const over = new Promise<void>((resolve, reject) => {
        const leave = enter(ms, resolve, reject);
        wake = () => {
          leave();
          resolve();
        };
      });
      return { wake, over };
    },
    lost(why) {
      lostBy ??= why;
      const failing = [...underWay];
      underWay.clear();
      for (const { cancel, fail } of failing) {
        cancel();
        fail(why);
      }
    },
  };
}
