import { z } from 'zod';

/**
 * A consent record as the central platform sends it: who agreed to what, where, until when, and the keys
 * by which they can be recognised (contract, From the central platform; ISO/IEC TS 27560).
 */

export const PURPOSES = ['recognition', 'location', 'interaction', 'personalisation', 'assistance'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** ISO/IEC TS 27560: the states that permit, and those that do not. */
export const PERMITTING = ['given', 'renewed'] as const;
const BARRING = [
  'unknown',
  'requested',
  'deferred',
  'refused',
  'withdrawn',
  'expired',
  'terminated',
  'invalidated',
] as const;

const hex = (octets: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${octets * 2}}$`), `must be ${octets * 2} hex digits`)
    .transform((text) => text.toLowerCase());
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be YYYY-MM-DD');
const uint16 = z.number().int().min(0).max(0xffff);

const key = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('app'), token: hex(16), day: day.optional() }),
  z.object({
    kind: z.literal('eid'),
    identityKey: hex(16),
    exponent: z.number().int().min(0).max(15),
    offset: z.number().int(),
  }),
  z.object({ kind: z.literal('rolling-token'), key: hex(16), day }),
  z.object({
    kind: z.literal('ibeacon'),
    uuid: z
      .string()
      .transform((text) => text.replaceAll('-', '').toLowerCase())
      .pipe(hex(16)),
    major: uint16,
    minor: uint16,
  }),
  z.object({ kind: z.literal('wifi'), user: z.string().optional(), address: z.string().optional() }),
  z.object({ kind: z.literal('irk'), irk: hex(16) }),
]);
export type ConsentKey = z.infer<typeof key>;

const time = z.iso.datetime({ offset: true });

const record = z.object({
  recordId: z.string().min(1).max(128),
  version: z.number().int().nonnegative(),
  subjectRef: z.string().min(1).max(128),
  purposes: z.array(z.enum(PURPOSES)),
  state: z.enum([...PERMITTING, ...BARRING]),
  validFrom: time,
  validUntil: time.nullish(),
  noticeId: z.string().optional(),
  noticeVersion: z.string(),
  language: z.string().optional(),
  method: z.string().optional(),
  stores: z.array(z.string()),
  keys: z.array(key).max(64),
  staff: z.boolean().optional(),
});
export type ConsentRecord = z.infer<typeof record>;

/**
 * A record of a list. Of one that permits nothing only the name is read: a withdrawal must not fail over
 * what else it says, and the keys of who did not agree are nobody's here (R14).
 */
export const consentRecord = z.preprocess((value) => (isBarring(value) ? nameOf(value) : value), record);

function isBarring(value: unknown): value is Record<string, unknown> {
  return (BARRING as readonly unknown[]).includes((value as { state?: unknown } | null)?.state);
}

function nameOf({ recordId, version, subjectRef, state }: Record<string, unknown>) {
  const nothing = { purposes: [], stores: [], keys: [], validFrom: NEVER, noticeVersion: '' };
  return { recordId, version, subjectRef, state, ...nothing };
}

const NEVER = '9999-12-31T23:59:59Z';
