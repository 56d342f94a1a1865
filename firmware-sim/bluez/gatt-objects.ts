import { longUuid } from './advertising.ts';
import type { Typed } from './dbus.ts';
import type { GattCharacteristic, GattService } from './peripheral.ts';

/** What bluetoothd keeps to itself. */
const HIDDEN = longUuid('1800');
/** What it agrees on with a peripheral of LE 4.0. */
const MTU = 23;

/** An object that stands for a part of a peripheral's attribute table. */
export interface GattObject {
  path: string;
  properties: Record<string, Typed>;
}

/** A service, its characteristics and their descriptors, as objects below a device. */
export interface ServiceObjects extends GattObject {
  characteristics: (GattObject & {
    characteristic: GattCharacteristic;
    descriptors: (GattObject & { value: Buffer })[];
  })[];
}

/** The objects of a peripheral's services, paths and properties as bluetoothd makes them (src/gatt-client.c). */
export function serviceObjects(device: string, services: readonly GattService[]): ServiceObjects[] {
  return services
    .filter(({ uuid }) => uuid !== HIDDEN)
    .map(({ uuid, handle, characteristics }) => {
      const path = `${device}/service${hex(handle)}`;
      return {
        path,
        properties: {
          UUID: ['s', uuid],
          Device: ['o', device],
          Primary: ['b', true],
          Includes: ['ao', []],
        },
        characteristics: characteristics.map((one) => characteristicObject(path, one)),
      };
    });
}

function characteristicObject(
  service: string,
  characteristic: GattCharacteristic,
): ServiceObjects['characteristics'][number] {
  const { uuid, handle, flags, descriptors = [] } = characteristic;
  const path = `${service}/char${hex(handle)}`;
  const notifies = flags.includes('notify') || flags.includes('indicate');
  return {
    path,
    characteristic,
    properties: {
      UUID: ['s', uuid],
      Service: ['o', service],
      Value: ['ay', Buffer.alloc(0)],
      ...(notifies && { Notifying: ['b', false] as const }),
      Flags: ['as', [...flags]],
      ...(flags.includes('write-without-response') && { WriteAcquired: ['b', false] as const }),
      ...(flags.includes('notify') && { NotifyAcquired: ['b', false] as const }),
      MTU: ['q', MTU],
    },
    descriptors: descriptors.map(({ uuid: what, handle: at, value }) => ({
      path: `${path}/desc${hex(at)}`,
      properties: { UUID: ['s', what], Characteristic: ['o', path], Value: ['ay', Buffer.alloc(0)] },
      value,
    })),
  };
}

function hex(handle: number): string {
  return handle.toString(16).padStart(4, '0');
}
