/** A day's key is taken two hours before and after its day: phones' clocks and time zones differ, ms. */
const DAY_SKEW = 2 * 3_600_000;
const DAY = 86_400_000;

/** When a key is good: from `from`, no longer at `until`; ms since the epoch. */
export interface Validity {
  from: number;
  until: number;
}

/** Of a key for a day (`YYYY-MM-DD`, UTC); always without one, never where there is no such day (R14). */
export function validityOf(day: string | undefined): Validity {
  if (day === undefined) return { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };
  const start = Date.parse(`${day}T00:00:00Z`);
  return { from: start - DAY_SKEW, until: start + DAY + DAY_SKEW };
}

export function isGood({ from, until }: Validity, at: number): boolean {
  return from <= at && at < until;
}
