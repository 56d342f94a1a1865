import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { eid } from '../../../gateway/recognise/eid.ts';
import { type EidRegistration, registerEid } from '../../../gateway/recognise/eid-registration.ts';

/** Radius Networks' published exchange; the source stands in the file. */
const { ecdh } = JSON.parse(
  readFileSync(new URL('../../devices/wire/data/vectors.json', import.meta.url), 'utf8'),
).eddystoneEid as {
  ecdh: Record<'resolverPriv' | 'resolverPub' | 'beaconPriv' | 'beaconPub' | 'ik', string>;
};
const NOW = Date.UTC(2026, 2, 2);
const SECONDS = 70_000;

/** The id that a beacon with the published identity key sends. */
const sent = (seconds: number, exponent = 10) =>
  toHex(ephemeralId(Buffer.from(ecdh.ik, 'hex'), exponent, seconds));
const registration = (more: Partial<EidRegistration> = {}): EidRegistration => ({
  resolverPrivateKey: ecdh.resolverPriv,
  beaconPublicKey: ecdh.beaconPub,
  exponent: 10,
  beaconSeconds: SECONDS,
  eid: sent(SECONDS),
  now: NOW,
  ...more,
});

describe('the registration of a tag', () => {
  it('gives the published identity key, and how far the tag’s clock is from ours', () => {
    expect(registerEid(registration())).toEqual({
      kind: 'eid',
      identityKey: ecdh.ik,
      exponent: 10,
      offset: SECONDS - NOW / 1000,
    });
  });

  it('gives a key by which the tag is recognised', () => {
    const table = eid.createTable();
    const owner = { recordId: 'c1', subjectRef: 'p1' };
    table.put(owner, registerEid(registration()), NOW);
    const later = NOW + 3_600_000;
    table.roll(later);
    expect(table.find({ kind: 'eid', eid: sent(SECONDS + 3_600) }, later)).toEqual([owner]);
  });

  it.each<[string, Partial<EidRegistration>, RegExp]>([
    ['an EID of another period', { eid: sent(SECONDS + 1_024) }, /does not fit/],
    ['an EID of another exponent', { exponent: 9 }, /does not fit/],
    ['the other side’s keys', { resolverPrivateKey: ecdh.beaconPriv }, /does not fit/],
    // The README of the gem that published the exchange calls this one a public key.
    ['a private key for a public one', { beaconPublicKey: ecdh.resolverPriv }, /does not fit/],
    ['a public key of low order', { beaconPublicKey: '00'.repeat(32) }, /foreseeable/],
    [
      'a key that is too short',
      { beaconPublicKey: ecdh.beaconPub.slice(2) },
      /public key must be 64 hex digits/,
    ],
    ['a key that is no hex', { resolverPrivateKey: 'zz'.repeat(32) }, /private key must be 64 hex digits/],
    ['an EID that is too long', { eid: `${sent(SECONDS)}00` }, /EID must be 16 hex digits/],
    ['an exponent that there is not', { exponent: 16 }, /exponent must be a whole number from 0 to 15/],
    ['a counter that there is not', { beaconSeconds: 2 ** 32 }, /counter must be a whole number/],
  ])('refuses %s, and R13: the error shows no key', (_, more, why) => {
    const parts = registration(more);
    let refusal: unknown;
    try {
      registerEid(parts);
    } catch (error) {
      refusal = error;
    }
    expect(String(refusal)).toMatch(why);
    const shown = `${refusal} ${JSON.stringify(refusal)} ${inspect(refusal, { showHidden: true, depth: 9 })}`;
    for (const secret of [parts.resolverPrivateKey, parts.beaconPublicKey, ecdh.ik]) {
      expect(shown).not.toContain(secret);
    }
  });
});
