import { describe, expect, it } from 'vitest';
import { createClimate } from '../../../../gateway/pipeline/context/climate.ts';
import { collector, deviceOf, MINUTE, SECOND, TEN } from '../shop.ts';

const sensor = deviceOf('climate-1');

function climate() {
  const kept = createClimate();
  const tick = (at: number) => {
    const { emit, outcome } = collector();
    kept.tick(at, emit);
    return outcome.events;
  };
  return { ...kept, tick };
}

describe('climate', () => {
  it('is told as the mean of five minutes, with how many readings it is of', () => {
    const { measured, tick } = climate();
    measured(sensor, { temperatureC: 20, humidityPct: 40 }, TEN);
    measured(sensor, { temperatureC: 21, co2Ppm: 600 }, TEN + MINUTE);
    measured(sensor, { temperatureC: 20.333, humidityPct: 45.55, co2Ppm: 601 }, TEN + 2 * MINUTE);
    expect(tick(TEN + 5 * MINUTE - 1)).toEqual([]);
    expect(tick(TEN + 5 * MINUTE)).toEqual([
      {
        name: 'climate.measured',
        class: 'C',
        time: TEN + 5 * MINUTE,
        data: {
          storeId: 's1',
          deviceId: 'climate-1',
          zoneId: 'shoes',
          temperatureC: 20.44,
          humidityPct: 42.8,
          co2Ppm: 601,
          windowS: 300,
          n: 3,
        },
      },
    ]);
    expect(tick(TEN + 10 * MINUTE)).toEqual([]);
  });

  it('leaves out what was not measured, and is not told without a temperature', () => {
    const { measured, tick } = climate();
    measured(sensor, { temperatureC: -0.5 }, TEN);
    const [event] = tick(TEN + 5 * MINUTE);
    expect(event?.data).not.toHaveProperty('humidityPct');
    expect(event?.data).not.toHaveProperty('co2Ppm');
    measured(sensor, { humidityPct: 40 }, TEN + 6 * MINUTE);
    expect(tick(TEN + 11 * MINUTE)).toEqual([]);
  });

  it('of each device has a window of its own', () => {
    const { measured, tick } = climate();
    measured(sensor, { temperatureC: 20 }, TEN);
    measured(deviceOf('radiator-1'), { temperatureC: 25 }, TEN + 10 * SECOND);
    expect(tick(TEN + 5 * MINUTE).map(({ data }) => data.deviceId)).toEqual(['climate-1']);
    expect(tick(TEN + 5 * MINUTE + 10 * SECOND).map(({ data }) => data.temperatureC)).toEqual([25]);
  });
});
