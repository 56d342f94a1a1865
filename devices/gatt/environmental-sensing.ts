import { intLE, putLE } from '../wire/integers.ts';
import { assignedUuid, type CharacteristicId, type GattProfile, type GattSaid } from './profile.ts';

/** sint16, 0.01 °C; this value says that it is not known. GATT Specification Supplement, Temperature. */
const NOT_KNOWN = -0x8000;

/**
 * A thermostat that has the standard's Environmental Sensing service (0x181A) with its temperature (0x2A6E), and
 * a setpoint in a characteristic of its maker's: the standard has none, and forbids writing in this service. The
 * setpoint's form is the temperature's.
 */
export function environmentalSensingWith(
  model: string,
  setpoint: CharacteristicId,
  setpointRange: GattProfile['setpointRange'],
): GattProfile {
  const temperature = { service: assignedUuid(0x181a), characteristic: assignedUuid(0x2a6e) };
  const sources = [
    { from: temperature, decode: (bytes: Uint8Array) => said('currentC', bytes) },
    { from: setpoint, decode: (bytes: Uint8Array) => said('setpointC', bytes) },
  ];
  return {
    model,
    summary: 'a thermostat with the Environmental Sensing service and a setpoint that can be written',
    setpointRange,
    reads: sources,
    notifies: sources,
    set: { to: setpoint, encode: encodeHundredths },
    stayConnected: true,
    everyS: 60,
  };
}

/**
 * The maker's part of the thermostat in `firmware-sim/`. For one of another maker: a file with another value,
 * made by `environmentalSensingWith`, and a line in index.ts.
 */
export const environmentalSensing = environmentalSensingWith(
  'environmental-sensing',
  {
    service: '4f1d0001-9a5c-4b7e-8e2f-61a7c3d05b90',
    characteristic: '4f1d0002-9a5c-4b7e-8e2f-61a7c3d05b90',
  },
  { minC: 5, maxC: 30, stepC: 0.5 },
);

function said(name: 'currentC' | 'setpointC', bytes: Uint8Array): GattSaid | undefined {
  if (bytes.length !== 2) return undefined;
  const hundredths = intLE(bytes, 0, 2);
  return hundredths === NOT_KNOWN ? undefined : { [name]: hundredths / 100 };
}

function encodeHundredths(temperatureC: number): Uint8Array {
  const bytes = new Uint8Array(2);
  putLE(bytes, 0, 2, Math.round(temperatureC * 100));
  return bytes;
}
