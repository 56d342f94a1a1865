import type { Anchor, StoreMap, Zone } from '../../store-map.ts';

/** The side of a cell, metres: finer than signal strength can tell. Large shops get larger cells. */
const CELL = 1.5;
const MAX_CELLS = 1_500;
/** A tag in a pocket or a bag hangs about so high, metres. */
const TAG_HEIGHT = 1.2;
/** Nearer than this, antennas and shelves decide and not the distance, metres. */
const NEAR_FIELD = 1;
/** Outside all zones, but so near to one, somebody counts as being in it, metres. */
const ZONE_MARGIN = 3;
/** A cell is divided among zones by so many points a side. */
const POINTS = 3;
/** Where only an anchor's zone is known it may hang anywhere in it: so many places a side are tried. */
const PLACES = 6;

/** How far each cell is from one anchor. */
export interface Reach {
  anchor: Anchor;
  /** 10·log10 of the metres to each cell: dB of path loss for a path-loss exponent of 1. */
  loss: Float64Array;
  /** The variance of `loss` that comes from not knowing where the anchor hangs; 0 where it was surveyed. */
  vagueness: number;
}

/** The shop's floor in cells, with what is needed to weigh them. Lengths in metres. */
export interface FloorGrid {
  columns: number;
  rows: number;
  cellWidth: number;
  cellHeight: number;
  /** Centres of the cells, row by row. */
  x: Float64Array;
  y: Float64Array;
  reaches: readonly Reach[];
  /** What lies in cells: `share` of `cell` belongs to `zones[zone]`; `zones.length` is outside them all. */
  pieces: readonly { cell: number; zone: number; share: number }[];
  zones: readonly string[];
}

/** Divides the floor into cells; nothing for a map without anchors. */
export function floorGrid(map: StoreMap): FloorGrid | undefined {
  const anchors = [...map.anchors.values()];
  if (anchors.length === 0) return undefined;
  const corners = [...map.zones.values()].flatMap(({ polygon }) => polygon);
  const [left, width] = extent([...corners.map(([x]) => x), ...anchors.map(({ x }) => x)]);
  const [bottom, height] = extent([...corners.map(([, y]) => y), ...anchors.map(({ y }) => y)]);
  const side = Math.max(CELL, Math.sqrt((width * height) / MAX_CELLS));
  const columns = Math.ceil(width / side);
  const rows = Math.ceil(height / side);
  const cellWidth = width / columns;
  const cellHeight = height / rows;
  const x = Float64Array.from({ length: columns * rows }, (_, i) => left + ((i % columns) + 0.5) * cellWidth);
  const y = Float64Array.from(
    { length: columns * rows },
    (_, i) => bottom + (Math.floor(i / columns) + 0.5) * cellHeight,
  );
  const grid = { columns, rows, cellWidth, cellHeight, x, y, zones: [...map.zones.keys()] };
  return {
    ...grid,
    reaches: anchors.map((anchor) => reachOf(anchor, map, x, y)),
    pieces: piecesOf(grid, map),
  };
}

/** Where the numbers begin and how far they go; at least a cell. */
function extent(of: number[]): [from: number, length: number] {
  const from = of.reduce((a, b) => Math.min(a, b));
  const to = of.reduce((a, b) => Math.max(a, b));
  return to - from >= CELL ? [from, to - from] : [(from + to - CELL) / 2, CELL];
}

function reachOf(anchor: Anchor, map: StoreMap, x: Float64Array, y: Float64Array): Reach {
  const places = placesOf(anchor, map);
  const loss = new Float64Array(x.length);
  let spread = 0;
  for (let cell = 0; cell < x.length; cell += 1) {
    let sum = 0;
    let squares = 0;
    for (const [px, py] of places) {
      const metres = Math.hypot(px - (x[cell] ?? 0), py - (y[cell] ?? 0), anchor.z - TAG_HEIGHT);
      const one = 10 * Math.log10(Math.max(metres, NEAR_FIELD));
      sum += one;
      squares += one * one;
    }
    const mean = sum / places.length;
    loss[cell] = mean;
    spread += squares / places.length - mean * mean;
  }
  return { anchor, loss, vagueness: places.length === 1 ? 0 : spread / x.length };
}

/** Where the anchor may hang: where it was surveyed, or else all over its zone. */
function placesOf(anchor: Anchor, map: StoreMap): [number, number][] {
  const zone = anchor.zone === undefined ? undefined : map.zones.get(anchor.zone);
  if (!zone || !isPlacedByZone(anchor, zone)) return [[anchor.x, anchor.y]];
  const [left, width] = extent(zone.polygon.map(([x]) => x));
  const [bottom, height] = extent(zone.polygon.map(([, y]) => y));
  const places: [number, number][] = [];
  for (let i = 0; i < PLACES * PLACES; i += 1) {
    const x = left + (((i % PLACES) + 0.5) / PLACES) * width;
    const y = bottom + ((Math.floor(i / PLACES) + 0.5) / PLACES) * height;
    if (map.zoneAt(x, y) === zone.id) places.push([x, y]);
  }
  return places.length > 0 ? places : [[anchor.x, anchor.y]];
}

/** The map puts an anchor without a position into the centre of its zone, 1 m high. */
function isPlacedByZone({ x, y, z }: Anchor, { centre }: Zone): boolean {
  return x === centre[0] && y === centre[1] && z === 1;
}

function piecesOf(grid: Omit<FloorGrid, 'reaches' | 'pieces'>, map: StoreMap): FloorGrid['pieces'] {
  const { x, y, cellWidth, cellHeight, zones } = grid;
  const pieces: FloorGrid['pieces'][number][] = [];
  for (let cell = 0; cell < x.length; cell += 1) {
    const points = new Map<number, number>();
    for (let i = 0; i < POINTS * POINTS; i += 1) {
      const px = (x[cell] ?? 0) + (((i % POINTS) + 0.5) / POINTS - 0.5) * cellWidth;
      const py = (y[cell] ?? 0) + ((Math.floor(i / POINTS) + 0.5) / POINTS - 0.5) * cellHeight;
      const zone = map.zoneAt(px, py) ?? nearestZone(map, px, py);
      const index = zone === undefined ? zones.length : zones.indexOf(zone);
      points.set(index, (points.get(index) ?? 0) + 1);
    }
    for (const [zone, count] of points) pieces.push({ cell, zone, share: count / (POINTS * POINTS) });
  }
  return pieces;
}

function nearestZone(map: StoreMap, x: number, y: number): string | undefined {
  let nearest: string | undefined;
  let least = ZONE_MARGIN;
  for (const { id, polygon } of map.zones.values()) {
    for (const [i, to] of polygon.entries()) {
      const from = polygon.at(i - 1) ?? to;
      const metres = distanceToEdge(x, y, from, to);
      if (metres >= least) continue;
      least = metres;
      nearest = id;
    }
  }
  return nearest;
}

function distanceToEdge(x: number, y: number, from: [number, number], to: [number, number]): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((x - from[0]) * dx + (y - from[1]) * dy) / length;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - from[0] - t * dx, y - from[1] - t * dy);
}
