import { stepsOf } from './ranges.js';
import { carried, held, lastOf, withGaps } from './series.js';
import { ask } from './server.js';

/* What a chart shows, asked together: the range, the latest, and what held before the range began. */

const HOUR = 3_600_000;
const RECENT = { lengthS: 900, stepS: 10 };
/** So far back a value that still holds is looked for. */
const WEEK = 7 * 24 * HOUR;
/** The gateway tells of itself every ten seconds: the last steps may not have come yet. */
const LATE_S = 60;

/** Answers of one round, each asked for once. `failed` gathers which source did not answer, and why. */
export function createRound(now) {
  const answers = new Map();
  const round = { now, source: undefined, failed: new Map(), series };
  return round;

  function series(of, { from, to, stepS }) {
    const query = { measurement: of.measurement, field: of.field, from, to, step: stepS };
    const key = Object.values(query).join();
    if (!answers.has(key)) answers.set(key, ask('/api/series', query).then(hear));
    return answers.get(key);
  }

  function hear({ source, lines, failed = [] }) {
    round.source = source;
    for (const one of failed) round.failed.set(one.source, one.reason);
    return lines;
  }
}

/** `{range, now, name, lines}` of a chart, for `chart.js`. */
export async function load(spec, { range, shop, round }) {
  const { now } = round;
  const steps = stepsOf(range, now, spec.of[0]);
  const isThere = spec.of.some((of) => of.held) ? await presence(round, steps) : [];
  const lines = await Promise.all(spec.of.map((of) => linesOf(of, { spec, steps, shop, round, isThere })));
  return { range: steps, now, name: range.name, lines: lines.flat().sort(byLabel) };
}

const byLabel = (a, b) => a.label.localeCompare(b.label, 'en-GB', { numeric: true });

/** In which steps the gateway ran. */
async function presence(round, steps) {
  const [line] = await round.series({ measurement: 'gateway', field: 'outbox_events' }, steps);
  const count = Math.round((steps.to - steps.from) / 1000 / steps.stepS);
  const late = Math.ceil(LATE_S / steps.stepS) + 1;
  const points = line?.points ?? [];
  return Array.from(
    { length: count },
    (_, i) => line !== undefined && (i >= count - late || points[i]?.[1] !== null),
  );
}

async function linesOf(of, { spec, steps, shop, round, isThere }) {
  const lately = stepsOf(RECENT, round.now, of);
  const [shown, recent, before] = await Promise.all([
    round.series(of, steps),
    round.series(of, lately),
    of.held ? beforeThat(of, steps, round) : [],
  ]);
  const all = new Map([...before, ...shown, ...recent].map(({ tags }) => [keyOf(tags), tags]));
  const none = shown[0]?.points.map(([at]) => [at, null]) ?? emptyOf(steps);
  return [...all].map(([key, tags]) => {
    const points = lineOf(shown, key)?.points ?? none;
    const earlier = lineOf(before, key)?.last;
    const latest =
      latestOf(of, lineOf(recent, key)?.points, lately.stepS) ?? latestOf(of, points, steps.stepS) ?? earlier;
    const values = points.map(([, value]) => value);
    const drawn = drawnOf(values, { of, spec, isThere, before: earlier?.value });
    return {
      label: of.name(shop, tags),
      tags,
      source: of,
      values: of.sums ? drawn.map((value) => byTheMinute(value, steps.stepS)) : drawn,
      latest: latest && { value: latest.value, at: Math.min(latest.at, round.now) },
    };
  });
}

/** The last value, of sums by the minute, and when. */
function latestOf({ sums }, points = [], stepS) {
  const last = lastOf(points, stepS);
  return last && { at: last.at, value: sums ? byTheMinute(last.value, stepS) : last.value };
}

function drawnOf(values, { of, spec, isThere, before }) {
  if (of.held) return held(values, isThere, before);
  return spec.stepped ? carried(values) : withGaps(values);
}

const byTheMinute = (value, stepS) => (typeof value === 'number' ? (value * 60) / stepS : value);
const keyOf = (tags) => JSON.stringify(tags);
const lineOf = (lines, key) => lines.find(({ tags }) => keyOf(tags) === key);

function emptyOf({ from, to, stepS }) {
  const count = Math.round((to - from) / 1000 / stepS);
  return Array.from({ length: count }, (_, i) => [from + i * stepS * 1000, null]);
}

/** The last value of each series before the range: by the hour for a week, then by its own steps. */
async function beforeThat(of, { from, stepS }, round) {
  const hour = Math.floor(from / HOUR) * HOUR;
  const far = await round.series(of, { from: hour - WEEK, to: hour, stepS: 3600 });
  const near =
    hour < from ? await round.series(of, { from: hour, to: from, stepS: Math.min(stepS, 300) }) : [];
  const lasts = new Map();
  for (const { tags, points } of far) lasts.set(keyOf(tags), { tags, last: lastOf(points, 3600) });
  for (const { tags, points } of near) {
    const last = lastOf(points, Math.min(stepS, 300));
    if (last) lasts.set(keyOf(tags), { tags, last });
  }
  return [...lasts.values()];
}
