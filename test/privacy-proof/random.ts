import { createCipheriv, createHash } from 'node:crypto';
import { type Random, seededRandom } from '../../firmware-sim/shop-floor/seeded-random.ts';

/**
 * As the simulated shop's, but octets of which no two people's are the same by chance: those of the other
 * come from 32 bits of state.
 */
export function markedRandom(seed: number, name: string): Random {
  const key = createHash('sha256').update(`${seed}/${name}`).digest();
  const stream = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  return { ...seededRandom(seed, name), bytes: (n) => new Uint8Array(stream.update(Buffer.alloc(n))) };
}
