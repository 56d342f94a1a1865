import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { eid } from '../../../gateway/recognise/eid.ts';

/** Published and recomputed values; their sources stand in the file. */
const vectors = JSON.parse(
  readFileSync(new URL('../../devices/wire/data/vectors.json', import.meta.url), 'utf8'),
).eddystoneEid as {
  published: { ik: string; k: number; t: number; eid: string }[];
  selfComputed: { eids: [number, number, string][] };
};
const IK = '0102030405060708090a111213141516';
const SLOT = 1_024;

const owner = { recordId: 'c1', subjectRef: 'p1' };
const key = (more = {}) => ({ kind: 'eid' as const, identityKey: IK, exponent: 10, offset: 0, ...more });
const seen = (hex: string) => ({ kind: 'eid' as const, eid: hex });
/** The id that a beacon with the key sends when its clock shows `seconds`. */
const sentAt = (seconds: number, exponent = 10) =>
  toHex(ephemeralId(Buffer.from(IK, 'hex'), exponent, seconds));

/** A table that holds the key from the moment when the beacon's clock shows `seconds`. */
function table(seconds: number, more = {}) {
  const held = eid.createTable();
  held.put(owner, key(more), seconds * 1_000);
  return held;
}

describe('an ephemeral id', () => {
  it.each([
    ...vectors.published.map(({ k, t, eid: id }) => [k, t, id] as const),
    ...vectors.selfComputed.eids,
  ])('of exponent %d at beacon second %d is recognised', (exponent, seconds, id) => {
    expect(table(seconds, { exponent }).find(seen(id), seconds * 1_000)).toEqual([owner]);
  });

  it('of another key is a stranger’s', () => {
    expect(table(0).find(seen('0011223344556677'), 0)).toEqual([]);
  });

  it('is recognised one slot early and one late, and no further', () => {
    const at = 10 * SLOT;
    const found = [-2, -1, 0, 1, 2].map((slots) => table(at).find(seen(sentAt(at + slots * SLOT)), 0).length);
    expect(found).toEqual([0, 1, 1, 1, 0]);
  });

  it('follows the beacon’s own clock', () => {
    const held = table(1_000_000, { offset: -1_000_000 });
    expect(held.find(seen('a9b76a71c5f89290'), 0)).toEqual([owner]);
  });

  it('rolls at the second when its slot ends', () => {
    const held = table(10 * SLOT);
    held.roll((11 * SLOT - 1) * 1_000 + 999);
    expect(held.find(seen(sentAt(9 * SLOT)), 0)).toEqual([owner]);
    held.roll(11 * SLOT * 1_000);
    expect(held.find(seen(sentAt(9 * SLOT)), 0)).toEqual([]);
    expect(held.find(seen(sentAt(12 * SLOT)), 0)).toEqual([owner]);
  });

  it('goes on over the temporary key’s end at 65,536 s', () => {
    const held = table(65_535);
    for (const seconds of [65_535, 65_536]) expect(held.find(seen(sentAt(seconds)), 0)).toEqual([owner]);
    held.roll(65_536_000);
    for (const seconds of [65_535, 65_536]) expect(held.find(seen(sentAt(seconds)), 0)).toEqual([owner]);
  });

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32])(
    'is right where the beacon’s clock shows %d',
    (seconds) => {
      expect(table(seconds).find(seen(sentAt(seconds)), 0)).toEqual([owner]);
    },
  );

  it('of the first slot is recognised: there is none before it', () => {
    expect(table(0).find(seen(sentAt(0)), 0)).toEqual([owner]);
    expect(table(0).find(seen(sentAt(2 ** 32 - 1)), 0)).toEqual([]);
  });

  it('is nobody’s once the record is removed, of every slot', () => {
    const held = table(10 * SLOT);
    held.remove('c1');
    held.roll(11 * SLOT * 1_000);
    const found = [9, 10, 11, 12].flatMap((slot) => held.find(seen(sentAt(slot * SLOT)), 0));
    expect(found).toEqual([]);
  });

  it('of two tags of one person both count, and go together', () => {
    const held = table(0);
    held.put(owner, key({ exponent: 4 }), 0);
    expect(held.find(seen(sentAt(0, 4)), 0)).toEqual([owner]);
    expect(held.find(seen(sentAt(0, 10)), 0)).toEqual([owner]);
    held.remove('c1');
    expect([...held.find(seen(sentAt(0, 4)), 0), ...held.find(seen(sentAt(0, 10)), 0)]).toEqual([]);
  });

  it('of a key that two people hold names both', () => {
    const held = table(0);
    held.put({ recordId: 'c2', subjectRef: 'p2' }, key(), 0);
    expect(held.find(seen(sentAt(0)), 0).map(({ subjectRef }) => subjectRef)).toEqual(['p1', 'p2']);
  });

  it('does not take another kind of key', () => {
    const held = eid.createTable();
    held.put(owner, { kind: 'app', token: 'ab'.repeat(16) }, 0);
    expect(held.find({ kind: 'app', token: 'ab'.repeat(16) }, 0)).toEqual([]);
  });
});
