/**
 * The side that issues consent lists: what the retailer's consent management does, as an example.
 * A list is signed by the profile store's issuer key: `POST /downlink {kind: 'consents', payload: list}`.
 */

/** One shopper's consent, as the contract names its fields. Times are ISO 8601 UTC. */
export interface ConsentRecord {
  recordId: string;
  version: number;
  /** The profile store's own reference. */
  subjectRef: string;
  purposes: ('recognition' | 'location' | 'interaction' | 'personalisation' | 'assistance')[];
  /** ISO/IEC TS 27560 states; only `given` and `renewed` permit. */
  state: string;
  validFrom: string;
  validUntil: string;
  noticeId: string;
  noticeVersion: string;
  language: string;
  method: string;
  stores: string[];
  keys: ({ kind: string } & Record<string, unknown>)[];
  staff?: boolean;
}

export interface ConsentList {
  storeId: string;
  list: 'full' | 'change';
  version: number;
  /** Of a change: the version that it follows. */
  previous?: number;
  issuedAt: string;
  /** 1 to `parts`. */
  part?: number;
  parts?: number;
  records: ConsentRecord[];
}

/** A part is at most 1 MiB on its way, signed: base64url takes four octets for three, the rest is margin. */
const PART_BYTES = 700 * 1024;

/** Everything in force for one store, in as many parts as its size asks for; gives at least one. */
export function fullList(
  storeId: string,
  version: number,
  records: ConsentRecord[],
  now: number,
): ConsentList[] {
  const slices = split(records.filter((record) => record.stores.includes(storeId)));
  const head = { storeId, list: 'full' as const, version, issuedAt: new Date(now).toISOString() };
  if (slices.length === 1) return [{ ...head, records: slices[0] ?? [] }];
  return slices.map((slice, i) => ({ ...head, part: i + 1, parts: slices.length, records: slice }));
}

/** What changed since the list before: grants, renewals, withdrawals. `version` is the one after `previous`. */
export function changeList(
  storeId: string,
  previous: number,
  records: ConsentRecord[],
  now: number,
): ConsentList {
  const issuedAt = new Date(now).toISOString();
  return { storeId, list: 'change', version: previous + 1, previous, issuedAt, records };
}

/** A withdrawal is a higher version of the record, without keys: nobody needs them any more. */
export function withdrawn(record: ConsentRecord): ConsentRecord {
  return { ...record, version: record.version + 1, state: 'withdrawn', keys: [] };
}

function split(records: ConsentRecord[]): ConsentRecord[][] {
  const slices: ConsentRecord[][] = [[]];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes > 0 && bytes + size > PART_BYTES) {
      slices.push([]);
      bytes = 0;
    }
    slices.at(-1)?.push(record);
    bytes += size;
  }
  return slices;
}
