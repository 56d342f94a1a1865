import type { RadioHealth, Reading } from '../../../devices/device.ts';
import type { ShopDevice } from '../decode.ts';
import type { StoredState } from '../outcome.ts';
import { isLate, isSameBattery, type SaidOfBattery, type ToldOfBattery, toldAfter } from './battery.ts';
import type { Emit } from './emit.ts';

interface Told extends ToldOfBattery {
  state?: 'online' | 'offline';
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
  for (const [key, value] of stored.get('health')) told.set(key, asNow(value as Told));
  /** When the newest word on its battery was heard, by device. */
  const newest = new Map<string, number>();

  function batteryOf(device: string, before: Told, said: SaidOfBattery, at: number): ToldOfBattery {
    if (said.batteryPct === undefined && said.batteryLow === undefined) return {};
    if (isLate(at, newest.get(device))) return {};
    newest.set(device, at);
    return toldAfter(before, said, at);
  }

  return {
    states: () => told,
    said(device, { state, firmware, radio, ...said }, at, emit) {
      const before = told.get(device.id) ?? {};
      const now: Told = {
        ...(radio === undefined ? before : withoutRadio(before)),
        ...(state !== undefined && { state }),
        ...batteryOf(device.id, before, said, at),
        ...(radio !== undefined && radioOf(radio)),
      };
      const isAsTold = isSame(now, before);
      if (isAsTold && isSameBattery(now.battery ?? {}, before.battery ?? {})) return;
      told.set(device.id, now);
      emit.change('health', device.id, now);
      // Low for one reason more or less is low.
      if (isAsTold) return;
      emit.event({
        name: 'device.health',
        class: 'C',
        time: at,
        data: {
          deviceId: device.id,
          ...(now.state !== undefined && { state: now.state }),
          ...(said.batteryPct !== undefined && { battery: said.batteryPct }),
          ...(now.lowBattery !== undefined && { batteryLow: now.lowBattery }),
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

/** Rows of before devices' own signs were told on: low was low by its charge. */
function asNow({ lowBattery, ...rest }: Told): Told {
  if (lowBattery === undefined) return rest;
  return { battery: { lowByCharge: lowBattery }, ...rest, lowBattery };
}

function radioOf({ state, reason }: RadioHealth): { radio: RadioHealth['state']; radioReason?: string } {
  return { radio: state, ...(reason !== undefined && { radioReason: reason }) };
}

function withoutRadio({ radio: _, radioReason: __, ...rest }: Told): Told {
  return rest;
}
