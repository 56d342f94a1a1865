import { decodeStatus, encodeSetpoint, encodeStatusRequest } from '../wire/eq-3.ts';
import type { GattProfile } from './profile.ts';

const SERVICE = '3e135142-654f-9090-134a-a6ff5bb77046';
const COMMANDS = { service: SERVICE, characteristic: '3fa4585a-ce4a-3bad-db4b-b8df8179ea09' };
const ANSWERS = { service: SERVICE, characteristic: 'd0e8434d-cd29-0996-af41-6c90f4e0eb2a' };

/**
 * eQ-3 CC-RT-BLE and CC-RT-M-BLE. The room's temperature is not among what it tells. Firmware from 1.46 on
 * wants to be paired by its passkey first, once, by hand (`bluetoothctl`).
 */
export const eq3: GattProfile = {
  model: 'eq-3',
  summary: 'eQ-3 CC-RT-BLE radiator thermostat: setpoint, mode, valve and low battery; no room temperature',
  // 30 °C would be "on": the valve open, whatever the room's temperature.
  setpointRange: { minC: 5, maxC: 29.5, stepC: 0.5 },
  reads: [],
  notifies: [
    {
      from: ANSWERS,
      decode(bytes) {
        const status = decodeStatus(bytes);
        if (!status) return undefined;
        const { setpointC, valvePct, isBoosting, mode, isBatteryLow } = status;
        return {
          setpointC,
          valvePct: Math.min(valvePct, 100),
          mode: isBoosting ? 'boost' : mode,
          batteryLow: isBatteryLow,
        };
      },
    },
  ],
  ask: { to: COMMANDS, encode: encodeStatusRequest },
  set: { to: COMMANDS, encode: encodeSetpoint },
  // A held link empties its two batteries, and keeps the phone's app out.
  stayConnected: false,
  everyS: 600,
};
