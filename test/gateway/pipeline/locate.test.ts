import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { configSchema, readConfig } from '../../../gateway/config.ts';
import { createLocate, type Locate, type Presence } from '../../../gateway/pipeline/locate.ts';
import { type StoreMap, storeMap } from '../../../gateway/store-map.ts';
import { placesOf, readWalks, recognised, score } from '../../bench/judge.ts';
import { type Shop, syntheticWalk } from '../../bench/synthetic-walk.ts';

const UUID = 'f7826da64fa24e988024bc5b71e0893e';
const START = 1_800_000_000_000;

/** Shoes on the left, bags on the right, 10 m by 10 m each, three receivers in each; beacons by zone only. */
const SHOP = {
  zones: [
    {
      id: 'shoes',
      polygon: [
        [0, 0],
        [10, 0],
        [10, 10],
        [0, 10],
      ],
    },
    {
      id: 'bags',
      polygon: [
        [10, 0],
        [20, 0],
        [20, 10],
        [10, 10],
      ],
    },
  ],
  receivers: [
    { id: 's1', position: [2, 2, 2.5] },
    { id: 's2', position: [7, 5, 2.5] },
    { id: 's3', position: [3, 9, 2.5] },
    { id: 'b1', position: [13, 5, 2.5] },
    { id: 'b2', position: [18, 1, 2.5] },
    { id: 'b3', position: [17, 8, 2.5] },
  ],
  beacons: [
    { id: 'beacon-shoes', uuid: UUID, major: 1, minor: 1, zone: 'shoes' },
    { id: 'beacon-bags', uuid: UUID, major: 1, minor: 2, zone: 'bags' },
  ],
};

function mapOf(map: unknown): StoreMap {
  const store = { id: 's', gateway: 'g', timezone: 'UTC' };
  return storeMap(configSchema.parse({ store, mode: 'identify', map }).map);
}

/** Free space: what each receiver hears of a tag there, but for those left out. */
function heardAt(x: number, y: number, leftOut: readonly string[] = [], power = -62): [string, number][] {
  return SHOP.receivers
    .filter(({ id }) => !leftOut.includes(id))
    .map(({ id, position: [rx = 0, ry = 0, rz = 0] }) => {
      const metres = Math.hypot(rx - x, ry - y, rz - 1.2);
      return [id, Math.round(power - 20 * Math.log10(metres))];
    });
}

/** Two frames a second for so long, and a tick each whole second. */
function stand(
  locate: Locate,
  from: number,
  seconds: number,
  heard: [string, number][],
  ref = 'anna',
): Presence[] {
  const presences: Presence[] = [];
  for (let at = from; at < from + seconds * 1_000; at += 500) {
    for (const [anchor, rssi] of heard) locate.hear(recognised(ref, anchor, rssi, at));
    const presence = locate.place(ref, at);
    if (presence && at % 1_000 === 0) presences.push(presence);
  }
  return presences;
}

function scan(locate: Locate, at: number, beacons: [string, number][]): Presence | undefined {
  for (const [anchor, rssi] of beacons) locate.hear(recognised('anna', anchor, rssi, at, 'app'));
  return locate.place('anna', at);
}

