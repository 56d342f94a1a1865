import { expect, it } from 'vitest';
import { type ConsentRecord, changeList, fullList, withdrawn } from '../../firmware-sim/consent-issuer.ts';
import { TEN } from './profile-store-client.ts';

const record = (n: number, more: Partial<ConsentRecord> = {}): ConsentRecord => ({
  recordId: `r${n}`,
  version: 1,
  subjectRef: `p${n}`,
  purposes: ['recognition'],
  state: 'given',
  validFrom: '2026-01-01T00:00:00Z',
  validUntil: '2027-01-01T00:00:00Z',
  noticeId: 'n1',
  noticeVersion: '1',
  language: 'en',
  method: 'app',
  stores: ['s1'],
  keys: [{ kind: 'app', token: '00112233445566778899aabbccddeeff' }],
  ...more,
});

it('issues a full list of the records that name the store', () => {
  const records = [record(1), record(2, { stores: ['s2'] })];
  expect(fullList('s1', 7, records, TEN)).toEqual([
    { storeId: 's1', list: 'full', version: 7, issuedAt: '2026-03-01T10:00:00.000Z', records: [record(1)] },
  ]);
  expect(fullList('s1', 8, [], TEN)).toMatchObject([{ records: [] }]);
});

it('splits a large list into numbered parts that stay under 1 MiB when signed', () => {
  const records = Array.from({ length: 8000 }, (_, n) => record(n));
  const parts = fullList('s1', 7, records, TEN);
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.map(({ part }) => part)).toEqual(parts.map((_, i) => i + 1));
  for (const part of parts) {
    expect(part).toMatchObject({ version: 7, parts: parts.length });
    expect(Buffer.from(JSON.stringify(part)).toString('base64url').length).toBeLessThan(1_000_000);
  }
  expect(parts.flatMap((part) => part.records)).toEqual(records);
});

it('issues a change that names the version before it, and a withdrawal without keys', () => {
  const change = changeList('s1', 7, [withdrawn(record(1))], TEN);
  expect(change).toMatchObject({ list: 'change', previous: 7, version: 8 });
  expect(change.records).toMatchObject([{ recordId: 'r1', version: 2, state: 'withdrawn', keys: [] }]);
});
