/** Where every accident of a simulated run comes from: the same seed and name, the same draws. */
export interface Draws {
  /** 0 ≤ x < 1 */
  next(): number;
  /** True once in `1 / p` times; `p` from 0 to 1. */
  chance(p: number): boolean;
  /** Both ends included. */
  whole(from: number, to: number): number;
  between(from: number, to: number): number;
  pick<T>(of: readonly T[]): T;
  octets(n: number): Uint8Array;
}

export function draws(seed: number, name: string): Draws {
  const next = sfc32(hashesOf(`${seed}/${name}`));
  const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    chance: (p) => next() < p,
    whole,
    between: (from, to) => from + next() * (to - from),
    pick<T>(of: readonly T[]): T {
      const picked = of[whole(0, of.length - 1)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    octets: (n) => Uint8Array.from({ length: n }, () => whole(0, 255)),
  };
}

type Words = [number, number, number, number];

/** Spreads a short text over 128 bits: FNV-1a, then the finaliser of MurmurHash3 for each word. */
function hashesOf(text: string): Words {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  const word = () => {
    hash = (hash + 0x9e3779b9) | 0;
    let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  return [word(), word(), word(), word()];
}

/** Chris Doty-Humphrey's Small Fast Counting generator, PractRand: 128 bits of state, no short cycle. */
function sfc32([a, b, c, d]: Words): () => number {
  const step = () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i += 1) step();
  return step;
}
