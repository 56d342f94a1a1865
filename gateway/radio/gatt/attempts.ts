import type { RadioLog } from '../radio-state.ts';

/** How the attempts to speak to a thermostat went, and when the next one is due. */
export interface GattAttempts {
  /** It said what it is set to. */
  read(): void;
  /** A link did what it was made for, or held for long: the next failure is the first again. */
  good(): void;
  failed(why: Error): void;
  /** From the end of the last link to the next attempt, ms; `undefined` where it did not fail. */
  retryMs(): number | undefined;
}

export interface GattAttemptsOptions {
  id: string;
  /** 0…1 */
  random(): number;
  log: RadioLog;
  /** Told at each change: it was read, or could not be several times in a row. */
  onReach(reached: boolean): void;
}

const RETRY_BASE_MS = 1_000;
const RETRY_CAP_MS = 300_000;
/** So many attempts in a row without a reading, and it cannot be reached. */
const UNREACHED_AFTER = 3;

/** Logs each new problem once. */
export function gattAttempts({ id, random, log, onReach }: GattAttemptsOptions): GattAttempts {
  let failures = 0;
  let unread = 0;
  let retryMs: number | undefined;
  let problem: string | undefined;
  let reached: boolean | undefined;

  function reach(now: boolean): void {
    if (now === reached) return;
    reached = now;
    onReach(now);
  }

  return {
    read() {
      if (problem !== undefined || reached === undefined) log.info(`${id} answers over GATT`);
      problem = undefined;
      unread = 0;
      reach(true);
    },
    good() {
      failures = 0;
      retryMs = undefined;
    },
    failed({ message }) {
      failures += 1;
      unread += 1;
      const longest = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** failures);
      retryMs = (longest * (1 + random())) / 2;
      if (message !== problem) log.warn(`${id}: ${message}`);
      problem = message;
      if (unread >= UNREACHED_AFTER) reach(false);
    },
    retryMs: () => retryMs,
  };
}
