import { z } from 'zod';

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' });
export const mqttUrl = z.url({ protocol: /^mqtts?$/, error: 'must be an mqtt:// or mqtts:// URL' });
const unomiId = z.string().regex(/^[\w@.-]{1,60}$/, 'must be 1 to 60 of A-Z a-z 0-9 _ - @ .');

/** Entries of `uplinks`: where events go, in whose words, and the files of their secrets. */
export const uplinkSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('http'),
    url: httpUrl,
    tokenFile: z.string().optional(),
    ca: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal('mqtt'),
    url: mqttUrl,
    userName: z.string().optional(),
    passwordFile: z.string().optional(),
    ca: z.string().optional(),
  }),
  /** Segment, RudderStack and others who take its batches. */
  z.strictObject({
    kind: z.literal('segment'),
    url: httpUrl,
    writeKeyFile: z.string(),
    ca: z.string().optional(),
  }),
  /** Apache Unomi: only events of persons go there. */
  z.strictObject({
    kind: z.literal('unomi'),
    url: httpUrl,
    scope: unomiId,
    keyFile: z.string(),
    tenant: z
      .string()
      .regex(/^[^\s:]+$/, 'must have no colon: it is the user name of Basic authentication')
      .optional(),
    confirm: z.boolean().default(false),
    profileCookie: z
      .string()
      .regex(/^[\w.-]+$/, 'must be a cookie name such as context-profile-id')
      .default('context-profile-id'),
    ca: z.string().optional(),
  }),
]);
