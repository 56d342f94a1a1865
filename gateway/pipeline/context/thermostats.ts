import type { ShopDevice } from '../decode.ts';
import type { StoredState } from '../outcome.ts';
import type { Emit } from './emit.ts';

/** What was last told of a thermostat. */
interface Told {
  setpointC: number;
  mode?: string;
}

type ChangedBy = 'device' | 'rule' | 'central' | 'person';

export interface Thermostats {
  said(
    device: ShopDevice,
    reading: { setpointC: number; currentC?: number; mode?: string; valvePct?: number },
    at: number,
    emit: Emit,
  ): void;
  /**
   * A setpoint was ordered: where it is the next that the device reports, it is changed `by` this. Devices
   * report it before their reply as well as after.
   */
  ordered(device: string, setpointC: number, by: ChangedBy): void;
  /** That order came to nothing. */
  refused(device: string, setpointC: number): void;
}

/** A change of setpoint or mode is an event; readings between are climate. */
export function createThermostats(stored: StoredState): Thermostats {
  const told = new Map<string, Told>();
  for (const [key, value] of stored.get('thermostat')) told.set(key, value as Told);
  const orders = new Map<string, { setpointC: number; by: ChangedBy }>();

  return {
    said(device, { setpointC, currentC, mode, valvePct }, at, emit) {
      const before = told.get(device.id);
      // A device need not repeat its mode each time.
      const isSameMode = mode === undefined || mode === before?.mode;
      if (before?.setpointC === setpointC && isSameMode) return;
      const order = orders.get(device.id);
      // Its first reading ever may come between the order and what the order does.
      if (before && before.setpointC !== setpointC) orders.delete(device.id);
      const now: Told = { ...before, setpointC, ...(mode !== undefined && { mode }) };
      told.set(device.id, now);
      emit.change('thermostat', device.id, now);
      emit.event({
        name: 'thermostat.changed',
        class: 'B',
        time: at,
        data: {
          deviceId: device.id,
          ...(device.zone !== undefined && { zoneId: device.zone }),
          setpointC,
          ...(currentC !== undefined && { currentC }),
          ...(valvePct !== undefined && { valvePct }),
          ...(mode !== undefined && { mode }),
          changedBy: before?.setpointC !== setpointC && order?.setpointC === setpointC ? order.by : 'device',
        },
      });
    },
    ordered: (device, setpointC, by) => void orders.set(device, { setpointC, by }),
    refused(device, setpointC) {
      if (orders.get(device)?.setpointC === setpointC) orders.delete(device);
    },
  };
}
