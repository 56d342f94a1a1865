const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** What can be shown, and in which steps: some 60 to 400 of them. Seconds. */
export const RANGES = [
  { id: '10min', name: '10 minutes', lengthS: 10 * MINUTE, stepS: 10 },
  { id: 'hour', name: 'hour', lengthS: HOUR, stepS: 30 },
  { id: 'day', name: 'day', lengthS: DAY, stepS: 5 * MINUTE },
  { id: 'week', name: 'week', lengthS: 7 * DAY, stepS: 30 * MINUTE },
  { id: 'month', name: 'month', lengthS: 31 * DAY, stepS: 2 * HOUR },
];

/** What happens is counted over at least so long, s: less says little. */
const SUMS_S = 30;
/** Windows close and are handed on after so long, ms. */
const LATE = 15_000;

/** The whole steps of a range that end now; of sums only those that are complete. */
export function stepsOf(range, now, { sums = false } = {}) {
  const stepS = sums ? Math.max(range.stepS, SUMS_S) : range.stepS;
  const stepMs = stepS * 1000;
  const to = sums ? Math.floor((now - LATE) / stepMs) * stepMs : Math.ceil(now / stepMs) * stepMs;
  return { from: to - Math.ceil(range.lengthS / stepS) * stepMs, to, stepS };
}
