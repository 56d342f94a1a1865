import { describe, expect, it } from 'vitest';
import { configSchema, parseConfig } from '../../gateway/config.ts';
import { beaconKey, storeMap } from '../../gateway/store-map.ts';

const UUID = 'f7826da6-4fa2-4e98-8024-bc5b71e0893e';

const config = parseConfig(
  `
store: {id: s1, gateway: g1, timezone: Europe/Paris}
mode: identify
map:
  zones:
    - {id: west, polygon: [[0, 0], [10, 0], [10, 8], [0, 8]]}
    - {id: east, polygon: [[10, 0], [20, 0], [20, 8], [10, 8]], sensitive: true}
    - {id: counted, polygon: [[0, 8], [20, 8], [20, 10], [0, 10]], mode: anonymous}
  receivers:
    - {id: r1, position: [2, 3, 2.5]}
    - {id: r2, position: [0, 0, 2.5], zone: east, offsetDb: -3}
  beacons:
    - {id: b1, uuid: ${UUID.toUpperCase()}, major: 1, minor: 7, zone: west}
  fixtures:
    - {device: shelf-1, zone: west, slots: [{slot: 3, sku: A, unitGrams: 100}]}
devices: [{id: shelf-1, kind: connected-shelf}]
`,
  'aisle.yaml',
);
const map = storeMap(config.map);

describe('the store map', () => {
  it('tells the zone of a point, each side of a shared border having one', () => {
    expect(map.zoneAt(1, 1)).toBe('west');
    expect(map.zoneAt(19, 7)).toBe('east');
    expect(map.zoneAt(10, 4)).toBe('east');
    expect(map.zoneAt(30, 4)).toBeUndefined();
  });

  it('gives a receiver the zone that it stands in, unless the configuration says another', () => {
    expect(map.anchors.get('r1')).toMatchObject({ x: 2, y: 3, zone: 'west', offsetDb: 0 });
    expect(map.anchors.get('r2')).toMatchObject({ zone: 'east', offsetDb: -3 });
  });

  it('puts a beacon that has only a zone in the middle of it and finds it by its id in any spelling', () => {
    const key = beaconKey({ uuid: UUID.replaceAll('-', ''), major: 1, minor: 7 });
    expect(map.beacons.get(key)).toMatchObject({ id: 'b1', x: 5, y: 4, zone: 'west' });
  });

  it('closes a zone to personal events where it is sensitive or its own mode is not identify', () => {
    expect(map.zones.get('west')?.sensitive).toBe(false);
    expect(map.zones.get('east')?.sensitive).toBe(true);
    expect(map.zones.get('counted')?.sensitive).toBe(true);
  });

  it('R25: gives a point of two zones to the sensitive one, in whatever order they are listed', () => {
    const square = [
      [0, 0],
      [4, 0],
      [4, 4],
      [0, 4],
    ];
    const inside = [
      [1, 1],
      [2, 1],
      [2, 2],
      [1, 2],
    ];
    const zones = [
      { id: 'shoes', polygon: square },
      { id: 'prayer', polygon: inside, sensitive: true },
    ];
    for (const listed of [zones, [...zones].reverse()]) {
      const { map: overlapping } = configSchema.parse({ ...config, map: { zones: listed } });
      expect([storeMap(overlapping).zoneAt(1.5, 1.5), storeMap(overlapping).zoneAt(3, 3)]).toEqual([
        'prayer',
        'shoes',
      ]);
    }
  });

  it('finds a fixture by its device and a slot by its number', () => {
    expect(map.fixtures.get('shelf-1')?.slots.get(3)).toMatchObject({ sku: 'A', unitGrams: 100 });
  });
});
