import { z } from 'zod';
import { consentRecord } from '../consents.ts';
import type { Signal } from '../pipeline/signal.ts';

/** Contract, Recordings: one JSON object a line, oldest first. */
const at = z.number().int().nonnegative();
const recorded = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('advertisement'),
    at,
    receiver: z.string(),
    address: z
      .string()
      .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/)
      .transform((text) => text.toLowerCase()),
    addressType: z.enum(['public', 'random']).default('random'),
    rssi: z.number().nullable().default(null),
    data: z.string().regex(/^([0-9a-fA-F]{2})*$/),
  }),
  z.object({
    kind: z.literal('message'),
    at,
    topic: z.string(),
    payload: z.string().optional(),
    payloadBase64: z.base64().optional(),
  }),
  z.object({
    kind: z.literal('consents'),
    at,
    list: z.enum(['full', 'change']).default('full'),
    records: z.array(consentRecord),
  }),
  z.object({ kind: z.literal('tick'), at }),
]);

/**
 * One recorded line as a signal.
 * @throws with `where` (file and line) and what was expected.
 */
export function readRecordedLine(line: string, where: string): Signal {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new Error(`${where}: not JSON: ${(error as Error).message}`);
  }
  const parsed = recorded.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${where}: ${issue?.path.join('.') || 'the line'}: ${issue?.message}`);
  }
  const signal = parsed.data;
  switch (signal.kind) {
    case 'advertisement':
      return { ...signal, data: Buffer.from(signal.data, 'hex') };
    case 'message': {
      const { payload, payloadBase64, ...rest } = signal;
      const bytes =
        payloadBase64 === undefined ? Buffer.from(payload ?? '') : Buffer.from(payloadBase64, 'base64');
      return { ...rest, device: rest.topic.split('/')[1] ?? '', payload: bytes };
    }
    default:
      return signal;
  }
}
