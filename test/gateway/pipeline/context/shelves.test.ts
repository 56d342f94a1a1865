import { describe, expect, it } from 'vitest';
import type { SlotWeight } from '../../../../devices/device.ts';
import { createShelves } from '../../../../gateway/pipeline/context/shelves.ts';
import { nothingStored, type Outcome, type StoredState } from '../../../../gateway/pipeline/outcome.ts';
import { collector, SECOND, shopMap, storedAfter, TEN } from '../shop.ts';

/** Slot 0 of shelf-1: units of 400 g, at most 8. */
function shelf(stored: StoredState = nothingStored) {
  const shelves = createShelves(shopMap(), stored);
  const outcomes: Outcome[] = [];
  const collect = (act: (emit: ReturnType<typeof collector>['emit']) => void, cause?: string) => {
    const { emit, outcome } = collector(cause);
    act(emit);
    outcomes.push(outcome);
    return outcome.events.map(({ name, data, causationId }) => ({ name, ...data, cause: causationId }));
  };
  const say = (slots: SlotWeight[], at: number, cause?: string) =>
    collect((emit) => shelves.weighed('shelf-1', slots, at, emit), cause);
  return {
    outcomes,
    say,
    weigh: (g: number, at: number, cause?: string) => say([{ slot: 0, g, ok: true }], at, cause),
    tick: (at: number) => collect((emit) => shelves.tick(at, emit)),
  };
}

/** A weight that holds: said twice, a second apart. */
function settle({ weigh }: ReturnType<typeof shelf>, g: number, at: number) {
  return [...weigh(g, at), ...weigh(g, at + SECOND)].map(({ name, ...data }) => [name, data] as const);
}

describe('a shelf', () => {
  it('begins to count at its first weight: nothing happened yet', () => {
    const { weigh, outcomes } = shelf();
    expect(weigh(3_200, TEN)).toEqual([]);
    expect(outcomes[0]?.changes).toEqual([
      { kind: 'slot', key: 'shelf-1/0', value: { g: 3_200, besideG: 0, level: 'ok' } },
    ]);
  });

  it('tells a unit taken once the weight has held for half a second, caused by the message that showed it', () => {
    const { weigh } = shelf();
    weigh(3_200, TEN);
    expect(weigh(2_804, TEN + 1_000, 'shelf-1/b/2')).toEqual([]);
    expect(weigh(2_806, TEN + 1_499, 'shelf-1/b/3')).toEqual([]);
    expect(weigh(2_804.06, TEN + 1_500, 'shelf-1/b/4')).toEqual([
      {
        name: 'shelf.item.picked',
        storeId: 's1',
        shelfId: 'shelf-1',
        slot: 0,
        sku: 'cream',
        gtin: '4006381333931',
        quantity: 1,
        deltaG: -395.9,
        unitG: 400,
        confidence: 0.99,
        cause: 'shelf-1/b/2',
      },
    ]);
    expect(weigh(2_804, TEN + 2_000)).toEqual([]);
  });

  it('tells it by the next tick where the shelf reports once and falls silent', () => {
    const { weigh, tick } = shelf();
    weigh(3_200, TEN);
    weigh(2_800, TEN + 1_000, 'shelf-1/b/2');
    expect(tick(TEN + 1_499)).toEqual([]);
    expect(tick(TEN + 2_000)).toMatchObject([
      { name: 'shelf.item.picked', quantity: 1, cause: 'shelf-1/b/2' },
    ]);
    expect(tick(TEN + 3_000)).toEqual([]);
  });

  it('tells what is put back, and several at once', () => {
    const one = shelf();
    one.weigh(1_600, TEN);
    expect(settle(one, 2_000, TEN + SECOND)).toMatchObject([
      ['shelf.item.returned', { quantity: 1, deltaG: 400 }],
    ]);
    expect(settle(one, 3_195, TEN + 5 * SECOND)).toMatchObject([
      ['shelf.item.returned', { quantity: 3, deltaG: 1_195, confidence: 0.99 }],
    ]);
    expect(settle(one, 2_400, TEN + 9 * SECOND)).toMatchObject([['shelf.item.picked', { quantity: 2 }]]);
  });

  it('tells two taken one after the other, faster than the shelf settles, as two', () => {
    const { weigh } = shelf();
    weigh(3_200, TEN);
    expect(weigh(2_800, TEN + 1_000)).toEqual([]);
    expect(weigh(2_400, TEN + 1_400)).toEqual([]);
    expect(weigh(2_400, TEN + 1_900)).toMatchObject([{ name: 'shelf.item.picked', quantity: 2 }]);
  });

  it('tells nothing of a hand that comes and goes', () => {
    const { weigh, tick } = shelf();
    weigh(3_200, TEN);
    expect([...weigh(4_000, TEN + 1_000), ...weigh(3_201, TEN + 1_400), ...tick(TEN + 3_000)]).toEqual([]);
  });

  it('tells nothing of a bag that is leaned on it, nor when it goes, and counts on beside it', () => {
    const one = shelf();
    one.weigh(800, TEN);
    expect(settle(one, 2_600, TEN + SECOND)).toEqual([]);
    expect(settle(one, 2_200, TEN + 5 * SECOND)).toMatchObject([['shelf.item.picked', { quantity: 1 }]]);
    expect(settle(one, 400, TEN + 9 * SECOND)).toEqual([]);
    expect(settle(one, 0, TEN + 13 * SECOND)).toMatchObject([
      ['shelf.item.picked', { quantity: 1 }],
      ['shelf.stock.changed', { level: 'empty', estimatedUnits: 0 }],
    ]);
  });

  it('tells how much is left when that becomes low, empty, or ok again', () => {
    const one = shelf();
    one.weigh(1_200, TEN);
    expect(settle(one, 800, TEN + SECOND)).toMatchObject([
      ['shelf.item.picked', {}],
      [
        'shelf.stock.changed',
        { sku: 'cream', estimatedUnits: 2, weightG: 800, capacity: 8, level: 'low', previousLevel: 'ok' },
      ],
    ]);
    expect(settle(one, 400, TEN + 5 * SECOND).map(([name]) => name)).toEqual(['shelf.item.picked']);
    expect(settle(one, 0, TEN + 9 * SECOND)[1]).toMatchObject(['shelf.stock.changed', { level: 'empty' }]);
    expect(settle(one, 3_200, TEN + 13 * SECOND)[1]).toMatchObject([
      'shelf.stock.changed',
      { level: 'ok', previousLevel: 'empty', estimatedUnits: 8 },
    ]);
  });

  it('ignores a cell that cannot be read, and slots that the map does not have', () => {
    const { say, tick } = shelf();
    say([{ slot: 0, g: 3_200, ok: true }], TEN);
    expect(say([{ slot: 0, g: 0, ok: false }], TEN + SECOND)).toEqual([]);
    expect(say([{ slot: 9, g: 100, ok: true }], TEN + SECOND)).toEqual([]);
    expect(tick(TEN + 5 * SECOND)).toEqual([]);
  });
});

