import { createCipheriv } from 'node:crypto';

/** Random-looking bytes that are the same for the same seed: for `replay`, `demo` and tests, never for `run`. */
export function seededRandom(seed: number): (n: number) => Uint8Array {
  const key = Buffer.alloc(16);
  key.writeDoubleBE(seed);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return (n) => stream.update(Buffer.alloc(n));
}
