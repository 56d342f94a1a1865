import { isGiven } from '../consent-list.ts';
import type { ConsentRecord } from '../consent-record.ts';

/** A record of a part, found without reading it. */
export interface PackedRecord {
  recordId: string;
  version: number;
  /** It permits nothing here: it can only take away. */
  isBarring: boolean;
  /** Its JSON. */
  octets: Uint8Array;
}

/**
 * The records of a part that was read and found good, as they wait for the other parts: as octets, so that
 * a list takes little more memory than its length.
 */
export function packPart(records: readonly ConsentRecord[], storeId: string): PackedRecord[] {
  const texts = records.map((record) => Buffer.from(JSON.stringify(record)));
  // One piece of memory for all of them, of their length.
  const all = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  return records.map((record, i) => {
    const start = end;
    const text = texts[i] ?? Buffer.alloc(0);
    all.set(text, start);
    end += text.length;
    const { recordId, version } = record;
    return { recordId, version, isBarring: !isGiven(record, storeId), octets: all.subarray(start, end) };
  });
}

const OPEN = '['.charCodeAt(0);
const COMMA = ','.charCodeAt(0);
const CLOSE = ']'.charCodeAt(0);

/** The JSON array of these records, in memory of its own: it is handed over to another thread. */
export function joined(records: readonly Pick<PackedRecord, 'octets'>[]): Uint8Array {
  if (records.length === 0) return Uint8Array.of(OPEN, CLOSE);
  const array = new Uint8Array(records.reduce((sum, { octets }) => sum + octets.length + 1, 1));
  let end = 0;
  for (const { octets } of records) {
    array[end] = end === 0 ? OPEN : COMMA;
    array.set(octets, end + 1);
    end += octets.length + 1;
  }
  array[end] = CLOSE;
  return array;
}

export function recordsOf({ octets }: { octets: Uint8Array }): ConsentRecord[] {
  return JSON.parse(Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8'));
}
