import { z } from 'zod';
import { type Device, message } from './device.ts';

/** Characters of the longest code. */
const MAX_CODE = 4_096;

/**
 * A reader at the door or beside a kiosk to which a shopper shows a code, by QR or NFC. An NFC poster that
 * says "I agree", and the one beside it that says "I withdraw", send their choice with the code.
 */
export const checkIn = {
  kind: 'check-in',
  summary: "a QR or NFC reader that shoppers show their app's code to",
  messages: {
    // Contract, Topics: the highest of the events that it can make, `consent.granted`.
    scanned: message(
      'A',
      { code: z.string().min(1).max(MAX_CODE), choice: z.enum(['grant', 'withdraw']).optional() },
      ({ code, choice }) => [{ kind: 'check-in', code, ...(choice && { choice }) }],
    ),
  },
} satisfies Device;
