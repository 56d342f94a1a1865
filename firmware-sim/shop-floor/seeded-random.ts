import { createHash } from 'node:crypto';

/** Random-looking values that are the same for the same seed and name; never for keys that must be secret. */
export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
  /** from ≤ x < to */
  between(from: number, to: number): number;
  /** A whole number, 0 … n − 1. */
  below(n: number): number;
  chance(probability: number): boolean;
  /** Throws RangeError where the list is empty. */
  pick<T>(list: readonly T[]): T;
  /** Mean 0, standard deviation 1. */
  normal(): number;
  bytes(n: number): Uint8Array;
}

/**
 * A stream of its own for each name, so that what one shopper draws does not depend on how often
 * another was asked. mulberry32, seeded by SHA-256 of seed and name.
 */
export function seededRandom(seed: number, name: string): Random {
  let state = createHash('sha256').update(`${seed}/${name}`).digest().readUInt32BE(0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    next,
    between: (from, to) => from + next() * (to - from),
    below,
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new RangeError('nothing to pick from');
      return list[below(list.length)] as T;
    },
    // Box-Muller; 1 − x keeps the logarithm from 0.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    bytes: (n) => Uint8Array.from({ length: n }, () => below(256)),
  };
}
