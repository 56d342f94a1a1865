import { z } from 'zod';
import { type Device, message } from './device.ts';

const uuid = z
  .string()
  .regex(/^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/)
  .transform((text) => text.replaceAll('-', '').toLowerCase());
const uint16 = z.number().int().min(0).max(0xffff);

/**
 * The shopper's own phone, which hears the shop's fixed beacons and reports them: the way that works
 * with a locked phone and without the shop listening to anybody. One entry stands for all phones;
 * the token alone recognises.
 */
export const shopperApp = {
  kind: 'shopper-app',
  summary: "the retailer's app on shoppers' phones, one entry for all of them",
  shared: true,
  messages: {
    ranged: message(
      'B',
      {
        token: z
          .string()
          .regex(/^[0-9a-fA-F]{32}$/)
          .transform((text) => text.toLowerCase()),
        beacons: z
          .array(z.object({ uuid, major: uint16, minor: uint16, rssi: z.number().min(-127).max(20) }))
          .max(100),
      },
      ({ token, beacons }) => [{ kind: 'ranged', token, beacons }],
    ),
  },
} satisfies Device;
