import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import type { ConsentRecord } from '../../../gateway/consent-record.ts';
import { createConsents } from '../../../gateway/consents.ts';
import { createIdentify } from '../../../gateway/pipeline/identify.ts';
import { recognisersOf } from '../../../gateway/recognise/index.ts';
import { MAX_IRKS } from '../../../gateway/recognise/private-address.ts';
import { seededRandom } from '../../../gateway/seeded-random.ts';
import { secretOf, ways } from '../recognise/ways.ts';
import { consent, HOUR, list, MINUTE, SECOND, TEN, tokenOf } from './shop.ts';

interface Shop {
  enabled?: () => boolean;
  privateAddress?: boolean;
  tagClocks?: ReadonlyMap<string, unknown>;
}

function identifyWith(records: ConsentRecord[], shop: Shop = {}) {
  const { enabled = () => true, privateAddress = false, tagClocks } = shop;
  const consents = createConsents({ storeId: 's1', maxAgeHours: 24 }, { records: [] });
  const recognisers = recognisersOf({ privateAddress, random: seededRandom(1) });
  const identify = createIdentify(consents, recognisers, enabled, tagClocks);
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

  it('of a stranger, and of the right bytes in another kind of key, gives nothing', () => {
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
    const identify = identifyWith([consent(1)], { enabled: () => enabled });
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

it('R13: recognition as a whole shows no key, of whatever kind', () => {
  const identify = identifyWith([consent(1, { keys: ways.map((way) => way.key(1, '2026-03-02')) })], {
    privateAddress: true,
  });
  const shown = [
    `${identify}`,
    JSON.stringify({ identify }),
    inspect(identify, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
  ].join();
  for (const form of [secretOf(1), Buffer.from(secretOf(1), 'hex').toString('base64')]) {
    expect(shown).not.toContain(form);
  }
});

describe.each(ways.map((way) => [way.recogniser.method, way] as const))('by %s', (method, way) => {
  const held = (n: number, person = n) => consent(n, { keys: [way.key(person, '2026-03-02')] });
  const last = (identify: ReturnType<typeof identifyWith>, n: number) =>
    way
      .shows(n, TEN)
      .map((key) => identify({ key, anchor: 'b-shoes', rssi: null, at: TEN }, TEN))
      .at(-1);

  it('somebody who agreed is recognised, and a stranger is not', () => {
    const identify = identifyWith([held(1)], { privateAddress: true });
    expect(last(identify, 1)).toMatchObject({ method, consent: { recordId: 'c1' } });
    expect(last(identify, 2)).toBeUndefined();
  });

  it('a key of two subjects recognises neither, whatever was shown before', () => {
    const identify = identifyWith([held(1), held(2, 1)], { privateAddress: true });
    for (let i = 0; i < 3; i++) expect(last(identify, 1)).toBeUndefined();
  });

  it('R4: without permission nobody is recognised, and nothing is learnt', () => {
    const record = consent(1, {
      keys: [way.key(1, '2026-03-02')],
      validUntil: '2026-02-01T00:00:00Z',
    });
    const identify = identifyWith([record], { privateAddress: true });
    expect(last(identify, 1)).toBeUndefined();
    expect(identify.tagClocks()).toEqual([]);
  });
});

describe('private addresses', () => {
  const irk = (n: number) => consent(n, { keys: [{ kind: 'irk', irk: secretOf(n) }] });
  const way = ways.find(({ recogniser }) => recogniser.method === 'private-address');

  it('recognise nobody in a shop that did not ask for them', () => {
    const identify = identifyWith([irk(1)]);
    for (const key of way?.shows(1, TEN) ?? []) {
      expect(identify({ key, anchor: 'b-shoes', rssi: null, at: TEN }, TEN)).toBeUndefined();
    }
  });

  it('of more keys than a shop may hold are refused, by record and never by key', () => {
    const records = Array.from({ length: MAX_IRKS + 2 }, (_, n) => irk(n));
    const identify = identifyWith(records, { privateAddress: true });
    expect(identify.refused()).toEqual([`c${MAX_IRKS}`, `c${MAX_IRKS + 1}`]);
  });

  it('draw no randomness in a shop that did not ask for them: a recording stays the same', () => {
    const random = () => {
      throw new Error('drawn');
    };
    const ways = recognisersOf({ privateAddress: false, random });
    expect(ways.map(({ createTable }) => createTable().size())).toEqual(ways.map(() => 0));
  });
});

describe('what a sighting teaches about a tag’s clock', () => {
  const key = (n: number) => ({
    kind: 'eid' as const,
    identityKey: secretOf(n),
    exponent: 10,
    offset: 0,
  });
  const SLOT = 1_024;
  const daily = { kind: 'rolling-token', key: secretOf(9), day: '2026-03-02' };
  const tagged = (more = {}) => consent(1, { keys: [daily, key(7), key(1)], ...more });
  /** The tag is heard with a clock so many slots off. */
  function hear(identify: ReturnType<typeof identifyWith>, slots: number, at = TEN) {
    const seconds = Math.floor(at / SECOND) + slots * SLOT;
    const eid = toHex(ephemeralId(Buffer.from(secretOf(1), 'hex'), 10, seconds));
    return identify({ key: { kind: 'eid', eid }, anchor: 'r-shoes', rssi: -60, at }, at);
  }

  it('is handed out once, by record and place among its tags, without any key', () => {
    const identify = identifyWith([tagged()]);
    expect(hear(identify, -1)).toBeDefined();
    const rows = identify.tagClocks();
    expect(rows).toEqual([['c1/1', { registered: 0, offset: expect.any(Number) }]]);
    expect(JSON.stringify(rows)).not.toContain(secretOf(1));
    expect(identify.tagClocks()).toEqual([]);
  });

  it('is handed out as well after the same list came again', () => {
    const consents = createConsents({ storeId: 's1', maxAgeHours: 24 }, { records: [] });
    const recognisers = recognisersOf({ privateAddress: false, random: seededRandom(1) });
    const identify = createIdentify(consents, recognisers, () => true);
    for (const version of [1, 2]) {
      const { put } = consents.apply(list(TEN, version, [tagged()]), TEN);
      for (const record of put) identify.put(record, TEN);
    }
    expect(hear(identify, -1)).toBeDefined();
    expect(identify.tagClocks().map(([name]) => name)).toEqual(['c1/1']);
  });

  it('outlives a restart and a new list', () => {
    const [row] = (() => {
      const before = identifyWith([tagged()]);
      hear(before, -1);
      return before.tagClocks();
    })();
    const restarted = identifyWith([tagged()], { tagClocks: new Map(row ? [row] : []) });
    restarted.put(tagged({ version: 2, keys: [key(7), key(1)] }), TEN);
    expect(hear(restarted, -2)).toBeDefined();
    expect(hear(identifyWith([tagged()]), -2)).toBeUndefined();
  });

  it('is not taken for a tag that the platform registered anew', () => {
    const identify = identifyWith([tagged()], {
      tagClocks: new Map([['c1/1', { registered: 5, offset: -3 * SLOT }]]),
    });
    expect(hear(identify, 0)).toBeDefined();
    expect(hear(identify, -3)).toBeUndefined();
  });

  it('R6: goes with the record', () => {
    const identify = identifyWith([tagged()]);
    hear(identify, -1);
    identify.tagClocks();
    identify.remove('c1');
    expect(identify.tagClocks()).toEqual([['c1/1', null]]);
    identify.remove('c1');
    expect(identify.tagClocks()).toEqual([]);
  });
});
