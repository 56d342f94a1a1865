import { z } from 'zod';
import { type Device, type HeardFrame, message, RADIO_STATES } from './device.ts';

const address = z
  .string()
  .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/)
  .transform((text) => text.toLowerCase());
/** 1,650 octets: the longest extended advertising data, Core Spec vol 4 E §7.7.65.13. */
const advertisingData = z.string().regex(/^([0-9a-fA-F]{2}){0,1650}$/);

/** Characters of a radio's reason that go on in `device.health`. */
const MAX_REASON = 300;

const frame = z.object({
  address,
  addressType: z.enum(['public', 'random']),
  rssi: z.number().min(-127).max(20).nullable(),
  data: advertisingData,
  ageMs: z.number().min(0).max(600_000).default(0),
});

/** What hears BLE: on the ceiling, or the gateway's own radio process. */
export const receiver = {
  kind: 'receiver',
  summary: 'hears BLE advertisements on the ceiling or in the box',
  messages: {
    advertisements: message('B', { frames: z.array(frame).max(100) }, ({ frames }) => [
      { kind: 'heard', frames: frames.map(heardFrame) },
    ]),
    crowd: message(
      'C',
      {
        windowS: z.number().min(1).max(300),
        near: z.number().int().min(0).max(100_000),
        far: z.number().int().min(0).max(100_000),
      },
      ({ windowS, near, far }) => [{ kind: 'crowd', windowS, near, far }],
    ),
    radio: message(
      'C',
      { state: z.enum(RADIO_STATES), reason: z.string().optional() },
      ({ state, reason }) => [
        {
          kind: 'health',
          radio: { state, ...(reason !== undefined && { reason: reason.slice(0, MAX_REASON) }) },
        },
      ],
    ),
  },
} satisfies Device;

function heardFrame({ data, ...rest }: z.infer<typeof frame>): HeardFrame {
  return { ...rest, data: Buffer.from(data, 'hex') };
}
