/* Times as the shop's clocks show them, wherever this page is looked at. */

const formats = new Map();

function formatter(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options }));
  }
  return formats.get(key);
}

const TIME = { hour: '2-digit', minute: '2-digit' };
const DAY = { weekday: 'short', day: 'numeric' };
const DATE = { day: 'numeric', month: 'short' };

export const timeOf = (ms, zone) => formatter(zone, TIME).format(ms);
export const dayOf = (ms, zone) => formatter(zone, DAY).format(ms).replace(',', '');
export const dateOf = (ms, zone) => formatter(zone, DATE).format(ms);

/** Of today the time alone, of another day that day too. */
export function momentOf(ms, now, zone) {
  const isToday = dateOf(ms, zone) === dateOf(now, zone);
  return isToday ? timeOf(ms, zone) : `${dayOf(ms, zone)} ${timeOf(ms, zone)}`;
}

/** `now`, `40 s ago`, `5 min ago`, `3 h ago`, `2 days ago`. */
export function ageOf(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 30) return 'now';
  if (s < 90) return `${s} s ago`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min ago`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86_400)} days ago`;
}

/** What the shop's clocks are ahead of UTC then, s. */
function offsetS(s, zone) {
  const parts = formatter(zone, {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(s * 1000);
  const of = (type) => Number(parts.find((part) => part.type === type)?.value);
  const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return Math.round(local / 1000 - s);
}

const MINUTE = 60;
const HOUR = 3600;
const DAY_S = 86_400;
const SPANS = [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE);
SPANS.push(...[1, 2, 3, 6, 12].map((n) => n * HOUR), ...[1, 2, 7, 14].map((n) => n * DAY_S));

/** The shortest span between two labels that leaves each so many pixels. */
export function spanFor(rangeS, width, room) {
  return SPANS.find((span) => (span / rangeS) * width >= room) ?? SPANS[SPANS.length - 1];
}

/** Where labels stand, s: whole hours and midnights of the shop, over a change of its clocks too. */
export function splitsOf(from, to, span, zone) {
  const splits = [];
  const ahead = offsetS(from, zone);
  for (let local = Math.ceil((from + ahead) / span) * span; ; local += span) {
    const at = local - offsetS(local - ahead, zone);
    if (at > to) return splits;
    if (at >= from) splits.push(at);
  }
}

/** Under a midnight stands its day. */
export function labelOf(s, span, zone) {
  if (span >= 7 * DAY_S) return dateOf(s * 1000, zone);
  if (span >= DAY_S) return dayOf(s * 1000, zone);
  const time = timeOf(s * 1000, zone);
  return time === '00:00' ? `${time}\n${dayOf(s * 1000, zone)}` : time;
}
