import type { RadioHealth, Reading } from '../../../devices/device.ts';
import type { ShopDevice } from '../decode.ts';
import type { StoredState } from '../outcome.ts';
import type { Emit } from './emit.ts';

/** Below so many per cent a battery is worth telling. */
const LOW_BATTERY = 20;

interface Told {
  state?: 'online' | 'offline';
  lowBattery?: boolean;
  radio?: RadioHealth['state'];
  radioReason?: string;
}

export interface Health {
  said(
    device: ShopDevice,
    reading: Omit<Extract<Reading, { kind: 'health' }>, 'kind'>,
    at: number,
    emit: Emit,
  ): void;
  /** What each device told last of itself, over restarts too. */
  states(): ReadonlyMap<string, DeviceState>;
}

export type DeviceState = Readonly<Told>;

/** Tells when a device comes or goes and when its battery runs low, not each time that it says so. */
export function createHealth(stored: StoredState): Health {
  const told = new Map<string, Told>();
  for (const [key, value] of stored.get('health')) told.set(key, value as Told);

  return {
    states: () => told,
    said(device, { state, batteryPct, firmware, radio }, at, emit) {
      const before = told.get(device.id) ?? {};
      const now: Told = {
        ...(radio === undefined ? before : withoutRadio(before)),
        ...(state !== undefined && { state }),
        ...(batteryPct !== undefined && { lowBattery: batteryPct < LOW_BATTERY }),
        ...(radio !== undefined && radioOf(radio)),
      };
      if (isSame(now, before)) return;
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
          ...(radio !== undefined && radioOf(radio)),
          lastSeen: new Date(at).toISOString(),
        },
      });
    },
  };
}

function isSame(now: Told, before: Told): boolean {
  return (
    now.state === before.state &&
    (now.lowBattery ?? false) === (before.lowBattery ?? false) &&
    now.radio === before.radio &&
    now.radioReason === before.radioReason
  );
}

function radioOf({ state, reason }: RadioHealth): { radio: RadioHealth['state']; radioReason?: string } {
  return { radio: state, ...(reason !== undefined && { radioReason: reason }) };
}

function withoutRadio({ radio: _, radioReason: __, ...rest }: Told): Told {
  return rest;
}
