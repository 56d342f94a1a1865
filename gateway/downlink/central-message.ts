import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { type ConsentRecord, consentRecord } from '../consents.ts';
import type { CentralCommand } from '../pipeline/signal.ts';

/*
 * What the central platform says: compact JWS, EdDSA, each signed by a key of the configuration.
 * Nothing unsigned, foreign or malformed gets past here; whether a list is older than the one in
 * force is the pipeline's to say.
 */

/** Octets of one message: a part of a list is at most 1 MiB (contract), base64 adds a third. */
const MAX_MESSAGE = 1.5 * 1024 * 1024;
/** Parts of one list: what may wait in memory for the last of them. */
const MAX_PARTS = 100;

const millis = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const listPart = z.object({
  storeId: z.string(),
  list: z.enum(['full', 'change']),
  version: z.number().int().nonnegative(),
  previous: z.number().int().nonnegative().optional(),
  issuedAt: millis,
  part: z.number().int().min(1).optional(),
  parts: z.number().int().min(1).max(MAX_PARTS).optional(),
  records: z.array(consentRecord),
});
type ListPart = z.infer<typeof listPart>;

const command = z.object({
  id: z.string().min(1).max(128),
  storeId: z.string(),
  gateway: z.string(),
  action: z.string().max(64),
  args: z.record(z.string(), z.unknown()).default({}),
  issuedAt: millis,
  expiresAt: millis,
});

export interface SignedList {
  kind: 'consents';
  storeId: string;
  list: 'full' | 'change';
  version: number;
  previous?: number | undefined;
  issuedAt: number;
  records: ConsentRecord[];
}

export type CentralMessage =
  | SignedList
  | { kind: 'command'; command: CentralCommand }
  /** A part of a list whose other parts are still to come, or something that is not built. */
  | { kind: 'nothing' };

/** Why a message was not taken; for the log. */
export class Refused extends Error {}

export interface CentralReader {
  /** @throws Refused with the reason. */
  read(jws: string): Promise<CentralMessage>;
}

export function centralReader(issuerKeys: readonly JWK[]): CentralReader {
  const keys = new Map(issuerKeys.map((jwk) => [jwk.kid, jwk]));
  const parts = partAssembly();

  return {
    async read(jws) {
      if (jws.length > MAX_MESSAGE) throw new Refused(`message of ${jws.length} octets is over the limit`);
      const { typ, payload } = await verified(jws, keys);
      switch (typ) {
        case 'aisle-consents':
          return parts(parse(listPart, payload, 'consent list'));
        case 'aisle-command':
          return { kind: 'command', command: parse(command, payload, 'command') };
        case 'aisle-decision':
          return { kind: 'nothing' };
        default:
          throw new Refused(`unknown type ${JSON.stringify(typ)?.slice(0, 40)}`);
      }
    },
  };
}

async function verified(jws: string, keys: ReadonlyMap<string | undefined, JWK>) {
  try {
    const { kid, typ } = decodeProtectedHeader(jws);
    const jwk = kid === undefined ? undefined : keys.get(kid);
    if (!jwk) throw new Refused('signed by a key that is not in consents.issuerKeys');
    // The algorithm is ours to choose, never the message's (RFC 8725 §3.1).
    const key = await importJWK(jwk, 'EdDSA');
    const { payload } = await compactVerify(jws, key, { algorithms: ['EdDSA'] });
    return { typ, payload: JSON.parse(Buffer.from(payload).toString('utf8')) as unknown };
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`not a valid signed message: ${(error as Error).message}`);
  }
}

function parse<T extends z.ZodType>(schema: T, payload: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Refused(`${what}: ${issue?.path.join('.') || 'the payload'}: ${issue?.message}`);
}

/** Keeps the parts of the newest list until all are there; a list in one part passes at once. */
function partAssembly(): (part: ListPart) => CentralMessage {
  let held: { first: ListPart; got: Map<number, ListPart> } | undefined;
  return (part) => {
    const { part: number, parts = 1, version } = part;
    if (held && version >= held.first.version && headOf(part) !== headOf(held.first)) held = undefined;
    if (parts === 1) return wholeList(part, part.records);
    if (number === undefined || number > parts) throw new Refused('consent list: part without its number');
    held ??= { first: part, got: new Map() };
    if (version < held.first.version) {
      throw new Refused(`consent list: part of version ${version}, ${held.first.version} has begun`);
    }
    held.got.set(number, part);
    if (held.got.size < parts) return { kind: 'nothing' };
    const inOrder = [...held.got].sort(([a], [b]) => a - b);
    held = undefined;
    return wholeList(
      part,
      inOrder.flatMap(([, { records }]) => records),
    );
  };
}

/** What all parts of one list have in common. */
function headOf({ storeId, list, version, previous, issuedAt, parts }: ListPart): string {
  return JSON.stringify([storeId, list, version, previous, issuedAt, parts]);
}

function wholeList(part: ListPart, records: ConsentRecord[]): SignedList {
  const { storeId, list, version, previous, issuedAt } = part;
  return { kind: 'consents', storeId, list, version, previous, issuedAt, records };
}
