import { describe, expect, it } from 'vitest';
import { createAir, pathLoss, SENSITIVITY_DBM } from '../../../firmware-sim/shop-floor/air.ts';
import { seededRandom } from '../../../firmware-sim/shop-floor/seeded-random.ts';

const path = { from: 'tag', to: 'receiver', metres: 5, atOneMetre: -59, at: 0 };

function levels(metres: number, packets: number): number[] {
  const air = createAir(seededRandom(1, 'air'));
  return Array.from({ length: packets }, (_, i) => air.arrives({ ...path, metres, at: i * 10_000 })).filter(
    (level) => level !== undefined,
  );
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('path loss', () => {
  it('is none at one metre and 23 dB for ten times the distance', () => {
    expect(pathLoss(-59, 1)).toBe(-59);
    expect(pathLoss(-59, 10)).toBeCloseTo(-82, 6);
    expect(pathLoss(-59, 100)).toBeCloseTo(-105, 6);
  });

  it('does not grow without end close to the antenna', () => {
    expect(pathLoss(-59, 0)).toBe(pathLoss(-59, 0.3));
  });
});

describe('the air', () => {
  it('deviates around the path loss, by shadowing and fading', () => {
    const heard = levels(5, 2000);
    expect(mean(heard)).toBeGreaterThan(pathLoss(-59, 5) - 0.6);
    expect(mean(heard)).toBeLessThan(pathLoss(-59, 5) + 0.6);
    const spread = Math.sqrt(mean(heard.map((level) => (level - mean(heard)) ** 2)));
    expect(spread).toBeGreaterThan(3);
    expect(spread).toBeLessThan(4.3);
  });

  it('loses packets at the edge of what a receiver understands, and all beyond it', () => {
    expect(levels(3, 500)).toHaveLength(500);
    // Where the path loss alone brings a packet to the sensitivity.
    const edge = 10 ** ((-59 - SENSITIVITY_DBM) / 23);
    expect(levels(edge, 500).length).toBeGreaterThan(150);
    expect(levels(edge, 500).length).toBeLessThan(350);
    expect(levels(300, 500)).toHaveLength(0);
  });

  it('keeps the shadow on a path for a while, and another path has its own', () => {
    const close: number[] = [];
    const apart: number[] = [];
    for (let seed = 0; seed < 400; seed += 1) {
      const air = createAir(seededRandom(seed, 'air'));
      const first = air.arrives({ ...path, at: 0 }) ?? 0;
      close.push(Math.abs((air.arrives({ ...path, at: 50 }) ?? 0) - first));
      apart.push(Math.abs((air.arrives({ ...path, to: 'another', at: 50 }) ?? 0) - first));
    }
    expect(mean(close)).toBeLessThan(mean(apart) * 0.75);
  });

  it('is the same again for the same seed', () => {
    expect(levels(8, 50)).toEqual(levels(8, 50));
  });
});