describe("a phone's report", () => {
  it('of one beacon places its owner at once, in the zone of the beacon', () => {
    const presence = scan(createLocate(mapOf(SHOP)), START, [['beacon-bags', -88]]);
    expect(presence).toMatchObject({ zone: 'bags', since: START, lastSeen: START });
    expect(presence?.why).toMatch(/^beacon-bags loudest at -88 dBm of 1 heard; else shoes \(\d+ %\)$/);
  });

  it('of two beacons places its owner by the stronger, without a position of either', () => {
    const locate = createLocate(mapOf(SHOP));
    const heard: [string, number][] = [
      ['beacon-shoes', -64],
      ['beacon-bags', -79],
    ];
    expect(scan(locate, START, heard)).toMatchObject({ zone: 'shoes' });
    expect(locate.last('anna')?.x).toBeLessThan(10);
  });

  it('is less sure of beacons that hang somewhere in their zone than of surveyed ones', () => {
    const surveyed = SHOP.beacons.map((beacon, i) => ({ ...beacon, position: [5 + 10 * i, 5, 2] }));
    const [exact, vague] = [{ ...SHOP, beacons: surveyed }, SHOP].map((shop) =>
      scan(createLocate(mapOf(shop)), START, [
        ['beacon-shoes', -55],
        ['beacon-bags', -75],
      ]),
    );
    expect([exact?.zone, vague?.zone]).toEqual(['shoes', 'shoes']);
    expect(vague?.confidence).toBeLessThan((exact?.confidence ?? 0) - 0.03);
  });

  it('half a minute later moves its owner at once', () => {
    const locate = createLocate(mapOf(SHOP));
    scan(locate, START, [['beacon-shoes', -70]]);
    for (let at = START + 1_000; at < START + 30_000; at += 1_000) {
      expect(locate.place('anna', at)).toMatchObject({ zone: 'shoes', since: START });
    }
    const moved = scan(locate, START + 30_000, [['beacon-bags', -70]]);
    expect(moved).toMatchObject({ zone: 'bags', since: START + 30_000 });
  });

  it('of another beacon alone is believed at once, also a second later', () => {
    const locate = createLocate(mapOf(SHOP));
    scan(locate, START, [['beacon-shoes', -61]]);
    const moved = scan(locate, START + 1_000, [['beacon-bags', -61]]);
    expect(moved).toMatchObject({ zone: 'bags', since: START + 1_000 });
  });

  it('of both beacons does not flip its owner to and fro at the border', () => {
    const locate = createLocate(mapOf(SHOP));
    scan(locate, START, [['beacon-shoes', -64]]);
    const strengths = [-70, -74, -71, -75, -70, -73, -71, -74];
    const zones = strengths.map((rssi, i) => {
      const heard: [string, number][] = [
        ['beacon-shoes', -72],
        ['beacon-bags', rssi],
      ];
      return scan(locate, START + 1_000 * (i + 1), heard)?.zone;
    });
    expect(new Set(zones)).toEqual(new Set(['shoes']));
  });

  it('is less and less sure while nothing more is heard', () => {
    const locate = createLocate(mapOf(SHOP));
    const atOnce = scan(locate, START, [
      ['beacon-shoes', -64],
      ['beacon-bags', -80],
    ]);
    const later = locate.place('anna', START + 20_000);
    expect(later?.confidence).toBeLessThan(atOnce?.confidence ?? 0);
    expect(later).toMatchObject({ x: atOnce?.x, y: atOnce?.y, zone: 'shoes', why: 'not heard for 20 s' });
  });

  it('without strength (CLBeacon.rssi 0) says that somebody is there, not where', () => {
    const presence = scan(createLocate(mapOf(SHOP)), START, [['beacon-bags', 0]]);
    expect(presence).toMatchObject({ zone: 'unknown', confidence: 0 });
  });
});

