import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../gateway/pipeline/outcome.ts';
import type { Signal } from '../../../gateway/pipeline/signal.ts';
import { MEASUREMENTS } from '../../../gateway/telemetry/measurements.ts';
import {
  advertisement,
  bthomeFrame,
  consent,
  list,
  MINUTE,
  message,
  OPEN_BUTTON,
  ranged,
  run,
  SECOND,
  shop,
  TEN,
  tick,
} from './shop.ts';

function pointsOf(...signals: Signal[]) {
  return told(run(shop(), [tick(TEN - SECOND), list(TEN - SECOND, 1, [consent(1)]), ...signals]));
}

function told(outcomes: readonly Outcome[]) {
  return outcomes.flatMap(({ points }) => points);
}

const STRANGER = 'c3:00:00:00:00:01';

describe('for the time series', () => {
  it('every reading of a climate sensor counts, not the mean of five minutes', () => {
    const at = TEN + SECOND;
    const points = pointsOf(
      message('climate-1', 'climate', { temperatureC: 20.5, humidityPct: 41 }, TEN),
      message('climate-1', 'climate', { temperatureC: 20.6, co2Ppm: 700 }, at),
    );
    const tags = { device: 'climate-1', zone: 'shoes' };
    expect(points).toEqual([
      { measurement: 'climate', tags, fields: { temperature_celsius: 20.5, humidity_percent: 41 }, at: TEN },
      { measurement: 'climate', tags, fields: { temperature_celsius: 20.6, co2_ppm: 700 }, at },
    ]);
  });

  it('a thermostat gives its setpoint, its valve and the temperature that it measures, changed or not', () => {
    const said = { setpointC: 21, currentC: 19.5, valvePct: 40 };
    const points = pointsOf(
      message('radiator-1', 'thermostat', said, TEN),
      message('radiator-1', 'thermostat', said, TEN),
    );
    const tags = { device: 'radiator-1', zone: 'shoes' };
    const once = [
      { measurement: 'climate', tags, fields: { temperature_celsius: 19.5 }, at: TEN },
      { measurement: 'thermostat', tags, fields: { setpoint_celsius: 21, valve_percent: 40 }, at: TEN },
    ];
    expect(points).toEqual([...once, ...once]);
  });

  it('a slot gives its settled weight and what that is in pieces, also where the shelf falls silent', () => {
    const points = pointsOf(
      message('shelf-1', 'weight', { slots: [{ slot: 0, g: 3_200 }] }, TEN),
      message('shelf-1', 'weight', { slots: [{ slot: 0, g: 2_800 }] }, TEN + SECOND),
      tick(TEN + 3 * SECOND),
    );
    expect(points.map(({ tags, fields }) => ({ ...tags, ...fields }))).toEqual([
      { device: 'shelf-1', slot: '0', weight_grams: 3_200, units: 8 },
      // Not before it has held: a hand may rest there.
      { device: 'shelf-1', slot: '0', weight_grams: 3_200, units: 8 },
      { device: 'shelf-1', slot: '0', weight_grams: 2_800, units: 7 },
    ]);
  });

  it('the entry of all phones is neither online nor offline: who comes and goes there is a person', () => {
    const outcomes = run(shop(), [
      message('app', 'state', 'online', TEN),
      message('app', 'state', 'offline', TEN),
    ]);
    expect(told(outcomes)).toEqual([]);
    expect(outcomes.flatMap(({ events }) => events)).toEqual([]);
  });

  it('a device is online or not, and says its charge', () => {
    const points = pointsOf(
      message('button-1', 'state', 'online', TEN),
      advertisement('r-bags', OPEN_BUTTON, bthomeFrame('40002a01513a01'), TEN),
      message('button-1', 'state', 'offline', TEN),
    );
    expect(points).toEqual([
      { measurement: 'device', tags: { device: 'button-1' }, fields: { online: 1 }, at: TEN },
      { measurement: 'device', tags: { device: 'button-2' }, fields: { battery_percent: 81 }, at: TEN },
      {
        measurement: 'signal',
        tags: { device: 'button-2', receiver: 'r-bags' },
        fields: { rssi_dbm: -60 },
        at: TEN,
      },
      { measurement: 'device', tags: { device: 'button-1' }, fields: { online: 0 }, at: TEN },
    ]);
  });

  it('each receiver tells how it hears a device, of the same frame too', () => {
    const frame = bthomeFrame('40002a3a01');
    const points = pointsOf(
      advertisement('r-bags', OPEN_BUTTON, frame, TEN),
      advertisement('r-shoes', OPEN_BUTTON, frame, TEN),
    );
    expect(points.map(({ tags }) => tags)).toEqual([
      { device: 'button-2', receiver: 'r-bags' },
      { device: 'button-2', receiver: 'r-shoes' },
    ]);
  });

  it('people are counted by zone where there are enough of them, rounded', () => {
    const crowd = (receiver: string, near: number) =>
      message(receiver, 'crowd', { windowS: 60, near, far: 0 }, TEN + MINUTE);
    const points = pointsOf(crowd('r-shoes', 23), crowd('r-bags', 9), tick(TEN + 6 * MINUTE));
    expect(points).toEqual([
      { measurement: 'occupancy', tags: { zone: 'shoes' }, fields: { people: 25 }, at: TEN + 5 * MINUTE },
    ]);
  });

  it('no person gives a point: not who agreed, not by an app, not a stranger’s phone or tag', () => {
    const frames = [bthomeFrame('40002a3a01'), '02011a0aff4c001005031c8ba89d', '0201061bff99040512fc5394'];
    const points = pointsOf(
      ranged(1, 'shoes', TEN),
      ranged(2, 'shoes', TEN),
      ...frames.map((hex) => advertisement('r-shoes', STRANGER, hex, TEN)),
      tick(TEN + 10 * MINUTE),
    );
    expect(points).toEqual([]);
  });

  it('a message that comes again gives its points once', () => {
    const twice = message('climate-1', 'climate', { boot: 'b', seq: 1, temperatureC: 20 }, TEN);
    expect(pointsOf(twice, twice)).toHaveLength(1);
  });

  it('all points belong to a documented measurement, with its tags and fields', () => {
    const points = pointsOf(
      message('climate-1', 'climate', { temperatureC: 20 }, TEN),
      message('radiator-1', 'thermostat', { setpointC: 21 }, TEN),
      message('shelf-1', 'weight', { slots: [{ slot: 0, g: 3_200 }] }, TEN),
      message('button-1', 'state', 'online', TEN),
      advertisement('r-bags', OPEN_BUTTON, bthomeFrame('40002a01513a01'), TEN),
      message('r-shoes', 'crowd', { windowS: 60, near: 23, far: 0 }, TEN + MINUTE),
      tick(TEN + 6 * MINUTE),
    );
    for (const { measurement, tags, fields } of points) {
      const known = MEASUREMENTS.find(({ name }) => name === measurement);
      const allowed = known?.tags.map((tag) => tag.replace('?', ''));
      expect(allowed).toEqual(expect.arrayContaining(Object.keys(tags)));
      expect(known?.fields.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(fields)));
    }
    const named = new Set(points.map(({ measurement }) => measurement));
    expect([...named].sort()).toEqual(['climate', 'device', 'occupancy', 'shelf', 'signal', 'thermostat']);
  });
});
