import type { Press } from '../../../devices/device.ts';
import type { ShopDevice } from '../decode.ts';
import type { Emit } from './emit.ts';

/** What this press asks for, where the configuration says so. */
export function intentOf(
  { intents }: ShopDevice,
  { button, press }: { button: number; press: Press },
): string | undefined {
  return intents?.[`${button}.${press}`] ?? intents?.[press];
}

/** A press is an event at once. Its intent is what the configuration says this press asks for. */
export function pressed(device: ShopDevice, button: number, press: Press, at: number, emit: Emit): void {
  const intent = intentOf(device, { button, press });
  emit.event({
    name: 'button.pressed',
    class: 'B',
    time: at,
    data: {
      deviceId: device.id,
      ...(device.zone !== undefined && { zoneId: device.zone }),
      button,
      press,
      ...(intent !== undefined && { intent }),
    },
  });
}
