import { describe, expect, it } from 'vitest';
import { shelf } from '../../../firmware-sim/firmware/shelf.ts';
import { seededRandom } from '../../../firmware-sim/shop-floor/seeded-random.ts';

const SLOTS = [
  { slot: 0, sku: 'mug', unitGrams: 400, capacity: 10 },
  { slot: 1, sku: 'cup', unitGrams: 200, capacity: 5 },
];

function weighing() {
  const told: { slot: number; g: number }[][] = [];
  let isUp = true;
  const built = shelf({
    slots: SLOTS,
    random: seededRandom(1, 'shelf'),
    everyMs: 10_000,
    isUp: () => isUp,
    send: (_, { slots }) => void told.push(slots),
  });
  return { built, told, unplug: () => (isUp = false) };
}

describe('a connected shelf', () => {
  it('tells all its slots at the start and every ten seconds, while it is connected', () => {
    const { built, told, unplug } = weighing();
    for (let at = 0; at <= 20_000; at += 50) built.tick(at);
    expect(told).toHaveLength(3);
    expect(told[0]?.map(({ g }) => Math.round(g / 100) * 100)).toEqual([4000, 1000]);
    unplug();
    for (let at = 20_050; at <= 60_000; at += 50) built.tick(at);
    expect(told).toHaveLength(3);
  });

  it('tells a change at once, and again when it has come to rest', () => {
    const { built, told } = weighing();
    built.tick(0);
    expect(built.take(1, 2)).toBe(2);
    for (let at = 50; at <= 2_000; at += 50) built.tick(at);
    expect(told.slice(1).map((slots) => slots.map(({ slot }) => slot))).toEqual([[1], [1]]);
    for (const [{ g } = { g: 0 }] of told.slice(1)) expect(Math.abs(g - 600)).toBeLessThan(3);
  });

  it('gives no more than there is', () => {
    const { built } = weighing();
    expect(built.take(1, 9)).toBe(5);
    expect(built.take(1, 1)).toBe(0);
    built.putBack(1, 1);
    expect(built.stock(1)).toBe(1);
  });
});
