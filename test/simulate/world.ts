import { createHash } from 'node:crypto';
import { type Draws, draws } from './draws.ts';
import { type VirtualTime, virtualTime } from './virtual-time.ts';

/** 2026-03-02, a Monday, midnight UTC: where every simulation begins, ms. */
const BEGINNING = Date.UTC(2026, 2, 2);
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** What all parts of one simulation share: its time, its accidents, and what is said of it. */
export interface World {
  time: VirtualTime;
  draws(name: string): Draws;
  /** The true time of day, ms since the epoch; the box's own clock may be wrong. */
  trueTime(): number;
  /** For who reads along; nothing is worked out where nobody does. */
  trace(tell: () => string): void;
  /** Something left the box: the same seed has to say the same again. */
  left(what: string): void;
  /** An invariant does not hold. */
  broken(what: string): void;
  problems(): readonly string[];
  digest(): string;
}

/** More of the same says nothing new. */
const MAX_PROBLEMS = 20;

export function world(seed: number, say?: (line: string) => void): World {
  const time = virtualTime();
  const problems: string[] = [];
  const hash = createHash('sha256');
  const trueTime = () => BEGINNING + time.now();
  const stamp = () => new Date(trueTime()).toISOString().replace('T', ' ').slice(0, 23);
  const trace = (tell: () => string) => say?.(`${stamp()}  ${tell()}`);
  return {
    time,
    draws: (name) => draws(seed, name),
    trueTime,
    trace,
    left(what) {
      hash.update(`${time.now()} ${what}\n`);
    },
    broken(what) {
      trace(() => `BROKEN: ${what}`);
      if (problems.length < MAX_PROBLEMS && !problems.includes(what)) problems.push(what);
    },
    problems: () => problems,
    digest: () => hash.copy().digest('hex'),
  };
}
