/* What was measured, made ready to be drawn. */

/** Values that come rarer than every step leave holes which are none: so many of their usual distances are a gap. */
const PATIENCE = 2.6;

/**
 * uPlot breaks a line at `null` and goes on over `undefined`: a hole that is as long as this series usually
 * leaves becomes `undefined`, a longer one stays a gap.
 */
export function withGaps(values) {
  const places = placesOf(values);
  const most = Math.max(2, usualDistance(values) * PATIENCE);
  const drawn = [...values];
  for (const [i, place] of places.slice(1).entries()) {
    const before = places[i];
    if (place - before > 1 && place - before <= most) drawn.fill(undefined, before + 1, place);
  }
  return drawn;
}

const placesOf = (values) => values.flatMap((value, i) => (value === null ? [] : [i]));

/** How many steps two values are apart, the median. */
function usualDistance(values) {
  const places = placesOf(values);
  const distances = places.slice(1).map((place, i) => place - places[i]);
  return distances.toSorted((a, b) => a - b)[Math.floor(distances.length / 2)] ?? 1;
}

/**
 * What was set or counted holds until it is told anew, as long as the gateway was there to hear it.
 * `isThere[i]` is false where it was not; `before` is the last value that was told before the range.
 */
export function held(values, isThere, before = null) {
  let last = before;
  return values.map((value, i) => {
    if (value !== null) last = value;
    return isThere[i] ? last : value;
  });
}

/** What counts for a while, drawn so: each value until the next one, or for as long as they are usually apart. */
export function carried(values) {
  const usual = usualDistance(values);
  let last = null;
  let since = 0;
  return values.map((value, i) => {
    if (typeof value === 'number') {
      last = value;
      since = i;
    }
    return last !== null && i - since <= usual ? last : null;
  });
}

/** The last value and when its step ended, ms; nothing where there is none. */
export function lastOf(points, stepS) {
  for (let i = points.length - 1; i >= 0; i -= 1) {
    const [at, value] = points[i];
    if (value !== null) return { value, at: at + stepS * 1000 };
  }
}

export function lowestAndHighest(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length === 0) return undefined;
  return { lowest: Math.min(...known), highest: Math.max(...known) };
}
