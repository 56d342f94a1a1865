import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type ConsentRecord, createConsents } from '../../../gateway/consents.ts';
import { createIdentify } from '../../../gateway/pipeline/identify.ts';
import { recognisers } from '../../../gateway/recognise/index.ts';
import { consent, HOUR, list, MINUTE, TEN, tokenOf } from './shop.ts';

function identifyWith(records: ConsentRecord[], enabled = () => true) {
  const consents = createConsents({ storeId: 's1', maxAgeHours: 24 }, { records: [] });
  const identify = createIdentify(consents, recognisers, enabled);
  for (const record of consents.apply(list(TEN, 1, records), TEN).put) identify.put(record, TEN);
  return identify;
}

const sighting = (n: number, at = TEN) => ({
  key: { kind: 'app' as const, token: tokenOf(n) },
  anchor: 'b-shoes',
  rssi: -60,
  at,
});

describe('a sighting', () => {
  it('of somebody who agreed gives the subject, with the consent, the way and how sure it is', () => {
    const seen = identifyWith([consent(1)])(sighting(1), TEN);
    expect(seen?.subject.ref).toBe('p1');
    expect(seen).toMatchObject({ consent: consent(1), method: 'app', confidence: 1 });
    expect(seen).toMatchObject({ anchor: 'b-shoes', rssi: -60, at: TEN });
  });

  it('of a stranger, and of a kind of key that nobody reads, gives nothing', () => {
    const identify = identifyWith([consent(1)]);
    expect(identify(sighting(2), TEN)).toBeUndefined();
    const token = { ...sighting(1), key: { kind: 'rolling-token' as const, token: tokenOf(1) } };
    expect(identify(token, TEN)).toBeUndefined();
  });

  it('of a key that two subjects hold recognises neither; withdrawn by one, it is the other’s', () => {
    const identify = identifyWith([consent(1), consent(2, { keys: consent(1).keys })]);
    expect(identify(sighting(1), TEN)).toBeUndefined();
    identify.remove('c1');
    expect(identify(sighting(1), TEN)?.subject.ref).toBe('p2');
  });

  it('of a key in two records of one subject rests on one that permits, rather with location', () => {
    const keys = consent(1).keys;
    const expired = consent(1, { validUntil: '2026-02-01T00:00:00Z' });
    const bare = consent(2, { subjectRef: 'p1', keys, purposes: ['recognition'] });
    const located = consent(3, { subjectRef: 'p1', keys });
    const restsOn = (...records: ConsentRecord[]) =>
      identifyWith(records)(sighting(1), TEN)?.consent.recordId;
    expect(restsOn(expired, bare)).toBe('c2');
    expect(restsOn(expired, bare, located)).toBe('c3');
    expect(restsOn(located, bare)).toBe('c3');
    expect(restsOn(expired)).toBeUndefined();
  });

  it('needs consent at the moment of sighting and now: neither before the grant nor after its end', () => {
    const from = new Date(TEN).toISOString();
    const until = new Date(TEN + HOUR).toISOString();
    const identify = identifyWith([consent(1, { validFrom: from, validUntil: until })]);
    const isSeen = (seenAt: number, now: number) => identify(sighting(1, seenAt), now) !== undefined;
    expect(isSeen(TEN, TEN)).toBe(true);
    expect(isSeen(TEN - 1, TEN)).toBe(false);
    expect(isSeen(TEN + HOUR - MINUTE, TEN + HOUR)).toBe(false);
  });

  it('recognises nobody while mode or clock forbid it, and nobody can be resumed', () => {
    let enabled = false;
    const identify = identifyWith([consent(1)], () => enabled);
    expect(identify(sighting(1), TEN)).toBeUndefined();
    expect(identify.resume('c1', 'recognition', TEN)).toBeUndefined();
    enabled = true;
    expect(identify(sighting(1), TEN)).toBeDefined();
    expect(identify.resume('c1', 'recognition', TEN)?.subject.ref).toBe('p1');
    expect(identify.resume('c1', 'interaction', TEN)).toBeUndefined();
  });

  it('a record with other keys gives up the old ones', () => {
    const identify = identifyWith([consent(1)]);
    identify.put(consent(1, { version: 2, keys: [{ kind: 'app', token: tokenOf(9) }] }), TEN);
    expect(identify(sighting(1), TEN)).toBeUndefined();
    expect(identify(sighting(9), TEN)?.subject.ref).toBe('p1');
  });
});

describe('a subject', () => {
  it('shows its name nowhere by accident', () => {
    const subject = identifyWith([consent(1)])(sighting(1), TEN)?.subject;
    expect([`${subject}`, JSON.stringify({ subject }), inspect(subject)].join()).not.toContain('p1');
  });
});
