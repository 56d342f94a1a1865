import type { Device } from './device.ts';
import { thermostat } from './thermostat.ts';

/** A thermostat that speaks GATT alone: the radio process signs in for it, and says and obeys what others do. */
export const thermostatGatt = {
  ...thermostat,
  kind: 'thermostat-gatt',
  summary:
    "a thermostat that this machine's radio process speaks to over Bluetooth GATT (`model`, `address`)",
} satisfies Device;
