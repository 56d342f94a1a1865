import { seededRandom } from '../../gateway/seeded-random.ts';
import type { Luck } from './disk.ts';

/** 0 ≤ x < 1, the same row for the same seed. */
export type Draw = () => number;

/** Octets that are drawn together. */
const STOCK = 4_096;

export function draws(seed: number): Draw {
  const random = seededRandom(seed);
  let stock = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used === stock.length) {
      stock = Buffer.from(random(STOCK));
      used = 0;
    }
    used += 4;
    return stock.readUInt32BE(used - 4) / 2 ** 32;
  };
}

/** So large a piece is written whole or not at all: by old disks, by new ones. */
const PIECES = [512, 4_096];

/**
 * How a cut treats what was not synced: now and then all of it is gone, or all there; else each change by
 * itself, a third of the writes torn.
 */
export function luck(draw: Draw): Luck {
  const kind = draw();
  if (kind < 0.2) return { keeps: () => false, tears: () => null };
  if (kind < 0.3) return { keeps: () => true, tears: () => null };
  const share = draw();
  const piece = PIECES[Math.floor(draw() * PIECES.length)] ?? 512;
  return { keeps: () => draw() < share, tears: () => (draw() < 1 / 3 ? piece : null) };
}
