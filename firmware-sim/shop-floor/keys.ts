import { toHex } from '../../devices/wire/hex.ts';
import { seededRandom } from './seeded-random.ts';

/** What somebody who agreed gave to be recognised by, as the consent record carries it. */
export type ShopperKey =
  | { kind: 'app'; token: string }
  | { kind: 'eid'; identityKey: string; exponent: number; offset: number };

/** A tag's id changes every 2^5 seconds: often enough to see that it stays recognised. */
const EXPONENT = 5;

/** The same for the same seed, so that the phone or tag and whoever enrols it need not meet. */
export function keyOf(seed: number, shopper: number, carries: 'app' | 'loyalty-tag'): ShopperKey {
  const random = seededRandom(seed, `key of shopper ${shopper}`);
  if (carries === 'app') return { kind: 'app', token: toHex(random.bytes(16)) };
  // A beacon counts from when it was made, not from 1970.
  const offset = -1_500_000_000 - random.below(100_000_000);
  return { kind: 'eid', identityKey: toHex(random.bytes(16)), exponent: EXPONENT, offset };
}
