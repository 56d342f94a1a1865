import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import type { ConsentKey } from '../../../gateway/consent-record.ts';
import { eid } from '../../../gateway/recognise/eid.ts';
import { prepareIds } from '../../../gateway/recognise/eid-prepared.ts';

const owner = { recordId: 'c1', subjectRef: 'p1' };
const AT = Date.UTC(2026, 10, 21, 10);
/** Radius Networks' published vector. */
const key = {
  kind: 'eid',
  identityKey: '0102030405060708090a111213141516',
  exponent: 10,
  offset: 0,
} as const;

function found(
  identityKey: string,
  exponent: number,
  clock: number,
  prepared?: ReturnType<typeof prepareIds>,
  offset?: number,
) {
  const table = eid.createTable();
  const own: ConsentKey = { kind: 'eid', identityKey, exponent, offset: clock };
  table.put(owner, own, AT, offset, prepared);
  const seconds = Math.floor(AT / 1000) + clock;
  return [-2, -1, 0, 1, 2].map((slots) => {
    const id = ephemeralId(Buffer.from(identityKey, 'hex'), exponent, seconds + slots * 2 ** exponent);
    return table.find({ kind: 'eid', eid: Buffer.from(id).toString('hex') }, AT).length;
  });
}

it('are the published ids of the vector’s slots', () => {
  expect(prepareIds(key, 2_000_000)).toMatchObject({
    slot: 1,
    ids: ['a9b76a71c5f89290', '4144413e45fefa58', expect.any(String)],
  });
});

it('change nothing: a table finds the same with them, without them, and with those of another slot', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.integer({ min: 0, max: 15 }),
      fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }),
      (octets, exponent, offset) => {
        const identityKey = Buffer.from(octets).toString('hex');
        const own = { kind: 'eid' as const, identityKey, exponent, offset };
        const without = found(identityKey, exponent, offset);
        expect(without).toEqual([0, 1, 1, 1, 0]);
        expect(found(identityKey, exponent, offset, prepareIds(own, AT))).toEqual(without);
        expect(found(identityKey, exponent, offset, prepareIds(own, AT + 86_400_000))).toEqual(without);
      },
    ),
    { numRuns: 50 },
  );
});

it('are left aside where the tag’s clock was learnt anew', () => {
  const own = { ...key, offset: 5_000 };
  const learnt = found(
    own.identityKey,
    own.exponent,
    own.offset,
    prepareIds(own, AT),
    own.offset + 2 * 1_024,
  );
  expect(learnt).toEqual([0, 0, 0, 1, 1]);
});
