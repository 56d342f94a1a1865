import { describe, expect, it } from 'vitest';
import { frameFilter } from '../../../devices/frame-filter.ts';
import { readAdvertisingData } from '../../../devices/wire/advertising-data.ts';
import { fromHex, toHex } from '../../../devices/wire/hex.ts';
import { eidTag } from '../../../firmware-sim/firmware/eid-tag.ts';
import { foreignTag, strangerPhone } from '../../../firmware-sim/firmware/stranger-phone.ts';
import { seededRandom } from '../../../firmware-sim/shop-floor/seeded-random.ts';

describe("a stranger's phone", () => {
  it('says what fits an advertisement, under private addresses that change, and names all of it', () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const says = strangerPhone(seededRandom(seed, 'phone'));
      const first = says(0);
      expect(first.data.length).toBeLessThanOrEqual(31);
      expect(readAdvertisingData(first.data)).toBeDefined();
      // Core Spec vol 6 B §1.3.2.2: resolvable private addresses begin 01.
      expect(Number.parseInt(first.address.slice(0, 2), 16) >> 6).toBe(1);
      expect(first.identifiers.find(({ kind }) => kind === 'address')?.hex).toBe(
        first.address.replaceAll(':', ''),
      );
      const payload = first.identifiers.find(({ kind }) => kind === 'payload')?.hex ?? 'none';
      expect(toHex(first.data)).toContain(payload);
      const later = says(1_000);
      expect(later.address).not.toBe(first.address);
      expect(says(1_001)).toBe(later);
    }
  });

  it('is stopped by the receivers, while a foreign tag is not: only the gateway can tell it from ours', () => {
    const lets = frameFilter(['eddystone-eid', 'rolling-token']);
    for (let seed = 0; seed < 40; seed += 1) {
      const phone = strangerPhone(seededRandom(seed, 'phone'))(0);
      expect(lets(phone.data, phone.address)).toBe(false);
      const tag = foreignTag(seededRandom(seed, 'tag'))(0);
      expect(lets(tag.data, tag.address)).toBe(true);
    }
  });
});

describe('a loyalty tag', () => {
  it('sends the ephemeral id of its clock and takes a new address with each', () => {
    const identityKey = fromHex('000102030405060708090a0b0c0d0e0f') ?? new Uint8Array();
    const says = eidTag({ identityKey, exponent: 5, offset: -1_600_000_000, random: seededRandom(1, 'tag') });
    const first = says(1_760_000_000);
    expect(says(1_760_000_000 + 1)).toBe(first);
    const next = says(1_760_000_000 + 32);
    expect(next.address).not.toBe(first.address);
    expect(next.identifiers).not.toEqual(first.identifiers);
  });
});
