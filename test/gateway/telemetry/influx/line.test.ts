import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toInfluxPoint } from '../../../../gateway/telemetry/influx/line.ts';
import { influxSink } from '../../../../gateway/telemetry/influx/sink.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import { hasInflux, type InfluxShop, influxCli, openInfluxShop } from '../../../support/influxd.ts';
import { quiet } from '../../../support/quiet.ts';
import { until } from '../../../support/until.ts';

const OWN = { store: 'lyon-1', gateway: 'g1' };
const AT = Math.floor(Date.now() / 10_000) * 10_000 - 600_000;
const climate = (more: object = {}): Point => ({
  measurement: 'climate',
  tags: { device: 'c1', zone: 'shoes' },
  fields: { temperature_celsius: 20.5 },
  at: AT,
  ...more,
});

describe('a sample on its way to InfluxDB', () => {
  it('has the tags of the shop, in the order of the alphabet, and ms', () => {
    const point = toInfluxPoint(climate(), OWN);
    expect(point).toEqual({
      measurement: 'climate',
      tags: { device: 'c1', gateway: 'g1', store: 'lyon-1', zone: 'shoes' },
      fields: { temperature_celsius: 20.5 },
      timestamp: AT,
    });
    expect(Object.keys(point?.tags ?? {})).toEqual(['device', 'gateway', 'store', 'zone']);
  });

  it.each<[string, object]>([
    ['of a measurement that is none', { measurement: 'people' }],
    ['without a tag that it needs', { tags: { zone: 'shoes' } }],
    ['with a tag that is not in the table', { tags: { device: 'c1', person: 'p1' } }],
    ['with a tag that is no id', { tags: { device: 'c1\nclimate,device=c2 temperature_celsius=1' } }],
    ['with an empty tag', { tags: { device: '' } }],
    ['with a field that is not in the table', { fields: { temperature_celsius: 1, person: 2 } }],
    ['without a field', { fields: {} }],
    ['with a number that is none', { fields: { temperature_celsius: Number.NaN } }],
    ['without a time', { at: 0 }],
    ['of half a millisecond', { at: AT + 0.5 }],
  ])('%s never leaves the box', (_, more) => {
    expect(toInfluxPoint(climate(more), OWN)).toBeUndefined();
  });

  it('is of the table alone, whatever it was', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('device', 'zone', 'temperature_celsius', 'c1'));
    const number = fc.oneof(fc.double(), fc.constantFrom(20, -5));
    const tags = fc.dictionary(text, text);
    const fields = fc.dictionary(text, number);
    fc.assert(
      fc.property(tags, fields, fc.oneof(number, fc.constant(AT)), (tags, fields, at) => {
        const point = toInfluxPoint({ measurement: 'climate', tags, fields, at }, OWN);
        if (!point) return;
        const left = new Set(['device', 'zone', 'store', 'gateway']);
        for (const [name, value] of Object.entries(point.tags ?? {})) {
          expect(left.has(name)).toBe(true);
          expect(value).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        }
        expect(Object.keys(point.fields ?? {})).toEqual(['temperature_celsius']);
      }),
    );
  });
});

describe.skipIf(!hasInflux)('InfluxDB', () => {
  let shop: InfluxShop;
  beforeAll(async () => {
    shop = await openInfluxShop();
  });
  afterAll(() => shop.close());

  it('keeps the numbers and types that it was sent, at their extremes', async () => {
    const sink = influxSink(shop.config, OWN, { log: quiet, lingerMs: 0 });
    const floats = [-0.1, 1e21, 5e-324, Number.MAX_VALUE, 1e-7, 3];
    const integers = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, 2.6];
    sink.take([
      ...floats.map((value, n) => climate({ at: AT + n, fields: { temperature_celsius: value } })),
      ...integers.map((value, n) => ({
        measurement: 'gateway',
        tags: {},
        fields: { messages: value },
        at: AT + n,
      })),
      climate({ tags: { device: 'no id' } }),
      { measurement: 'gateway', tags: {}, fields: { messages: 1e300 }, at: AT },
    ]);
    await until(() => sink.state().waiting === 0, 'InfluxDB to have all');
    expect(sink.state()).toEqual({ name: 'influxdb', ok: true, waiting: 0, written: 10, dropped: 2 });
    await sink.close();
    const column = async (query: string) =>
      (await influxCli(shop.server, query)).slice(1).map((line) => Number(line.split(',')[2]));
    expect(await column('SELECT temperature_celsius FROM raw.climate')).toEqual(floats);
    expect(await column('SELECT messages FROM raw.gateway')).toEqual([...integers.slice(0, 3), 3]);
    const types = await influxCli(shop.server, 'SHOW FIELD KEYS FROM raw.gateway');
    expect(types).toContain('gateway,messages,integer');
  });
});
