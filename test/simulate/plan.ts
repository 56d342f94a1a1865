import type { Draws } from './draws.ts';
import { DAY, HOUR, MINUTE } from './world.ts';

export const SPANS = ['day', 'week', 'year'] as const;
export type Span = (typeof SPANS)[number];

/** What one seed is about. Times are ms since the beginning. */
export interface Plan {
  span: Span;
  days: number;
  /** While the shop does something. */
  bursts: { from: number; until: number }[];
  /** The plug is pulled at night, and over Sunday. */
  isUnplugged: boolean;
  uplinks: readonly string[];
  clock: 'trusted' | 'uplink';
  personalHours: number;
  /** MiB; small ones fill up while a profile store is away. */
  quotaMiB: number;
  healthEvery: number;
  /** How often each fault comes, in all. */
  crashes: number;
  traps: number;
  refusals: number;
  clockJumps: number;
  moods: number;
  restarts: number;
  reboots: number;
  /** Share of messages that break their connection. */
  breaks: number;
  latencyMs: number;
  /** Share of the platform's messages that come again or too early. */
  shuffled: number;
  /** Share of the events that a profile store never takes. */
  poison: number;
  /** Of dead letters the oldest go: with them what a refused `gateway.gap` declared. */
  poisonsGaps: boolean;
  /** Share of those that it falls over, until it is mended. */
  stones: number;
}

export const OPENS = 9 * HOUR;
export const CLOSES = 19 * HOUR;

const DAYS: Record<Span, number> = { day: 1, week: 7, year: 365 };
/** Bursts of a day. */
const BURSTS: Record<Span, readonly [number, number]> = { day: [2, 4], week: [0, 2], year: [0, 1] };

/** Mostly days, some weeks, now and then a year; or `span` where it is given. */
export function plan(random: Draws, span: Span = spanOf(random.next())): Plan {
  const days = DAYS[span];
  const often = { day: 1, week: 2, year: 12 }[span];
  const some = (most: number, share = 0.6) => (random.chance(share) ? random.whole(1, most * often) : 0);
  const isSmall = random.chance(0.2);
  return {
    span,
    days,
    bursts: Array.from({ length: days }, (_, day) => burstsOf(random, day, BURSTS[span])).flat(),
    isUnplugged: days > 1 && random.chance(0.5),
    uplinks: random.chance(0.4) ? ['north', 'south'] : ['north'],
    clock: random.chance(0.5) ? 'trusted' : 'uplink',
    personalHours: random.pick([72, 72, 2]),
    quotaMiB: isSmall ? random.pick([0.3, 0.4, 0.5]) : 4096,
    healthEvery: { day: 3 * HOUR, week: 6 * HOUR, year: 12 * HOUR }[span],
    crashes: some(4),
    traps: some(4),
    refusals: some(2, 0.4),
    clockJumps: some(2, 0.3),
    moods: some(4, 0.8),
    restarts: some(1, 0.3),
    reboots: some(3),
    breaks: random.pick([0, 0.01, 0.1]),
    latencyMs: random.pick([5, 20, 500, 3_000]),
    shuffled: random.pick([0, 0.2]),
    poison: random.pick([0, 0, 0.05]),
    poisonsGaps: !isSmall,
    stones: random.pick([0, 0, 0, 0.02]),
  };
}

function spanOf(x: number): Span {
  if (x < 0.95) return 'day';
  return x < 0.998 ? 'week' : 'year';
}

/** The first day is a Monday. */
export function isSunday(day: number): boolean {
  return day % 7 === 6;
}

function burstsOf(random: Draws, day: number, [fewest, most]: readonly [number, number]) {
  if (isSunday(day)) return [];
  return Array.from({ length: random.whole(fewest, most) }, () => {
    const from = day * DAY + random.between(OPENS, CLOSES - 20 * MINUTE);
    return { from, until: from + random.between(1, 12) * MINUTE };
  });
}

/** A moment at which something is going on. */
export function momentOf(random: Draws, { bursts, days }: Plan): number {
  if (bursts.length === 0) return random.between(0, days * DAY);
  const { from, until } = random.pick(bursts);
  return random.between(from - MINUTE, until + MINUTE);
}
