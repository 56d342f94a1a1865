import { isDiskRefusing } from '../database.ts';
import type { Outbox, WaitingEvent } from '../outbox/outbox.ts';
import type { Timers } from '../timers.ts';
import type { Result } from './sending.ts';
import { createRest } from './waits.ts';

/** While the disk refuses, the outbox is asked again after so long, ms. */
export const DISK_RETRY = 250;

/** Brings answers to disk. */
export interface Settlement {
  /**
   * The same answer until the disk takes it: what was taken is not sent again. False where it was not
   * kept, since the gateway ends.
   */
  settle(events: readonly WaitingEvent[], result: Result): Promise<boolean>;
}

export interface SettlementParts {
  name: string;
  outbox: Outbox;
  now: () => number;
  timers: Timers;
  signal: AbortSignal;
  /** Events were declared, which nobody else tells the lanes of. */
  declared: () => void;
  /** These are on their way no more. */
  settled: (events: readonly WaitingEvent[]) => void;
}

export function createSettlement(parts: SettlementParts): Settlement {
  const { name, outbox, now, signal, timers, declared, settled } = parts;

  function tryOnce(events: readonly WaitingEvent[], result: Result): boolean {
    try {
      outbox.settle(name, events, result, now());
      return true;
    } catch (error) {
      if (!isDiskRefusing(error)) throw error;
      return false;
    }
  }

  return {
    async settle(events, result) {
      const before = outbox.next();
      while (!tryOnce(events, result)) {
        if (signal.aborted) return false;
        await createRest(timers, signal).sleep(DISK_RETRY);
      }
      settled(events);
      if (outbox.next() > before) declared();
      return true;
    },
  };
}
