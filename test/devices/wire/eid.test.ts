import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ephemeralId,
  ephemeralIdOf,
  identityKeyFromExchange,
  TEMPORARY_KEY_SECONDS,
  temporaryKey,
} from '../../../devices/wire/eid.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { bytes, readText } from './cases.ts';

const { published, ecdh, selfComputed } = JSON.parse(readText('vectors.json')).eddystoneEid;
const identityKey = bytes(selfComputed.ik);

describe('Eddystone-EID', () => {
  it.each(published as { ik: string; k: number; t: number; eid: string }[])(
    'computes the published id at $t s, exponent $k',
    ({ ik, k, t, eid }) => {
      expect(toHex(ephemeralId(bytes(ik), k, t))).toBe(eid);
    },
  );

  it.each(selfComputed.eids as [number, number, string][])(
    'computes exponent %i at %i s: %s',
    (k, t, eid) => {
      expect(toHex(ephemeralId(identityKey, k, t))).toBe(eid);
    },
  );

  it('changes its temporary key when the upper half of the counter does', () => {
    expect(toHex(temporaryKey(identityKey, 0))).toBe(selfComputed.tempKey['0']);
    expect(toHex(temporaryKey(identityKey, 65_535))).toBe(selfComputed.tempKey['0']);
    expect(toHex(temporaryKey(identityKey, 65_536))).toBe(selfComputed.tempKey['65536']);
  });

  it('computes the same from a temporary key that was kept', () => {
    for (const seconds of [0, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1]) {
      const kept = temporaryKey(identityKey, seconds - (seconds % TEMPORARY_KEY_SECONDS));
      expect(ephemeralIdOf(kept, 10, seconds)).toEqual(ephemeralId(identityKey, 10, seconds));
    }
  });

  it.each([0x7fff_ffff, 0x8000_0000, 0x8000_0400, 0xffff_fc00, 0xffff_ffff])(
    'takes the counter %i as unsigned, as a computation in whole blocks does',
    (seconds) => {
      // eid-computation.md, written out with BigInt instead of the code under test.
      const block = (salt: number, low: bigint) =>
        Buffer.from(
          `${'00'.repeat(11)}${salt.toString(16).padStart(2, '0')}${low.toString(16).padStart(8, '0')}`,
          'hex',
        );
      const aes = (key: Uint8Array, data: Buffer) =>
        createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(data);
      const temporary = aes(identityKey, block(0xff, BigInt(seconds) >> 16n));
      const expected = aes(temporary, block(10, (BigInt(seconds) >> 10n) << 10n)).subarray(0, 8);
      expect(toHex(ephemeralId(identityKey, 10, seconds))).toBe(expected.toString('hex'));
    },
  );

  it('keeps its id through a period, comes round after 2^32 s and counts back before 0', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.nat(15), (seconds, exponent) => {
        const start = seconds - (seconds % 2 ** exponent);
        const id = ephemeralId(identityKey, exponent, seconds);
        expect(ephemeralId(identityKey, exponent, start)).toEqual(id);
        expect(ephemeralId(identityKey, exponent, start + 2 ** exponent - 1)).toEqual(id);
        expect(ephemeralId(identityKey, exponent, start + 2 ** exponent)).not.toEqual(id);
        expect(ephemeralId(identityKey, exponent, seconds + 2 ** 32)).toEqual(id);
        expect(ephemeralId(identityKey, exponent, seconds - 2 ** 32)).toEqual(id);
      }),
    );
  });

  it('refuses an exponent that no beacon can have', () => {
    for (const exponent of [-1, 16, 0.5, Number.NaN]) {
      expect(() => ephemeralId(identityKey, exponent, 0)).toThrow(/expected 0 to 15/);
    }
  });

  it('agrees on the identity key from either side of a registration', () => {
    expect(toHex(identityKeyFromExchange('resolver', bytes(ecdh.resolverPriv), bytes(ecdh.beaconPub)))).toBe(
      ecdh.ik,
    );
    expect(toHex(identityKeyFromExchange('beacon', bytes(ecdh.beaconPriv), bytes(ecdh.resolverPub)))).toBe(
      ecdh.ik,
    );
  });

  it('refuses a public key that makes the exchange foreseeable', () => {
    for (const low of ['00'.repeat(32), `01${'00'.repeat(31)}`]) {
      expect(() => identityKeyFromExchange('resolver', bytes(ecdh.resolverPriv), bytes(low))).toThrow();
    }
  });
});
