import { describe, expect, it } from 'vitest';
import { SIZE } from '../../../firmware-sim/shop-floor/floor-plan.ts';
import { keyOf } from '../../../firmware-sim/shop-floor/keys.ts';
import { seededRandom } from '../../../firmware-sim/shop-floor/seeded-random.ts';
import { type Deed, shoppersOfTheDay, step } from '../../../firmware-sim/shop-floor/shoppers.ts';

const day = (seed: number, count = 20, share = 0.3) =>
  shoppersOfTheDay(count, share, (name) => seededRandom(seed, name));

function deeds(seed: number, seconds: number, stepS: number): Deed[][] {
  return day(seed).map((shopper) => {
    const done: Deed[] = [];
    for (let i = 1; i * stepS <= seconds; i += 1) done.push(...step(shopper, stepS));
    return done;
  });
}

describe('the shoppers of a day', () => {
  it('are as many as asked for, the share that agreed among them by tag and by app', () => {
    const shoppers = day(7);
    expect(shoppers).toHaveLength(20);
    const agreed = shoppers.filter(({ subjectRef }) => subjectRef !== undefined);
    expect(agreed.map(({ subjectRef }) => subjectRef)).toEqual(['p_1', 'p_2', 'p_3', 'p_4', 'p_5', 'p_6']);
    expect(new Set(agreed.map(({ carries }) => carries))).toEqual(new Set(['app', 'loyalty-tag']));
    const strangers = shoppers.filter(({ subjectRef }) => subjectRef === undefined);
    expect(new Set(strangers.map(({ carries }) => carries))).toEqual(
      new Set(['phone', 'foreign-tag', 'foreign-app']),
    );
  });

  it('can be all strangers, or none', () => {
    expect(day(7, 5, 0).every(({ subjectRef }) => subjectRef === undefined)).toBe(true);
    expect(day(7, 5, 1).every(({ subjectRef }) => subjectRef !== undefined)).toBe(true);
  });

  it('do the same again for the same seed, and something else for another', () => {
    expect(deeds(7, 600, 0.25)).toEqual(deeds(7, 600, 0.25));
    expect(deeds(7, 600, 0.25)).not.toEqual(deeds(8, 600, 0.25));
  });

  it('decide the same however their steps fall', () => {
    const inSmallSteps = deeds(7, 600, 0.05);
    const inLargeSteps = deeds(7, 600, 2.5);
    for (const [i, done] of inLargeSteps.entries()) {
      const common = Math.min(done.length, inSmallSteps[i]?.length ?? 0);
      expect(done.slice(0, common)).toEqual(inSmallSteps[i]?.slice(0, common));
      expect(Math.abs(done.length - common)).toBeLessThan(3);
    }
  });

  it('stay on the floor, take no more back to a shelf than they took from it, and come and go', () => {
    for (const shopper of day(3)) {
      const held = new Map<string, number>();
      const kinds = new Set<string>();
      for (let i = 0; i < 3600; i += 1) {
        for (const deed of step(shopper, 0.5)) {
          kinds.add(deed.kind);
          const key = 'shelf' in deed ? `${deed.shelf}/${deed.slot}` : '';
          if (deed.kind === 'take') held.set(key, (held.get(key) ?? 0) + deed.quantity);
          if (deed.kind === 'put-back') held.set(key, (held.get(key) ?? 0) - 1);
          if (deed.kind === 'left') held.clear();
          expect(held.get(key) ?? 0).toBeGreaterThanOrEqual(0);
        }
        const [x, y] = shopper.at;
        expect(x >= 0 && x <= SIZE.width && y >= 0 && y <= SIZE.depth).toBe(true);
      }
      expect(kinds).toContain('take');
      expect(kinds).toContain('left');
      expect(kinds).toContain('came');
    }
  });
});

describe('keys', () => {
  it('are the same on both sides of an enrolment, and another for each shopper', () => {
    expect(keyOf(7, 0, 'app')).toEqual(keyOf(7, 0, 'app'));
    expect(keyOf(7, 0, 'app')).not.toEqual(keyOf(7, 2, 'app'));
    expect(keyOf(7, 1, 'loyalty-tag')).not.toEqual(keyOf(8, 1, 'loyalty-tag'));
  });
});
