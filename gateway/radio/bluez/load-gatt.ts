import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Bluetooth, Device, GattCharacteristic } from 'node-ble';

/** node-ble's listeners on the bus, each with a match rule of its own; `helper` is private: see load-bluez.ts. */
interface Helped {
  helper: { removeListeners(): void };
}

export type BleDevice = Device & Helped;
export type BleCharacteristic = GattCharacteristic & Helped;

/**
 * A device and its characteristics of node-ble's, made without its GattServer: that waits without end where a link
 * is lost before the services are known, keeps the listeners of all characteristics for good then, and forgets one
 * of two characteristics with the same UUID. Paths come from bluetoothd's own list of objects. Throws where
 * node-ble cannot be loaded or is another version.
 */
export function gattOf(bluetooth: Bluetooth): {
  device(adapter: string, device: string): BleDevice;
  /** By the last parts of its path: `dev_…`, `service000a`, `char000b`. */
  characteristic(adapter: string, device: string, service: string, characteristic: string): BleCharacteristic;
} {
  const require = createRequire(import.meta.url);
  const Device = require('node-ble/src/Device');
  const GattCharacteristic = require('node-ble/src/GattCharacteristic');
  const { dbus } = bluetooth as Bluetooth & { dbus: unknown };
  return {
    device: (adapter, device) => known(new Device(dbus, adapter, device)),
    characteristic: (adapter, device, service, characteristic) =>
      known(new GattCharacteristic(dbus, adapter, device, service, characteristic)),
  };
}

function known<T extends EventEmitter & Helped>(made: T): T {
  if (made instanceof EventEmitter && typeof made.helper?.removeListeners === 'function') return made;
  throw new Error('this node-ble is not 1.13.0, whose insides the radio relies on');
}
