import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import type { ConsentKey } from '../../../gateway/consent-record.ts';
import { createKeyHolders } from '../../../gateway/recognise/key-holders.ts';

const secret = '00112233445566778899aabbccddeeff';
const keys: ConsentKey[] = [
  { kind: 'app', token: secret },
  { kind: 'eid', identityKey: secret, exponent: 10, offset: 5 },
  { kind: 'rolling-token', key: secret, day: '2026-03-02' },
  { kind: 'ibeacon', uuid: secret, major: 1, minor: 7 },
  { kind: 'wifi', user: 'anna' },
  { kind: 'irk', irk: secret },
];

it.each(keys)('two subjects that hold one key of kind $kind are noticed', (key) => {
  const holders = createKeyHolders();
  expect(holders.put({ recordId: 'c1', subjectRef: 'p1' }, [key])).toEqual([]);
  expect(holders.put({ recordId: 'c2', subjectRef: 'p2' }, [key])).toEqual(['c1']);
});

it('two records of one subject may hold one key, and equal bytes of two kinds are two keys', () => {
  const holders = createKeyHolders();
  expect(holders.put({ recordId: 'c1', subjectRef: 'p1' }, keys)).toEqual([]);
  expect(holders.put({ recordId: 'c2', subjectRef: 'p1' }, keys)).toEqual([]);
});

it('an EID key is the same whatever clock it was registered with', () => {
  const holders = createKeyHolders();
  const [, eid] = keys;
  holders.put({ recordId: 'c1', subjectRef: 'p1' }, eid ? [eid] : []);
  const again: ConsentKey = { kind: 'eid', identityKey: secret, exponent: 4, offset: 0 };
  expect(holders.put({ recordId: 'c2', subjectRef: 'p2' }, [again])).toEqual(['c1']);
});

it('a record that was removed holds nothing', () => {
  const holders = createKeyHolders();
  holders.put({ recordId: 'c1', subjectRef: 'p1' }, keys);
  holders.remove('c1');
  expect(holders.put({ recordId: 'c2', subjectRef: 'p2' }, keys)).toEqual([]);
});

it('R13: who holds which key shows none of them', () => {
  const holders = createKeyHolders();
  holders.put({ recordId: 'c1', subjectRef: 'p1' }, keys);
  const shown = `${holders} ${JSON.stringify(holders)} ${inspect(holders, { depth: 9, showHidden: true })}`;
  for (const form of [secret, Buffer.from(secret, 'hex').toString('base64')]) {
    expect(shown).not.toContain(form);
  }
});