describe('a tag', () => {
  it('is placed within two seconds, as of the first frame, and not by whoever heard it first', () => {
    const locate = createLocate(mapOf(SHOP));
    locate.hear(recognised('anna', 'b1', -80, START + 10));
    expect(locate.place('anna', START + 400)).toMatchObject({ zone: 'unknown', confidence: 0 });
    const presence = stand(locate, START + 500, 2, heardAt(4, 5)).at(-1);
    expect(presence).toMatchObject({ zone: 'shoes', since: START + 10 });
    expect(Math.hypot((presence?.x ?? 0) - 4, (presence?.y ?? 0) - 5)).toBeLessThan(2.5);
  });

  it('that only one receiver hears is placed within two seconds too', () => {
    expect(stand(createLocate(mapOf(SHOP)), START, 3, [['b1', -85]]).at(-1)).toMatchObject({ zone: 'bags' });
  });

  it('is followed into the next zone within five seconds, entered about when it was', () => {
    const locate = createLocate(mapOf(SHOP));
    stand(locate, START, 20, heardAt(7, 5));
    const presences = stand(locate, START + 20_000, 6, heardAt(14, 5));
    expect(presences.at(-1)?.zone).toBe('bags');
    expect(Math.abs((presences.at(-1)?.since ?? 0) - START - 20_000)).toBeLessThanOrEqual(3_000);
  });

  it('stays in its zone while a body is in the way for two seconds', () => {
    const locate = createLocate(mapOf(SHOP));
    stand(locate, START, 20, heardAt(7, 5));
    const shadowed = heardAt(7, 5).map(([id, rssi]): [string, number] => [
      id,
      id.startsWith('s') ? rssi - 12 : rssi,
    ]);
    const during = stand(locate, START + 20_000, 2, shadowed);
    const after = stand(locate, START + 22_000, 10, heardAt(7, 5));
    expect(new Set([...during, ...after].map(({ zone }) => zone))).toEqual(new Set(['shoes']));
  });

  it('of another power is in the same place', () => {
    const [weak, strong] = [-80, -50].map((power) =>
      stand(createLocate(mapOf(SHOP)), START, 10, heardAt(14, 3, [], power)).at(-1),
    );
    expect(weak?.zone).toBe('bags');
    expect(strong?.zone).toBe('bags');
    expect(Math.hypot((weak?.x ?? 0) - (strong?.x ?? 0), (weak?.y ?? 0) - (strong?.y ?? 0))).toBeLessThan(
      1.5,
    );
  });

  it('is not taken for sure into the next zone when receivers die', () => {
    const locate = createLocate(mapOf(SHOP));
    stand(locate, START, 20, heardAt(14, 5));
    // The nearest dies, then the next.
    for (const [from, dead] of [
      [20_000, ['b1']],
      [80_000, ['b1', 'b3']],
    ] as const) {
      for (const { zone, confidence } of stand(locate, START + from, 60, heardAt(14, 5, dead))) {
        expect(zone === 'bags' || confidence < 0.6).toBe(true);
      }
    }
    expect(locate.last('anna')?.zone).toBe('bags');
  });

  it('stays in a zone whose only receiver died, as long as the others make it likely', () => {
    const row = ['a', 'b', 'c'].map((id, i) => ({
      zone: {
        id,
        polygon: [
          [10 * i, 0],
          [10 * i + 10, 0],
          [10 * i + 10, 10],
          [10 * i, 10],
        ],
      },
      receiver: { id: `r${id}`, position: [10 * i + 5, 5, 2.5] },
    }));
    const map = { zones: row.map(({ zone }) => zone), receivers: row.map(({ receiver }) => receiver) };
    const locate = createLocate(mapOf(map));
    // A weak tag 13 m along the row: only the one receiver that dies hears it well.
    const heard: [string, number][] = [
      ['ra', -92],
      ['rb', -81],
      ['rc', -96],
    ];
    stand(locate, START, 20, heard);
    const without = stand(locate, START + 20_000, 80, [['ra', -92]]);
    expect(new Set(without.map(({ zone }) => zone))).toEqual(new Set(['b']));
    expect(Math.min(...without.map(({ confidence }) => confidence))).toBeGreaterThan(0.55);
  });

  it('outside all zones is nowhere', () => {
    const [shoes] = SHOP.zones;
    const locate = createLocate(mapOf({ zones: [shoes], receivers: SHOP.receivers }));
    expect(stand(locate, START, 10, heardAt(18, 5)).at(-1)).toMatchObject({ zone: 'unknown', confidence: 0 });
  });

  it('that nothing on the map hears is nowhere, and said to be', () => {
    const presence = stand(createLocate(mapOf(SHOP)), START, 3, [['somewhere-else', -60]]).at(-1);
    expect(presence).toMatchObject({ zone: 'unknown', why: 'seen, but by nothing on the map' });
    expect(presence).not.toHaveProperty('x');
  });

  it('is nowhere on a map without receivers', () => {
    expect(stand(createLocate(mapOf({})), START, 3, [['s1', -60]]).at(-1)).toMatchObject({ zone: 'unknown' });
  });
});

describe('whoever is not heard for a minute', () => {
  const lastHeard = START + 9_500;

  it('is in no known zone since then, and where they were is not kept', () => {
    const locate = createLocate(mapOf(SHOP));
    stand(locate, START, 10, heardAt(4, 5));
    expect(locate.place('anna', lastHeard + 59_999)).toMatchObject({ zone: 'shoes' });
    const lost = locate.place('anna', lastHeard + 60_000);
    expect(lost).toMatchObject({
      zone: 'unknown',
      since: lastHeard,
      confidence: 0,
      why: 'not heard for 60 s',
    });
    expect(lost).not.toHaveProperty('x');
  });

  it('begins anew when heard again', () => {
    const locate = createLocate(mapOf(SHOP));
    stand(locate, START, 10, heardAt(4, 5));
    locate.place('anna', lastHeard + 60_000);
    const again = stand(locate, START + 200_000, 3, heardAt(14, 5));
    expect(again.at(-1)).toMatchObject({ zone: 'bags', since: START + 200_000 });
  });
});

