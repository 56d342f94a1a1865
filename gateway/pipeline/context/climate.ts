import type { ShopDevice } from '../decode.ts';
import type { Emit } from './emit.ts';

/** Climate is told as means over so long, ms; class C: what is in the window a crash may cost. */
const WINDOW = 300_000;

interface Mean {
  sum: number;
  n: number;
}

interface Window {
  device: ShopDevice;
  from: number;
  n: number;
  temperatureC: Mean;
  humidityPct: Mean;
  co2Ppm: Mean;
}

export interface Climate {
  measured(
    device: ShopDevice,
    reading: { temperatureC?: number; humidityPct?: number; co2Ppm?: number },
    at: number,
  ): void;
  tick(at: number, emit: Emit): void;
}

export function createClimate(): Climate {
  const windows = new Map<string, Window>();
  return {
    measured(device, reading, at) {
      const window = windows.get(device.id) ?? {
        device,
        from: at,
        n: 0,
        temperatureC: { sum: 0, n: 0 },
        humidityPct: { sum: 0, n: 0 },
        co2Ppm: { sum: 0, n: 0 },
      };
      windows.set(device.id, window);
      window.n += 1;
      for (const name of ['temperatureC', 'humidityPct', 'co2Ppm'] as const) {
        const value = reading[name];
        if (value === undefined) continue;
        window[name].sum += value;
        window[name].n += 1;
      }
    },
    tick(at, emit) {
      for (const [id, window] of windows) {
        if (at - window.from < WINDOW) continue;
        windows.delete(id);
        if (window.temperatureC.n > 0) emit.event(measuredEvent(window, at));
      }
    },
  };
}

function measuredEvent(window: Window, at: number) {
  const { device, n } = window;
  return {
    name: 'climate.measured',
    class: 'C' as const,
    time: at,
    data: {
      deviceId: device.id,
      ...(device.zone !== undefined && { zoneId: device.zone }),
      temperatureC: mean(window.temperatureC, 100),
      ...(window.humidityPct.n > 0 && { humidityPct: mean(window.humidityPct, 10) }),
      ...(window.co2Ppm.n > 0 && { co2Ppm: mean(window.co2Ppm, 1) }),
      windowS: Math.round((at - window.from) / 1000),
      n,
    },
  };
}

function mean({ sum, n }: Mean, precision: number): number {
  return Math.round((sum / n) * precision) / precision;
}
