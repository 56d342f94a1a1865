import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../devices/wire/address.ts';
import { privateAddress } from '../../../devices/wire/private-address.ts';
import { MAX_IRKS, MAX_REMEMBERED, privateAddresses } from '../../../gateway/recognise/private-address.ts';
import { seededRandom } from '../../../gateway/seeded-random.ts';
import { strangersRecognised } from '../../bench/strangers.ts';
import { secretOf } from './ways.ts';

const MINUTE = 60_000;
const owner = { recordId: 'c1', subjectRef: 'p1' };
const table = () => privateAddresses(seededRandom(1)).createTable();
const seen = (n: number, random: number) => ({
  kind: 'private-address' as const,
  address: formatAddress(
    privateAddress(Buffer.from(secretOf(n), 'hex'), Uint8Array.of(7, random >> 8, random)),
  ),
});

/** A table that holds the IRK of person 1. */
function held() {
  const made = table();
  made.put(owner, { kind: 'irk', irk: secretOf(1) }, 0);
  return made;
}

describe('a phone by its private addresses', () => {
  it('R21: is nobody’s by one address, however often it is heard', () => {
    const phones = held();
    for (let at = 0; at < 15 * MINUTE; at += 1_000) expect(phones.find(seen(1, 1), at)).toEqual([]);
  });

  it('R21: is recognised from the second, different address on, and with each that follows', () => {
    const phones = held();
    const found = [1, 1, 2, 2, 3, 4].map((random, i) => phones.find(seen(1, random), i * 10 * MINUTE).length);
    expect(found).toEqual([0, 0, 1, 1, 1, 1]);
  });

  it('R21: has to begin again after a silence of more than sixteen minutes', () => {
    const phones = held();
    expect(phones.find(seen(1, 1), 0)).toEqual([]);
    expect(phones.find(seen(1, 2), 16 * MINUTE + 1)).toEqual([]);
    expect(phones.find(seen(1, 3), 32 * MINUTE + 1)).toEqual([owner]);
    expect(phones.find(seen(1, 4), 49 * MINUTE)).toEqual([]);
  });

  it('a sighting that was too long on its way confirms nothing', () => {
    const phones = held();
    phones.find(seen(1, 1), 60 * MINUTE);
    expect(phones.find(seen(1, 2), 40 * MINUTE)).toEqual([]);
    expect(phones.find(seen(1, 2), 60 * MINUTE)).toEqual([owner]);
  });

  it('is recognised by a key that came after its address had been a stranger’s', () => {
    const phones = held();
    expect([1, 2].flatMap((random) => phones.find(seen(2, random), 0))).toEqual([]);
    phones.put({ recordId: 'c2', subjectRef: 'p2' }, { kind: 'irk', irk: secretOf(2) }, 0);
    expect([1, 2].map((random) => phones.find(seen(2, random), 1_000).length)).toEqual([0, 1]);
  });

  it('of which an address is of another kind, or no address, is nobody’s', () => {
    const phones = held();
    for (const address of ['c0:00:00:00:00:01', '00:11:22:33:44:55', '4a:00', '', 'zz:00:00:00:00:00']) {
      expect(phones.find({ kind: 'private-address', address }, 0)).toEqual([]);
    }
  });

  it('R3: a stranger’s address is forgotten within five minutes, and nobody’s without a key to try', () => {
    const phones = held();
    const before = phones.size();
    for (let i = 0; i < 100; i++) phones.find(seen(9, i), i * 1_000);
    expect(phones.size()).toBe(before + 100);
    phones.roll(99_000);
    expect(phones.size()).toBe(before + 100);
    phones.roll(99_000 + 5 * MINUTE - 1_000);
    expect(phones.size()).toBe(before);
    const bare = table();
    bare.find(seen(9, 1), 0);
    expect(bare.size()).toBe(0);
  });

  it('R3: a clock that is set back makes nothing last longer', () => {
    const phones = held();
    const before = phones.size();
    phones.find(seen(9, 1), 60 * MINUTE);
    phones.roll(0);
    expect(phones.size()).toBe(before);
  });

  it('R3: strangers’ addresses are bounded in number, the oldest forgotten first', () => {
    const phones = held();
    const before = phones.size();
    for (let i = 0; i < MAX_REMEMBERED + 50; i++) {
      const address = `40:${((i >> 16) & 255).toString(16).padStart(2, '0')}:${((i >> 8) & 255).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}:00:01`;
      phones.find({ kind: 'private-address', address }, 0);
    }
    expect(phones.size()).toBeLessThanOrEqual(before + MAX_REMEMBERED);
  });

  it('no more than a thousand keys are held: further records are refused by name, until there is room', () => {
    const phones = table();
    for (let n = 1; n <= MAX_IRKS; n++) {
      phones.put({ recordId: `c${n}`, subjectRef: `p${n}` }, { kind: 'irk', irk: secretOf(n) }, 0);
    }
    expect(phones.refused?.()).toEqual([]);
    const late = { recordId: 'late', subjectRef: 'p-late' };
    phones.put(late, { kind: 'irk', irk: secretOf(5_000) }, 0);
    expect(phones.refused?.()).toEqual(['late']);
    expect([1, 2].flatMap((random) => phones.find(seen(5_000, random), 0))).toEqual([]);
    // A second record with a key that is held already takes no room.
    phones.put({ recordId: 'again', subjectRef: 'p1' }, { kind: 'irk', irk: secretOf(1) }, 0);
    expect(phones.refused?.()).toEqual(['late']);
    phones.remove('c7');
    phones.remove('late');
    phones.put(late, { kind: 'irk', irk: secretOf(5_000) }, 0);
    expect(phones.refused?.()).toEqual([]);
    expect([1, 2].map((random) => phones.find(seen(5_000, random), 0).length)).toEqual([0, 1]);
  });

  it('R21: of 200 keys and 2,000 addresses of strangers none is recognised', () => {
    expect(strangersRecognised({ keys: 200, addresses: 2_000, seed: 7 })).toMatchObject({ recognised: 0 });
  });

  it('R21: the same strangers are found where they share a key, so the count above means something', () => {
    const { recognised } = strangersRecognised({ keys: 20, addresses: 720, seed: 7, known: 5 });
    expect(recognised).toBe(5);
  });
});
