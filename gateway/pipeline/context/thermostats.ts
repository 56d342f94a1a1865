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
  /** A command was obeyed: the change that the device reports next is `by` this. */
  obeyed(device: string, setpointC: number, by: ChangedBy): void;
}

/** A change of setpoint or mode is an event; readings between are climate. */
export function createThermostats(stored: StoredState): Thermostats {
  const told = new Map<string, Told>();
  for (const [key, value] of stored.get('thermostat')) told.set(key, value as Told);
  const obeyed = new Map<string, { setpointC: number; by: ChangedBy }>();

  return {
    said(device, reading, at, emit) {
      const before = told.get(device.id);
      const { setpointC, currentC, mode, valvePct } = reading;
      const now: Told = { setpointC, ...(mode !== undefined && { mode }) };
      if (before && before.setpointC === setpointC && before.mode === mode) return;
      told.set(device.id, now);
      emit.change('thermostat', device.id, now);
      const order = obeyed.get(device.id);
      obeyed.delete(device.id);
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
          changedBy: order?.setpointC === setpointC ? order.by : 'device',
        },
      });
    },
    obeyed(device, setpointC, by) {
      obeyed.set(device, { setpointC, by });
    },
  };
}
