import { environmentalSensing } from './environmental-sensing.ts';
import { eq3 } from './eq-3.ts';
import type { GattProfile } from './profile.ts';

/** By `model` of a device of kind `thermostat-gatt`. */
export const gattProfiles: ReadonlyMap<string, GattProfile> = new Map(
  [eq3, environmentalSensing].map((profile) => [profile.model, profile]),
);
