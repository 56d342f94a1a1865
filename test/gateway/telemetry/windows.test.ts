import { describe, expect, it } from 'vitest';
import { knownTags } from '../../../gateway/telemetry/known-tags.ts';
import type { Point } from '../../../gateway/telemetry/point.ts';
import { createWindows, MAX_SERIES } from '../../../gateway/telemetry/windows.ts';

const TEN = Date.UTC(2026, 2, 2, 10);

function point(measurement: string, fields: Point['fields'], at: number, tags: Point['tags'] = {}): Point {
  return { measurement, tags, fields, at };
}

function added(...points: Point[]) {
  const windows = createWindows(() => true);
  for (const one of points) windows.add(one);
  return windows;
}

describe('windows', () => {
  it('of ten seconds, aligned to the clock, become one sample a series, at their start', () => {
    const tags = { device: 'c1', zone: 'shoes' };
    const windows = added(
      point('climate', { temperature_celsius: 20 }, TEN + 1_000, tags),
      point('climate', { temperature_celsius: 21, humidity_percent: 40 }, TEN + 9_999, tags),
      point('climate', { temperature_celsius: 25 }, TEN + 10_000, tags),
    );
    expect(windows.closed(TEN + 9_999)).toEqual([]);
    expect(windows.closed(TEN + 10_000)).toEqual([
      point('climate', { temperature_celsius: 20.5, humidity_percent: 40 }, TEN, tags),
    ]);
    expect(windows.closed(TEN + 10_000)).toEqual([]);
    expect(windows.all()).toEqual([point('climate', { temperature_celsius: 25 }, TEN + 10_000, tags)]);
  });

  it('are rolled up by field: the last, the mean, the largest or the sum', () => {
    const windows = added(
      point('gateway', { outbox_events: 7, loop_delay_seconds: 0.5, messages: 3 }, TEN),
      point('gateway', { outbox_events: 4, loop_delay_seconds: 0.1, messages: 2 }, TEN + 5_000),
    );
    expect(windows.all()).toEqual([
      point('gateway', { outbox_events: 4, loop_delay_seconds: 0.5, messages: 5 }, TEN),
    ]);
  });

  it('take the last by its time, not by when it came', () => {
    const windows = added(
      point('thermostat', { setpoint_celsius: 22 }, TEN + 5_000, { device: 't' }),
      point('thermostat', { setpoint_celsius: 18 }, TEN + 2_000, { device: 't' }),
    );
    expect(windows.all()[0]?.fields).toEqual({ setpoint_celsius: 22 });
  });

  it('are told once more, with all that was in them, where a point comes late', () => {
    const windows = createWindows(() => true);
    const climate = (celsius: number, at: number) =>
      windows.add(point('climate', { temperature_celsius: celsius }, at, { device: 'c1' }));
    const told = (at: number) => windows.closed(at).map(({ at, fields }) => [at - TEN, fields]);
    climate(20, TEN);
    climate(22, TEN + 1_000);
    windows.add(point('device', { online: 1 }, TEN, { device: 'd' }));
    expect(told(TEN + 10_000)).toHaveLength(2);
    // The other series of the window is as it was told.
    climate(30, TEN + 2_000);
    expect(told(TEN + 11_000)).toEqual([[0, { temperature_celsius: 24 }]]);
    expect(told(TEN + 12_000)).toEqual([]);
    climate(24, TEN + 9_999);
    climate(7, TEN + 69_000);
    expect(told(TEN + 69_999)).toEqual([[0, { temperature_celsius: 24 }]]);
    expect(told(TEN + 70_000)).toEqual([[60_000, { temperature_celsius: 7 }]]);
    // After a minute nothing is known of it any more.
    climate(40, TEN);
    expect(windows.all().map(({ fields }) => fields)).toEqual([{ temperature_celsius: 40 }]);
  });

  it('keep series apart by their tags', () => {
    const windows = added(
      point('shelf', { units: 1 }, TEN, { device: 's', slot: '0' }),
      point('shelf', { units: 2 }, TEN, { device: 's', slot: '1' }),
    );
    expect(windows.all().map(({ fields }) => fields.units)).toEqual([1, 2]);
  });

  it('take nothing that is not documented, nor what is no number, and count it', () => {
    const windows = added(
      point('people', { count: 1 }, TEN),
      point('device', { online: 1 }, Number.NaN, { device: 'd' }),
      point('climate', { temperature_celsius: Number.NaN, name: 3 } as Point['fields'], TEN, { device: 'c' }),
    );
    expect(windows.all().flatMap(({ fields }) => Object.keys(fields))).toEqual([]);
    expect(windows.dropped()).toBe(4);
  });

  it('hold so many series and no more', () => {
    const windows = createWindows(() => true);
    for (let n = 0; n < MAX_SERIES + 5; n++)
      windows.add(point('device', { online: 1 }, TEN, { device: `d${n}` }));
    expect(windows.all()).toHaveLength(MAX_SERIES);
    expect(windows.dropped()).toBe(5);
  });

  it('R1: take no tag that is no id of the shop’s configuration', () => {
    const shop = { devices: [{ id: 'c1' }], map: { zones: [{ id: 'shoes' }], receivers: [{ id: 'r1' }] } };
    const fixtures = [{ device: 'c1', zone: 'shoes', slots: [{ slot: 3 }] }];
    const windows = createWindows(knownTags({ ...shop, map: { ...shop.map, fixtures } } as never));
    for (const device of ['c1', '7a1b2c3d4e5f', '7a:1b:2c:3d:4e:5f', 'p_1'])
      windows.add(point('signal', { rssi_dbm: -60 }, TEN, { device, receiver: 'r1' }));
    windows.add(point('shelf', { units: 1 }, TEN, { device: 'c1', slot: '3' }));
    windows.add(point('shelf', { units: 1 }, TEN, { device: 'c1', slot: '4' }));
    windows.add(point('occupancy', { people: 10 }, TEN, { zone: 'shoes' }));
    expect(windows.all().map(({ tags }) => Object.values(tags).join())).toEqual(['c1,r1', 'c1,3', 'shoes']);
    expect(windows.dropped()).toBe(4);
  });
});
