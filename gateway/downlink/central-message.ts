import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { type ConsentRecord, consentRecord } from '../consent-record.ts';
import type { CentralCommand } from '../pipeline/signal.ts';
import { joined, type PackedRecord, packPart, recordsOf } from './list-part.ts';
import { type LongList, longList, SLICE_RECORDS } from './long-list.ts';
import { Refused } from './refused.ts';

/*
 * What the central platform says: compact JWS, EdDSA, each signed by a key of the configuration.
 * Nothing unsigned, foreign or malformed gets past here; whether a list is older than the one in
 * force is the pipeline's to say. It runs in a thread of its own (`list-worker.ts`).
 */

/** Octets of one message: a part of a list is at most 1 MiB (contract), base64 adds a third. */
const MAX_MESSAGE = 1.5 * 1024 * 1024;
/** Parts of one list: what may wait in memory for the last of them. */
const MAX_PARTS = 100;
/** Records of one part: the shortest there is takes some 60 octets. */
const MAX_RECORDS = 20_000;

const millis = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const listPart = z.object({
  storeId: z.string(),
  list: z.enum(['full', 'change']),
  version: z.number().int().nonnegative(),
  previous: z.number().int().nonnegative().optional(),
  issuedAt: millis,
  part: z.number().int().min(1).optional(),
  parts: z.number().int().min(1).max(MAX_PARTS).optional(),
  // Counted before they are looked at: each that is wrong is told of at length.
  records: z.array(z.unknown()).max(MAX_RECORDS).pipe(z.array(consentRecord)),
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

/** What all parts of a list have in common; `issuedAt` in ms since the epoch. */
export interface ListHead {
  kind: 'consents';
  storeId: string;
  list: 'full' | 'change';
  version: number;
  previous?: number | undefined;
  issuedAt: number;
}

/** A list that is short enough for one signal. */
export interface SignedList extends ListHead {
  records: ConsentRecord[];
}

export type CentralMessage =
  | SignedList
  | LongList
  | { kind: 'command'; command: CentralCommand }
  /** A part of a list whose other parts are still to come, or something that is not built. */
  | { kind: 'nothing' };

export interface CentralReader {
  /** @throws Refused with the reason. */
  read(jws: string): Promise<CentralMessage>;
}

export function centralReader(issuerKeys: readonly JWK[], storeId: string): CentralReader {
  const keys = new Map(issuerKeys.map((jwk) => [jwk.kid, jwk]));
  const parts = partAssembly(storeId);

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
    return { typ, payload: json(payload) };
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`not a valid signed message: ${(error as Error).message}`);
  }
}

/** The parser's own words would quote the payload, and keys with it (R13). */
function json(octets: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8'));
  } catch {
    throw new Refused('not a valid signed message: the payload is not JSON');
  }
}

function parse<T extends z.ZodType>(schema: T, payload: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Refused(`${what}: ${issue?.path.join('.') || 'the payload'}: ${issue?.message}`);
}

/**
 * Keeps the parts of the newest list, as octets, until all are there; a list in one part passes at once.
 */
function partAssembly(storeId: string): (part: ListPart) => SignedList | LongList | { kind: 'nothing' } {
  let held: { first: ListHead & { parts: number }; got: Map<number, PackedRecord[]> } | undefined;
  return (part) => {
    const { part: number, parts = 1, version } = part;
    const head = headOf(part);
    if (held && version >= held.first.version && !isSame({ ...head, parts }, held.first)) held = undefined;
    if (parts === 1) return wholeList(head, packPart(part.records, storeId));
    if (number === undefined || number > parts) throw new Refused('consent list: part without its number');
    held ??= { first: { ...head, parts }, got: new Map() };
    if (version < held.first.version) {
      throw new Refused(`consent list: part of version ${version}, ${held.first.version} has begun`);
    }
    held.got.set(number, packPart(part.records, storeId));
    if (held.got.size < parts) return { kind: 'nothing' };
    const inOrder = [...held.got].sort(([a], [b]) => a - b).flatMap(([, records]) => records);
    held = undefined;
    return wholeList(head, inOrder);
  };
}

function headOf({ storeId, list, version, previous, issuedAt }: ListPart): ListHead {
  return { kind: 'consents', storeId, list, version, ...(previous !== undefined && { previous }), issuedAt };
}

function isSame(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function wholeList(head: ListHead, records: readonly PackedRecord[]): SignedList | LongList {
  if (records.length > SLICE_RECORDS) return longList(head, records);
  return { ...head, records: recordsOf({ octets: joined(records) }) };
}
