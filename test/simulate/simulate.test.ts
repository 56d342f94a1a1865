import { describe, expect, it } from 'vitest';
import type { LedgerEvent } from '../support/ledger.ts';
import { commandsOnce, goodsAddUp, lostAtTheEnd } from './invariants.ts';
import { type Simulated, simulate } from './simulation.ts';
import { virtualTime } from './virtual-time.ts';

/** 10,000 by hand: `npm run -s simulate -- --seeds 10000`. */
const SEEDS = Number(process.env.AISLE_SEEDS ?? 200);
/** No seed that takes longer is begun: a machine that is busy with other things runs fewer, ms. */
const LONGEST = process.env.AISLE_SEEDS === undefined ? 60_000 : 3_600_000;

/** As many seeds as there is time for, from the first on. */
async function runSeeds() {
  const startedAt = performance.now();
  const results: Simulated[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    if (performance.now() - startedAt > LONGEST) break;
    results.push(await simulate(seed, { span: 'day' }));
  }
  return results;
}

describe('the simulated shop', () => {
  it(
    'F32: P1, P2, P3, P5, P7, P9, P10, P13, P14 hold in each day of it, whatever goes wrong',
    async () => {
      const results = await runSeeds();
      const broken = results.filter((one) => one.broken.length > 0);
      expect(
        broken.map(({ seed, broken: what }) => `--seeds 1 --from ${seed} --span day: ${what[0]}`),
      ).toEqual([]);
      // Something happened: the shop was busy, and the box died.
      expect(results.reduce((sum, { committed }) => sum + committed, 0)).toBeGreaterThan(20 * results.length);
      expect(results.reduce((sum, { starts }) => sum + starts, 0)).toBeGreaterThan(2 * results.length);
    },
    2 * LONGEST,
  );

  it('F32: the same seed says the same, octet for octet', async () => {
    const first = await simulate(3, { span: 'day' });
    expect(await simulate(3, { span: 'day' })).toEqual(first);
  });

  it('F32: finds a disk that lies about fsync: on it nothing is promised', async () => {
    const found: string[] = [];
    for (let seed = 1; seed <= 20 && found.length === 0; seed += 1) {
      found.push(...(await simulate(seed, { span: 'day', diskLies: true })).broken);
    }
    expect(found).not.toEqual([]);
  });
});

describe('what is known at the end', () => {
  const event = (sequence: number, name: string, data: object): LedgerEvent => {
    const text = String(sequence).padStart(20, '0');
    return { id: `e-${text}`, source: 's', type: `aisle.${name}.v1`, epoch: 'e', sequence: text, data };
  };
  const picked = event(1, 'shelf.item.picked', { shelfId: 'shelf-2', quantity: 2 });
  const ended = event(2, 'command.completed', { id: 'k1' });
  const nothing = { committed: [], waiting: [], dead: [] };

  it('P2: is that goods vanish, and that a command never ends or ends twice', () => {
    expect(goodsAddUp([picked], 2)).toEqual([]);
    expect(goodsAddUp([], 2)).toEqual(['2 units left the shelf, events tell of 0']);
    expect(commandsOnce([ended], new Set(['k1']))).toEqual([]);
    expect(commandsOnce([], new Set(['k1']))).toEqual(['command k1 never ended']);
    expect(commandsOnce([ended, ended], new Set(['k1']))).toEqual(['command k1 ended 2 times']);
  });

  it('P5: is that something left and was lost behind the last that is held', () => {
    const lost = 'e: 2 left, and is neither held nor declared';
    expect(lostAtTheEnd({ ...nothing, committed: [picked] }, [picked, ended])).toEqual([lost]);
    expect(lostAtTheEnd({ ...nothing, committed: [picked], dead: [ended] }, [picked, ended])).toEqual([]);
  });
});

describe('virtual time', () => {
  it('passes by what is due, in the order of arrangement where two are due at once', async () => {
    const time = virtualTime();
    const said: string[] = [];
    time.after(86_400_000, () => said.push('a day later'));
    time.after(10, () => said.push('first'));
    time.after(10, () => said.push('second'));
    time.after(5, () => said.push('called off'))();
    await time.run(86_400_000);
    expect(said).toEqual(['first', 'second', 'a day later']);
    expect(time.now()).toBe(86_400_000);
  });

  it('lets promises run before it passes', async () => {
    const time = virtualTime();
    const said: string[] = [];
    time.after(1, () => {
      time.stir();
      void Promise.resolve()
        .then(() => {})
        .then(() => said.push('promised'));
    });
    time.after(1, () => said.push('next'));
    await time.run(1);
    expect(said).toEqual(['promised', 'next']);
  });
});
