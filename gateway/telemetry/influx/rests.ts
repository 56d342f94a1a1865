export type RestBounds = readonly [first: number, longest: number];

/** How long to leave InfluxDB alone after a failure, ms: doubled each time, up to the longest. */
export interface Rests {
  next(): number;
  /** It is back: the next rest is the first again. */
  over(): void;
}

export function growingRests([first, longest]: RestBounds, random: () => number): Rests {
  let rest = first;
  return {
    /** Half of the rest at least, and not all shops at once. */
    next() {
      const next = rest * (0.5 + random() / 2);
      rest = Math.min(2 * rest, longest);
      return next;
    },
    over() {
      rest = first;
    },
  };
}