describe('after a restart', () => {
  it('somebody is still in the zone, since they entered it', () => {
    const locate = createLocate(mapOf(SHOP));
    const { subject } = recognised('anna', 's1', -60, START);
    locate.resume(subject, 'shoes', START - 300_000, START);
    expect(locate.place('anna', START)).toMatchObject({ zone: 'shoes', since: START - 300_000 });
    const [first] = stand(locate, START + 1_000, 3, heardAt(8, 5));
    expect(first).toMatchObject({ zone: 'shoes', since: START - 300_000 });
  });

  it('a zone that is no longer on the map is unknown', () => {
    const locate = createLocate(mapOf(SHOP));
    locate.resume(recognised('anna', 's1', -60, START).subject, 'hats', START - 300_000, START);
    expect(locate.place('anna', START)).toMatchObject({ zone: 'unknown' });
  });
});

describe('what is kept', () => {
  it('is nothing of whoever is forgotten', () => {
    const locate = createLocate(mapOf(SHOP));
    stand(locate, START, 5, heardAt(4, 5));
    stand(locate, START, 5, heardAt(14, 5), 'ben');
    locate.forget('anna');
    expect([...locate.refs()]).toEqual(['ben']);
    expect(locate.last('anna')).toBeUndefined();
    expect(locate.place('anna', START + 6_000)).toBeUndefined();
    expect(locate.last('ben')).toMatchObject({ zone: 'bags' });
  });

  it('gives the same places for the same readings, every time', () => {
    const way = () => {
      const locate = createLocate(mapOf(SHOP));
      return [4, 9, 12, 17].flatMap((x, i) => stand(locate, START + i * 5_000, 5, heardAt(x, 4)));
    };
    expect(way()).toEqual(way());
  });
});

describe('on recorded walks (data/README.md)', () => {
  const map = storeMap(readConfig(fileURLToPath(new URL('../cli/data/hall.yaml', import.meta.url))).map);
  const walks = readWalks(fileURLToPath(new URL('data/walks/', import.meta.url)));
  const judge = (without: (receiver: string) => boolean = () => false) =>
    score(
      walks.map((walk) => {
        const readings = walk.readings.filter(({ receiver }) => !without(receiver));
        return { walk, places: placesOf({ ...walk, readings }, map) };
      }),
    );

  it('is right four seconds in five, with few flips, to within some two metres', () => {
    const { seconds, right, changes, trueChanges, medianError, p90Error } = judge();
    expect(seconds).toBeGreaterThan(230);
    expect(right).toBeGreaterThan(0.82);
    expect(trueChanges).toBe(7);
    expect(changes).toBeLessThanOrEqual(12);
    expect(medianError).toBeLessThan(2.3);
    expect(p90Error).toBeLessThan(4.6);
  });

  it('is as sure as it is right', () => {
    const { right, confidence, brier } = judge();
    expect(Math.abs(confidence - right)).toBeLessThan(0.15);
    expect(brier).toBeLessThan(0.12);
  });

  it('does without any one of the receivers', () => {
    for (const { id } of map.anchors.values()) {
      const { right, medianError } = judge((receiver) => receiver === id);
      expect(right, `without ${id}`).toBeGreaterThan(0.7);
      expect(medianError, `without ${id}`).toBeLessThan(2.8);
    }
  });
});

describe('in made-up shops', () => {
  const judge = (shop: Shop) =>
    score(
      [1, 2, 3, 4, 5, 6].map((seed) => {
        const { map, walk } = syntheticWalk(shop, seed);
        return { walk, places: placesOf(walk, map) };
      }),
    );
  const long: Shop = {
    width: 40,
    depth: 12,
    columns: 4,
    rows: 1,
    receivers: 14,
    exponent: 2.6,
    power: -58,
    seconds: 200,
  };

  it('long and full of shelves, it is right and as sure as it is right', () => {
    const { right, confidence, changes, trueChanges, medianError } = judge(long);
    expect(right).toBeGreaterThan(0.8);
    expect(Math.abs(confidence - right)).toBeLessThan(0.12);
    expect(changes).toBeLessThanOrEqual(2 * trueChanges);
    expect(medianError).toBeLessThan(3);
  });

  it('small, with two receivers, it tells their zones apart most of the time', () => {
    const small: Shop = { ...long, width: 14, depth: 8, columns: 2, receivers: 2, exponent: 2, power: -70 };
    const { right, changes, trueChanges } = judge(small);
    expect(right).toBeGreaterThan(0.6);
    expect(changes).toBeLessThanOrEqual(trueChanges);
  });

  it('wide, with thirty receivers, it is right to within some metres', () => {
    const wide: Shop = { ...long, width: 50, depth: 30, columns: 5, rows: 3, receivers: 30, exponent: 2 };
    const { right, medianError } = judge(wide);
    expect(right).toBeGreaterThan(0.5);
    expect(medianError).toBeLessThan(4);
  });
});
