import pino from 'pino';
import type { Config } from '../config.ts';
import type { Outcome } from '../pipeline/outcome.ts';
import type { Signal } from '../pipeline/signal.ts';
import { openRoad, type Road } from '../road.ts';

/** The gateway's road from a signal to the disk, for a command that works while no gateway runs. */
export interface LocalRoad extends Road {
  /** Enters a signal; resolves once what it changed is on disk. */
  take(signal: Signal): Promise<Outcome>;
}

/**
 * Opens the road, works on it and gives it back.
 * @throws with a sentence where a gateway started meanwhile, or the data folder cannot be used.
 */
export async function onLocalRoad<T>(config: Config, work: (road: LocalRoad) => Promise<T>): Promise<T> {
  const closers: (() => unknown)[] = [];
  try {
    const road = openRoad(config, { log: pino({ level: 'silent' }) }, closers);
    const take = (signal: Signal) =>
      new Promise<Outcome>((resolve, reject) => road.enter(signal, resolve, reject));
    return await work({ ...road, take });
  } finally {
    for (const closer of closers.reverse()) await closer();
  }
}

/** Lets time pass up to now, as the gateway's first tick does: an unsure clock permits nothing. */
export async function tickNow({ take, now, trust }: LocalRoad): Promise<void> {
  await take({ kind: 'tick', at: now(), synchronised: trust.synchronised() });
}
