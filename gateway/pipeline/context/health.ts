import type { ShopDevice } from '../decode.ts';
import type { StoredState } from '../outcome.ts';
import type { Emit } from './emit.ts';

/** Below so many per cent a battery is worth telling. */
const LOW_BATTERY = 20;

interface Told {
  state?: 'online' | 'offline';
  lowBattery?: boolean;
}

export interface Health {
  said(
    device: ShopDevice,
    reading: { state?: 'online' | 'offline'; batteryPct?: number; firmware?: string },
    at: number,
    emit: Emit,
  ): void;
}

/** Tells when a device comes or goes and when its battery runs low, not each time that it says so. */
export function createHealth(stored: StoredState): Health {
  const told = new Map<string, Told>();
  for (const [key, value] of stored.get('health')) told.set(key, value as Told);

  return {
    said(device, { state, batteryPct, firmware }, at, emit) {
      const before = told.get(device.id) ?? {};
      const now: Told = {
        ...before,
        ...(state !== undefined && { state }),
        ...(batteryPct !== undefined && { lowBattery: batteryPct < LOW_BATTERY }),
      };
      if (now.state === before.state && (now.lowBattery ?? false) === (before.lowBattery ?? false)) return;
      told.set(device.id, now);
      emit.change('health', device.id, now);
      emit.event({
        name: 'device.health',
        class: 'C',
        time: at,
        data: {
          deviceId: device.id,
          ...(now.state !== undefined && { state: now.state }),
          ...(batteryPct !== undefined && { battery: batteryPct }),
          ...(firmware !== undefined && { firmware }),
          lastSeen: new Date(at).toISOString(),
        },
      });
    },
  };
}
