import { checkIn } from './check-in.ts';
import { climateSensor } from './climate-sensor.ts';
import { connectedShelf } from './connected-shelf.ts';
import type { Device } from './device.ts';
import { receiver } from './receiver.ts';
import { shopperApp } from './shopper-app.ts';
import { smartButton } from './smart-button.ts';
import { thermostat } from './thermostat.ts';
import { thermostatGatt } from './thermostat-gatt.ts';
import { wifi } from './wifi.ts';

/** Every kind of device that Aisle knows; `kind` in `aisle.yaml` names one of them. */
export const devices: readonly Device[] = [
  connectedShelf,
  shopperApp,
  receiver,
  smartButton,
  thermostat,
  thermostatGatt,
  climateSensor,
  checkIn,
  wifi,
];

export const deviceByKind: ReadonlyMap<string, Device> = new Map(
  devices.map((device) => [device.kind, device]),
);
