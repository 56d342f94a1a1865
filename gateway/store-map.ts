import type { Config } from './config.ts';

export interface Zone {
  id: string;
  name: string;
  kind: string;
  polygon: [number, number][];
  /** Never gives a personal event (R25). */
  sensitive: boolean;
  /** False where the zone's own mode is `off`: not even counted. */
  counted: boolean;
  /** Centre of gravity, metres. */
  centre: [number, number];
}

/** Something whose place is known and that hears, or is heard by, shoppers. */
export interface Anchor {
  id: string;
  zone?: string;
  x: number;
  y: number;
  z: number;
  offsetDb: number;
}

export interface Slot {
  slot: number;
  sku: string;
  gtin?: string | undefined;
  unitGrams: number;
  capacity?: number | undefined;
}

/** The shop's floor, ready to be asked. Lengths in metres. */
export interface StoreMap {
  zones: ReadonlyMap<string, Zone>;
  /** Receivers and fixed beacons by id. */
  anchors: ReadonlyMap<string, Anchor>;
  /** Zones of devices that are no anchors: what they tell is somebody's zone, without a signal strength. */
  places: ReadonlyMap<string, string>;
  /** Fixed beacons by `uuid/major/minor`. */
  beacons: ReadonlyMap<string, Anchor>;
  /** Slots of a fixture by device. */
  fixtures: ReadonlyMap<string, { zone: string; slots: ReadonlyMap<number, Slot> }>;
  zoneAt(x: number, y: number): string | undefined;
}

export function beaconKey(beacon: { uuid: string; major: number; minor: number }): string {
  return `${beacon.uuid}/${beacon.major}/${beacon.minor}`;
}

/** Builds the map of a configuration whose references were checked; `devices` for the zones that they name. */
export function storeMap(map: Config['map'], devices: Config['devices'] = []): StoreMap {
  const zones = new Map<string, Zone>();
  for (const { id, name, kind, polygon, sensitive, mode } of map.zones) {
    // A zone whose own mode is not `identify` is treated like a sensitive one.
    const closed = sensitive || (mode !== undefined && mode !== 'identify');
    const privacy = { sensitive: closed, counted: mode !== 'off' };
    zones.set(id, { id, name: name ?? id, kind, polygon, ...privacy, centre: centroid(polygon) });
  }
  const zoneAt = (x: number, y: number) => {
    // Where zones overlap the sensitive one counts, in whatever order they are listed (R25).
    let found: Zone | undefined;
    for (const zone of zones.values()) {
      if (!contains(zone.polygon, x, y)) continue;
      if (zone.sensitive) return zone.id;
      found ??= zone;
    }
    return found?.id;
  };
  const anchor = (place: {
    id: string;
    position?: [number, number, number] | undefined;
    zone?: string | undefined;
    offsetDb?: number;
  }): Anchor => {
    const centre = place.zone === undefined ? undefined : zones.get(place.zone)?.centre;
    const [x, y, z] = place.position ?? [...(centre ?? [0, 0]), 1];
    const zone = place.zone ?? zoneAt(x as number, y as number);
    return {
      id: place.id,
      x: x as number,
      y: y as number,
      z: z as number,
      offsetDb: place.offsetDb ?? 0,
      ...(zone === undefined ? {} : { zone }),
    };
  };
  const anchors = new Map<string, Anchor>();
  for (const receiver of map.receivers) anchors.set(receiver.id, anchor(receiver));
  const beacons = new Map<string, Anchor>();
  for (const beacon of map.beacons) {
    const placed = anchor(beacon);
    anchors.set(beacon.id, placed);
    beacons.set(beaconKey(beacon), placed);
  }
  const places = new Map(
    devices.flatMap(({ id, zone }) => (zone === undefined || anchors.has(id) ? [] : [[id, zone] as const])),
  );
  const fixtures = new Map(
    map.fixtures.map(({ device, zone, slots }) => [
      device,
      { zone, slots: new Map(slots.map((slot) => [slot.slot, slot])) },
    ]),
  );
  return { zones, anchors, places, beacons, fixtures, zoneAt };
}

/** Even-odd rule; a point on the border belongs to one side. */
function contains(polygon: [number, number][], x: number, y: number): boolean {
  let inside = false;
  let previous = polygon.at(-1);
  for (const corner of polygon) {
    if (previous) {
      const [x1, y1] = previous;
      const [x2, y2] = corner;
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
    }
    previous = corner;
  }
  return inside;
}

/** The corners' mean: near enough to the centre for the convex zones of a shop. */
function centroid(polygon: [number, number][]): [number, number] {
  const sum = polygon.reduce<[number, number]>(([sx, sy], [x, y]) => [sx + x, sy + y], [0, 0]);
  return [sum[0] / polygon.length, sum[1] / polygon.length];
}
