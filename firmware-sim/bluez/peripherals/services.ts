import { longUuid } from '../advertising.ts';
import type { GattCharacteristic, GattService } from '../peripheral.ts';

/** Client Characteristic Configuration, Core Spec vol 3 G §3.3.3.3. BlueZ writes it, nobody else may. */
export function configuration(handle: number) {
  return { uuid: longUuid('2902'), handle, value: Buffer.from([0, 0]) };
}

/** Characteristic User Description, Core Spec vol 3 G §3.3.3.2. */
export function description(handle: number, text: string) {
  return { uuid: longUuid('2901'), handle, value: Buffer.from(text) };
}

/** Generic Access with the device's name: every device has it, and BlueZ shows it to nobody. */
export function genericAccess(name: string): GattService {
  return { uuid: longUuid('1800'), handle: 0x0001, characteristics: [constant('2a00', 0x0002, name)] };
}

/** Device Information: its maker and its model. */
export function deviceInformation(handle: number, maker: string, model: string): GattService {
  const characteristics = [constant('2a29', handle + 1, maker), constant('2a24', handle + 3, model)];
  return { uuid: longUuid('180a'), handle, characteristics };
}

function constant(uuid: string, handle: number, text: string): GattCharacteristic {
  return { uuid: longUuid(uuid), handle, flags: ['read'], read: () => Buffer.from(text) };
}
