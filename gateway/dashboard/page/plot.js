import { labelOf, spanFor, splitsOf } from './times.js';
import uPlot from './uPlot.esm.js';

/* A chart's drawing, by uPlot: a line for each series over the whole range, gaps where nothing was measured. */

const WHOLE = [1, 2, 5]
  .flatMap((n) => [0, 1, 2, 3, 4, 5, 6].map((tens) => n * 10 ** tens))
  .toSorted((a, b) => a - b);

export const COLOURS = 8;
/** Beyond the colours lines are told apart by their dashes. */
export const DASHES = [undefined, [2, 3], [9, 3, 2, 3]];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

/**
 * Draws `lines` (`{label, colour, dash, stepped, values}`) over `range` into `place`. `moved` hears which step
 * is pointed at, null where none is.
 */
export function plot(place, { spec, range, lines, zone, moved }) {
  const options = {
    ...sizeOf(place),
    padding: [10, 20, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      sync: { key: 'shop' },
      points: { size: 8 },
    },
    scales: {
      x: { time: true, range: () => [range.from / 1000, range.to / 1000] },
      y: { range: (_, lowest, highest) => spanOf(spec, lowest, highest) },
    },
    axes: [timeAxis(zone), valueAxis(spec)],
    series: [{}, ...lines.map((line) => seriesOf(spec, line))],
    hooks: { setCursor: [(u) => moved(u.cursor.idx ?? null)] },
  };
  const drawn = new uPlot(options, dataOf(range, lines), place);
  const resized = new ResizeObserver(() => drawn.setSize(sizeOf(place)));
  resized.observe(place);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const recolour = () => drawn.redraw(false, true);
  dark.addEventListener('change', recolour);

  return {
    /** New values of the same lines. */
    update(next) {
      Object.assign(range, next.range);
      drawn.setData(dataOf(range, next.lines));
    },
    /** Points at a step, or at none. */
    point(step) {
      const left = step === null ? -10 : drawn.valToPos(drawn.data[0][step], 'x');
      drawn.setCursor({ left, top: step === null ? -10 : 8 });
    },
    steps: () => drawn.data[0].length,
    destroy() {
      dark.removeEventListener('change', recolour);
      resized.disconnect();
      drawn.destroy();
    },
  };
}

function dataOf({ from, to, stepS }, lines) {
  const steps = Math.round((to - from) / 1000 / stepS);
  const times = Array.from({ length: steps }, (_, i) => from / 1000 + i * stepS);
  return [times, ...lines.map(({ values }) => values)];
}

function sizeOf(place) {
  return { width: Math.max(160, place.clientWidth), height: Math.max(120, place.clientHeight) };
}

function spanOf({ fromZero, least }, lowest, highest) {
  if (lowest === null) return [0, least];
  if (fromZero) return [0, Math.max(least, highest * 1.12)];
  const missing = Math.max(0, least - (highest - lowest)) / 2;
  const room = Math.max(least, highest - lowest) * 0.1;
  return [lowest - missing - room, highest + missing + room];
}

function timeAxis(zone) {
  const spanOfView = (u, from, to) => spanFor(to - from, u.bbox.width / devicePixelRatio, 4 * rem());
  return {
    ...lookOfAxis(),
    grid: { show: false },
    size: (_, labels) => (labels?.some((label) => label.includes('\n')) ? 2.6 : 1.6) * rem(),
    splits: (u, _, from, to) => splitsOf(from, to, spanOfView(u, from, to), zone),
    values: (u, splits) => splits.map((s) => labelOf(s, spanOfView(u, u.scales.x.min, u.scales.x.max), zone)),
  };
}

function valueAxis({ fromZero }) {
  const format = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1, notation: 'compact' });
  return {
    ...lookOfAxis(),
    size: 2.9 * rem(),
    space: 34,
    ...(fromZero && { incrs: WHOLE }),
    values: (_, splits) => splits.map((value) => format.format(value)),
  };
}

function lookOfAxis() {
  return {
    font: `${0.75 * rem()}px ui-sans-serif, system-ui, sans-serif`,
    stroke: () => colour('soft'),
    grid: { stroke: () => colour('rule'), width: 1 },
    ticks: { stroke: () => colour('rule'), width: 1, size: 5 },
  };
}

function seriesOf({ fill }, { label, colour: n, dash, stepped }) {
  return {
    label,
    stroke: () => colour(`line-${n}`),
    width: 1.75,
    ...(dash && { dash }),
    ...(stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
    ...(fill && { fill: () => colour(`fill-${n}`) }),
    points: { show: true, size: 5, width: 0, fill: () => colour(`line-${n}`), filter: alone },
  };
}

/** A value with nothing on either side has no line to be seen by. */
function alone(u, series) {
  const values = u.data[series];
  const isIsland = (_, i) => isNone(values, i, -1) && isNone(values, i, 1);
  return values.flatMap((value, i) => (typeof value === 'number' && isIsland(value, i) ? [i] : []));
}

/** Whether a gap, or the end, comes before the next value in that direction. */
function isNone(values, from, direction) {
  for (let i = from + direction; i >= 0 && i < values.length; i += direction) {
    if (values[i] === null) return true;
    if (values[i] !== undefined) return false;
  }
  return true;
}
