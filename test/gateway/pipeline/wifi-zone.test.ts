import { expect, it } from 'vitest';
import { accessPoint } from '../../../firmware-sim/firmware/wifi.ts';
import { configSchema } from '../../../gateway/config.ts';
import {
  advertisement,
  consent,
  list,
  MINUTE,
  message,
  run,
  SECOND,
  shop,
  shopConfig,
  TEN,
  tick,
  UUID,
} from './shop.ts';

/** Who signs in at an access point is in its zone, as long as its records say so. */

const ACCESS_POINTS = [
  { id: 'ap-1', kind: 'wifi', zone: 'shoes' },
  { id: 'ap-2', kind: 'wifi', zone: 'bags' },
];
const config = shopConfig((base) =>
  configSchema.parse({ ...base, devices: [...base.devices, ...ACCESS_POINTS] }),
);
/** A static tag of the same person, heard in the bags. */
const TAG = `1aff4c000215${UUID}00090001c5`;
const KEYS = [
  { kind: 'wifi', user: 'anna' },
  { kind: 'ibeacon', uuid: UUID, major: 9, minor: 1 },
];

function record(device: string, by: 'start' | 'alive' | 'stop', at: number) {
  let said: object = {};
  const send = (_name: string, fields: object) => {
    said = fields;
  };
  accessPoint({ address: '02:10:a4:23:19:c0', user: 'anna', session: '1', send })[by]();
  return message(device, 'accounting', said, at);
}

/** Zone events, in order. */
function zones(...signals: Parameters<typeof run>[1][number][]) {
  const pipeline = shop({ config });
  const start = [tick(TEN - SECOND), list(TEN - 500, 1, [consent(1, { keys: KEYS })])];
  return run(pipeline, [...start, ...signals]).flatMap(({ events }) =>
    events.flatMap(({ name, data }) =>
      name === 'zone.entered' || name === 'zone.exited' ? [`${name} ${data.zoneId}`] : [],
    ),
  );
}

it('somebody who signs in enters the zone of the access point', () => {
  expect(zones(record('ap-1', 'start', TEN), tick(TEN + 2 * SECOND))).toEqual(['zone.entered shoes']);
});

it('and changes it with the access point', () => {
  const signals = [record('ap-1', 'start', TEN), record('ap-2', 'start', TEN + 20 * SECOND)];
  expect(zones(...signals, tick(TEN + 22 * SECOND))).toEqual([
    'zone.entered shoes',
    'zone.exited shoes',
    'zone.entered bags',
  ]);
});

it('is in it no longer than the records say', () => {
  const signals = [record('ap-1', 'start', TEN), record('ap-1', 'alive', TEN + 50 * SECOND)];
  expect(zones(...signals, tick(TEN + 100 * SECOND))).toEqual(['zone.entered shoes']);
  expect(zones(...signals, tick(TEN + 2 * MINUTE))).toEqual(['zone.entered shoes', 'zone.exited shoes']);
});

it('is where a tag is heard, whatever the access point: its signal reaches others too', () => {
  const heard = [0, 1, 2, 3, 4].map((s) =>
    advertisement('r-bags', 'e7:8f:13:56:24:ce', TAG, TEN + s * SECOND),
  );
  const signals = [...heard, record('ap-1', 'alive', TEN + 5 * SECOND), tick(TEN + 8 * SECOND)];
  expect(zones(...signals)).toEqual(['zone.entered bags']);
});
