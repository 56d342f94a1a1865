import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { JWK } from 'jose';
import { z } from 'zod';
import { consentRecord } from './consent-record.ts';
import type { Holder, Ticket } from './consents.ts';

/*
 * What a person shows at a kiosk or a reader, or sends from the app: the app's own token, good for who is
 * in force already, or a check-in code that the central platform signed, good for everybody it knows.
 * Nothing here keeps a code or says one in a reason (R13).
 */

/** Characters of the longest code that is looked at. */
export const MAX_CODE = 4_096;

/** Why a code is nobody's. */
export type CodeProblem =
  | 'not a code'
  | 'not signed by an issuer'
  | 'wrong form'
  | 'for another store'
  | 'expired'
  /** An app's token that no consent in force holds. */
  | 'unknown';

/** Whose code it is. `token` is the app key (32 hex) by which that person is recognised, where there is one. */
export type Shown = { holder: Holder; token?: string } | { problem: CodeProblem };

/** Public keys of the central platform by `kid`. */
export type IssuerKeys = ReadonlyMap<string, KeyObject>;

/** @throws where a JWK is no key. */
export function issuerKeysOf(jwks: readonly JWK[]): IssuerKeys {
  return new Map(jwks.map((jwk) => [String(jwk.kid), createPublicKey({ key: { ...jwk }, format: 'jwk' })]));
}

/** Says whose a shown code is; `at` is ms since the epoch. */
export type CodeReader = (code: string, at: number) => Shown;

export function codeReader(parts: {
  issuerKeys: IssuerKeys;
  storeId: string;
  /** Who in force holds this app key (32 hex). */
  holderOf: (token: string, at: number) => Holder | undefined;
}): CodeReader {
  const { issuerKeys, storeId, holderOf } = parts;
  return (code, at) => {
    const token = readAppToken(code);
    if (token !== undefined) {
      const holder = holderOf(token, at);
      return holder ? { holder, token } : { problem: 'unknown' };
    }
    const read = readCheckInCode(code, issuerKeys, { storeId, at });
    if ('problem' in read) return read;
    const { recordId, ticket } = read;
    const known = ticket.keys.flatMap((key) =>
      key.kind === 'app' && holderOf(key.token, at)?.recordId === recordId ? [key.token] : [],
    );
    return { holder: { recordId, ticket }, ...(known[0] !== undefined && { token: known[0] }) };
  };
}

/** `aisle:<32 hex>`, or the hex alone; lower case. Scanners that type add blanks. */
export function readAppToken(code: string): string | undefined {
  return /^\s*(?:aisle:)?([0-9a-f]{32})\s*$/i.exec(code)?.[1]?.toLowerCase();
}

/**
 * Reads a check-in code: a compact JWS (RFC 7515), EdDSA, `typ` `aisle-check-in`, for this store and not
 * expired by the gateway's clock, without leeway. Synchronous, as the pipeline is.
 */
export function readCheckInCode(
  code: string,
  issuerKeys: IssuerKeys,
  { storeId, at }: { storeId: string; at: number },
): { recordId: string; ticket: Ticket } | { problem: CodeProblem } {
  const jws = splitJws(code.trim());
  if (!jws) return { problem: 'not a code' };
  if (!isSigned(jws, issuerKeys)) return { problem: 'not signed by an issuer' };
  const { data: said } = payloadForm.safeParse(parseJson(jws.payload));
  if (!said) return { problem: 'wrong form' };
  if (said.storeId !== storeId) return { problem: 'for another store' };
  const { recordId, version, subjectRef, validUntil, expiresAt } = said;
  const isOver = validUntil !== undefined && Date.parse(validUntil) <= at;
  if (at >= Date.parse(expiresAt) || isOver) return { problem: 'expired' };
  const keys = keysOf(said);
  if (!keys) return { problem: 'wrong form' };
  return { recordId, ticket: { subjectRef, version, keys, ...(validUntil !== undefined && { validUntil }) } };
}

const time = z.iso.datetime({ offset: true });

const payloadForm = z.object({
  storeId: z.string(),
  recordId: z.string().min(1).max(128),
  version: z.number().int().nonnegative(),
  subjectRef: z.string().min(1).max(128),
  keys: z.array(z.unknown()),
  validUntil: time.optional(),
  expiresAt: time,
});
type Payload = z.infer<typeof payloadForm>;

/** Keys take the form that they have in a consent record: the code is the beginning of one. */
function keysOf({ recordId, version, subjectRef, keys, expiresAt }: Payload): Ticket['keys'] | undefined {
  return consentRecord.safeParse({
    recordId,
    version,
    subjectRef,
    purposes: [],
    state: 'given',
    validFrom: expiresAt,
    noticeVersion: '',
    stores: [],
    keys,
  }).data?.keys;
}

interface Jws {
  header: Record<string, unknown>;
  payload: Buffer;
  signed: Buffer;
  signature: Buffer;
}

function splitJws(text: string): Jws | undefined {
  if (text.length > MAX_CODE || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return undefined;
  const [header = '', payload = '', signature = ''] = text.split('.');
  const read = parseJson(Buffer.from(header, 'base64url')) as Record<string, unknown> | null | undefined;
  if (read?.typ !== 'aisle-check-in') return undefined;
  return {
    header: read,
    payload: Buffer.from(payload, 'base64url'),
    signed: Buffer.from(`${header}.${payload}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** The algorithm is ours to choose, never the code's (RFC 8725 §3.1); extensions are refused (RFC 7515 §4.1.11). */
function isSigned({ header, signed, signature }: Jws, issuerKeys: IssuerKeys): boolean {
  const { alg, kid, crit } = header;
  const key = typeof kid === 'string' ? issuerKeys.get(kid) : undefined;
  if (key?.asymmetricKeyType !== 'ed25519' || alg !== 'EdDSA' || crit !== undefined) return false;
  return verify(null, signed, key, signature);
}

function parseJson(octets: Buffer): unknown {
  try {
    return JSON.parse(octets.toString('utf8'));
  } catch {
    return undefined;
  }
}
