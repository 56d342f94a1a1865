import type { WaitingEvent } from '../outbox/outbox.ts';
import type { Timers } from '../timers.ts';
import { type Attempt, NOTHING, type Sending } from './sending.ts';
import type { Settlement } from './settlement.ts';
import { backOff, createRest } from './waits.ts';

/** Events that are set apart at most, of one uplink: where more fail it is not the events' doing. */
const MOST = 10;
/** The longest wait between two tries of one, ms. */
const LONGEST = 600_000;
/** It has failed so often before it came here. */
const FAILED_BEFORE = 3;

/**
 * Events that the other side keeps failing on while it takes others (P9). Each is tried again for ever, with
 * waits of its own; it was never refused, so it is never set aside as a dead letter. To the outbox they are on
 * their way. Later events of the same device overtake them. In memory: after a start they are found again.
 */
export interface Apart {
  hasRoom(): boolean;
  add(event: WaitingEvent): void;
  count(): number;
  /** What is purged goes without being tried again. */
  letGo(positions: ReadonlySet<number>): void;
  ended: Promise<void>;
}

export interface ApartParts {
  sending: Sending;
  settlement: Settlement;
  timers: Timers;
  random: () => number;
  signal: AbortSignal;
  /** Resolves when the other side may be spoken to. */
  quiet: () => Promise<void>;
  /** One of them was settled. */
  settled: () => void;
}

interface One {
  event: WaitingEvent;
  failures: number;
  /** By the monotonic clock, ms. */
  due: number;
  isPurged: boolean;
}

const UNSENT: Attempt = { result: NOTHING };

export function createApart(parts: ApartParts): Apart {
  const { sending, settlement, timers, random, signal } = parts;
  const rest = createRest(timers, signal);
  const all = new Set<One>();

  const nextTry = (failures: number) => timers.monotonic() + backOff(failures, random, LONGEST);

  function next(): One | undefined {
    return [...all].reduce<One | undefined>((first, one) => {
      if (one.isPurged) return one;
      return first && first.due <= one.due ? first : one;
    }, undefined);
  }

  async function attempt(one: One): Promise<void> {
    await parts.quiet();
    const { result, error } = one.isPurged ? UNSENT : await sending.send([one.event]);
    if (error && !one.isPurged) {
      one.failures += 1;
      one.due = nextTry(one.failures);
      return;
    }
    all.delete(one);
    if (await settlement.settle([one.event], result)) parts.settled();
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const one = next();
      if (!one) await rest.sleep();
      else if (one.isPurged || one.due <= timers.monotonic()) await attempt(one);
      else await rest.sleep(one.due - timers.monotonic());
    }
  }

  return {
    hasRoom: () => all.size < MOST,
    add(event) {
      all.add({ event, failures: FAILED_BEFORE, due: nextTry(FAILED_BEFORE), isPurged: false });
      rest.wake();
    },
    count: () => all.size,
    letGo(positions) {
      for (const one of all) if (positions.has(one.event.position)) one.isPurged = true;
      rest.wake();
    },
    // The first look waits for the turn's end: then everything is there that it needs.
    ended: Promise.resolve().then(run),
  };
}