describe('a shelf that tells changes only', () => {
  it('counts each at once, and makes up no stock that it never weighed', () => {
    const { say, outcomes } = shelf();
    expect(say([{ slot: 0, deltaG: -400 }], TEN, 'shelf-1/b/1')).toMatchObject([
      { name: 'shelf.item.picked', quantity: 1, deltaG: -400, cause: 'shelf-1/b/1' },
    ]);
    expect(say([{ slot: 0, deltaG: 810 }], TEN + SECOND)).toMatchObject([
      { name: 'shelf.item.returned', quantity: 2 },
    ]);
    expect(say([{ slot: 0, deltaG: 150 }], TEN + SECOND)).toEqual([]);
    expect(outcomes.flatMap(({ changes }) => changes)).toEqual([]);
  });

  it('that also weighs keeps both in step', () => {
    const { say, weigh } = shelf();
    weigh(1_200, TEN);
    expect(say([{ slot: 0, deltaG: -800 }], TEN + SECOND).map(({ name }) => name)).toEqual([
      'shelf.item.picked',
      'shelf.stock.changed',
    ]);
    expect(weigh(401, TEN + 2 * SECOND)).toEqual([]);
  });
});

describe('a load cell that creeps', () => {
  /** Down by a gram a second from 3.2 kg; what was told. */
  const creep = ({ weigh, tick }: ReturnType<typeof shelf>, grams: number) => {
    const told: unknown[] = [];
    for (let i = 0; i <= grams; i++) {
      told.push(...weigh(3_200 - i, TEN + i * SECOND), ...tick(TEN + i * SECOND));
    }
    return told;
  };

  it('makes no pick, however far it goes in small steps', () => {
    expect(creep(shelf(), 1_000)).toEqual([]);
  });

  it('takes nothing from what is picked after it', () => {
    const one = shelf();
    creep(one, 60);
    const [picked] = [...one.weigh(2_740, TEN + 70 * SECOND), ...one.weigh(2_740, TEN + 71 * SECOND)];
    expect(picked).toMatchObject({ name: 'shelf.item.picked', quantity: 1 });
    expect(Math.abs((picked as unknown as { deltaG: number }).deltaG + 400)).toBeLessThan(20);
  });

  it('makes none over a restart either: what crept is on disk before it could be taken for a unit', () => {
    const before = shelf();
    creep(before, 400);
    const after = shelf(storedAfter(before.outcomes));
    expect([...after.weigh(2_800, TEN + 700 * SECOND), ...after.tick(TEN + 800 * SECOND)]).toEqual([]);
  });
});

describe('after a restart', () => {
  it('what was settled before is the weight to compare with: nothing counts twice or is lost', () => {
    const before = shelf();
    before.weigh(3_200, TEN);
    settle(before, 2_800, TEN + SECOND);
    const after = shelf(storedAfter(before.outcomes));
    expect(settle(after, 2_800, TEN + 60 * SECOND)).toEqual([]);
    expect(settle(after, 2_400, TEN + 70 * SECOND)).toMatchObject([['shelf.item.picked', { quantity: 1 }]]);
  });
});
