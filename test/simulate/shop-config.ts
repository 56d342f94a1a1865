import { type Config, configSchema } from '../../gateway/config.ts';

/** The fixed beacons of the shop, and of the tags that shoppers carry. */
export const BEACON_UUID = 'f7826da64fa24e988024bc5b71e0893e';
export const TAG_UUID = 'a0a0a0a0b1b1c2c2d3d3e4e4e4e4e4e4';

export const ZONES = ['entrance', 'shoes', 'bags'] as const;
/** Of what lies on the shelves. */
export const UNIT_GRAMS = 400;

export interface ShopShape {
  /** Which profile stores are configured. */
  uplinks: readonly string[];
  /** Devices that are left out. */
  without: readonly string[];
  clock: 'trusted' | 'uplink';
  /** Hours. */
  personalHours: number;
  /** Smaller than a shop may have it too: a simulated outage is short. */
  quotaMiB: number;
}

const known = new Map<string, Config>();

/** The shop's configuration; the same value for the same shape. */
export function shopConfig(shape: ShopShape): Config {
  const key = JSON.stringify(shape);
  const config = known.get(key) ?? withQuota(configSchema.parse(written(shape)), shape.quotaMiB);
  known.set(key, config);
  return config;
}

function withQuota(config: Config, quotaMiB: number): Config {
  return { ...config, retention: { ...config.retention, quotaMiB } };
}

function written({ uplinks, without, clock, personalHours }: ShopShape): unknown {
  const beacon = (zone: string, i: number) => ({
    id: `b-${zone}`,
    uuid: BEACON_UUID,
    major: 1,
    minor: i,
    zone,
  });
  const slots = [{ slot: 0, sku: 'SKU-1', unitGrams: UNIT_GRAMS, capacity: 40 }];
  return {
    store: {
      id: 's1',
      gateway: 'g1',
      timezone: 'Europe/Paris',
      notice: { id: 'n1', version: '1', languages: ['fr'] },
    },
    mode: 'identify',
    map: {
      zones: [
        { id: 'entrance', kind: 'entrance', polygon: rectangle(0, 2) },
        { id: 'shoes', polygon: rectangle(2, 4) },
        { id: 'bags', polygon: rectangle(4, 6) },
        { id: 'stock', polygon: rectangle(6, 8) },
      ],
      receivers: [
        { id: 'ceiling-1', position: [3, 1, 3] },
        { id: 'ceiling-2', position: [5, 1, 3] },
      ],
      beacons: ZONES.map(beacon),
      fixtures: [
        { device: 'shelf-1', zone: 'shoes', slots },
        { device: 'shelf-2', zone: 'stock', slots },
      ],
    },
    devices: [
      { id: 'app', kind: 'shopper-app' },
      { id: 'ceiling-1', kind: 'receiver', zone: 'shoes' },
      { id: 'ceiling-2', kind: 'receiver', zone: 'bags' },
      { id: 'shelf-1', kind: 'connected-shelf', zone: 'shoes' },
      { id: 'shelf-2', kind: 'connected-shelf', zone: 'stock' },
      { id: 'button-1', kind: 'smart-button', zone: 'shoes', intents: { press: 'assistance' } },
      { id: 'button-2', kind: 'smart-button', zone: 'bags' },
      { id: 'thermostat-1', kind: 'thermostat', zone: 'bags' },
    ].filter(({ id }) => !without.includes(id)),
    clock: { source: clock },
    uplinks: uplinks.map((name) => ({ kind: 'http', url: `https://${name}.example` })),
    retention: { personalHours },
  };
}

/** Small: a floor's grid is worked out anew with each start. */
function rectangle(from: number, to: number): [number, number][] {
  return [
    [from, 0],
    [to, 0],
    [to, 2],
    [from, 2],
  ];
}
