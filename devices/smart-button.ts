import { z } from 'zod';
import { readBthomeFrame } from './bthome-readings.ts';
import { type Device, message, PRESSES } from './device.ts';

/** A button that a shopper or the staff presses: BTHome v2 over BLE, or `pressed` over MQTT. */
export const smartButton = {
  kind: 'smart-button',
  summary: 'a button, over BLE (BTHome v2, plain or encrypted) or MQTT',
  messages: {
    pressed: message(
      'B',
      { button: z.number().int().min(1).max(255).default(1), press: z.enum(PRESSES) },
      ({ button, press }) => [{ kind: 'press', button, press }],
    ),
  },
  frame: readBthomeFrame,
} satisfies Device;
