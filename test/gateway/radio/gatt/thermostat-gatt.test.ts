import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { environmentalSensing } from '../../../../devices/gatt/environmental-sensing.ts';
import { eq3 } from '../../../../devices/gatt/eq-3.ts';
import { gattTurns } from '../../../../gateway/radio/gatt/turns.ts';
import { keepInTouch, virtualShop } from './one-thermostat.ts';
import { type Call, type Fault, type PlainThermostat, plainThermostat, profiles } from './plain-peer.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
/** Shops with links that fail at random. */
const ROUNDS = Number(process.env.AISLE_ROUNDS ?? 100);

const setpointWrites = ({ writes }: PlainThermostat) => writes.filter(({ hex }) => !hex.startsWith('03'));
const connects = ({ calls }: PlainThermostat) => calls.filter(({ call }) => call === 'connect');

/** Fails the first calls of a kind, one fault a call. */
const first =
  (call: Call, ...faults: (Fault | undefined)[]) =>
  (called: Call): Fault | undefined =>
    called === call ? faults.shift() : undefined;

describe('an eQ-3', () => {
  it('is connected to every ten minutes for a reading, with the shop’s time, and let go', async () => {
    const shop = virtualShop();
    const thermostat = plainThermostat(eq3, shop.timers);
    const kept = keepInTouch(shop, eq3, thermostat.peer);
    await shop.pass(SECOND);
    expect(kept.said).toEqual([
      { at: expect.any(Number), setpointC: 20, batteryLow: false, valvePct: 0, mode: 'auto' },
    ]);
    expect(thermostat.isConnected()).toBe(false);
    // 09:00:00 in Paris.
    expect(thermostat.writes.map(({ hex }) => hex)).toEqual(['031a0b16090000']);
    await shop.pass(30 * MINUTE);
    expect(kept.said).toHaveLength(4);
    expect(connects(thermostat)).toHaveLength(4);
    expect(kept.reached).toEqual([true]);
    expect(kept.lines).toEqual(['t1 answers over GATT']);
    await kept.close();
  });

  it('is connected to at once for a command, and says what it is set to before the reply', async () => {
    const shop = virtualShop();
    const thermostat = plainThermostat(eq3, shop.timers);
    const kept = keepInTouch(shop, eq3, thermostat.peer);
    await shop.pass(MINUTE);
    kept.order('k1', 21.5);
    await shop.pass(SECOND);
    expect(kept.replies).toEqual([{ id: 'k1', at: expect.any(Number), ok: true }]);
    expect(thermostat.setpointC).toBe(21.5);
    expect(kept.said.at(-1)).toMatchObject({ setpointC: 21.5 });
    expect(kept.said.at(-1)?.at).toBeLessThanOrEqual(kept.replies[0]?.at ?? 0);
    expect(setpointWrites(thermostat).map(({ hex }) => hex)).toEqual(['412b']);
    await kept.close();
  });
});

describe('a thermostat with Environmental Sensing', () => {
  it('stays connected, tells at once what changes, and is read every minute', async () => {
    const shop = virtualShop();
    const thermostat = plainThermostat(environmentalSensing, shop.timers);
    const kept = keepInTouch(shop, environmentalSensing, thermostat.peer);
    await shop.pass(SECOND);
    expect(kept.said.at(-1)).toMatchObject({ setpointC: 20, currentC: 18.5 });
    thermostat.turn(22);
    await shop.pass(1);
    expect(kept.said.at(-1)).toMatchObject({ setpointC: 22, currentC: 18.5 });
    const before = kept.said.length;
    await shop.pass(10 * MINUTE);
    expect(kept.said.length - before).toBe(10);
    expect(connects(thermostat)).toHaveLength(1);
    await kept.close();
    expect(thermostat.isConnected()).toBe(false);
  });

  it('is connected to again when the link is lost, and takes a command on the link that is up', async () => {
    const shop = virtualShop();
    const thermostat = plainThermostat(environmentalSensing, shop.timers);
    const kept = keepInTouch(shop, environmentalSensing, thermostat.peer);
    await shop.pass(2 * MINUTE);
    thermostat.drop();
    await shop.pass(3 * SECOND);
    expect(thermostat.isConnected()).toBe(true);
    expect(connects(thermostat)).toHaveLength(2);
    kept.order('k1', 19);
    await shop.pass(SECOND);
    expect(kept.replies).toMatchObject([{ id: 'k1', ok: true }]);
    expect(connects(thermostat)).toHaveLength(2);
    await kept.close();
  });
});

describe.each(profiles.map((profile) => [profile.model, profile] as const))(
  'a command to an %s',
  (_, profile) => {
    function shopWith(fault?: (call: Call) => Fault | undefined, { isAway = false } = {}) {
      const shop = virtualShop();
      const thermostat = plainThermostat(profile, shop.timers, fault);
      thermostat.isAway = isAway;
      const kept = keepInTouch(shop, profile, thermostat.peer);
      return { ...shop, thermostat, kept };
    }
    /** The first write is the eQ-3's question for its status. */
    const setting = (...faults: Fault[]) => first('write', ...(profile.ask ? [undefined] : []), ...faults);

    it('is answered once, and with the same words when it comes again, without a second write', async () => {
      const { thermostat, kept, pass } = shopWith();
      kept.order('k1', 22);
      kept.order('k1', 22);
      await pass(5 * SECOND);
      expect(kept.replies).toMatchObject([{ id: 'k1', ok: true }]);
      kept.order('k1', 22);
      await pass(MINUTE);
      kept.order('k1', 25);
      await pass(MINUTE);
      expect(kept.replies.map(({ at: __, ...reply }) => reply)).toEqual(
        Array(3).fill({ id: 'k1', ok: true }),
      );
      expect(setpointWrites(thermostat)).toHaveLength(1);
      expect(thermostat.setpointC).toBe(22);
      await kept.close();
    });

    it('is written again where the link was lost before it took effect', async () => {
      const { thermostat, kept, pass } = shopWith(setting('drop-before'));
      kept.order('k1', 22);
      await pass(MINUTE);
      expect(kept.replies).toMatchObject([{ id: 'k1', ok: true }]);
      expect(thermostat.setpointC).toBe(22);
      expect(setpointWrites(thermostat)).toHaveLength(1);
      await kept.close();
    });

    it.each(['drop-after', 'drop-after, never'] as const)(
      'is not written again where it had taken effect: %s',
      async (how) => {
        const { thermostat, kept, pass } = shopWith(setting(how));
        kept.order('k1', 22);
        await pass(MINUTE);
        expect(kept.replies).toMatchObject([{ id: 'k1', ok: true }]);
        expect(setpointWrites(thermostat)).toHaveLength(1);
        await kept.close();
      },
    );

    it('is told as expired, once and at its time, where the link is lost for good', async () => {
      const { thermostat, kept, pass } = shopWith(setting('drop-before'));
      kept.order('k1', 22, 45 * SECOND);
      await pass(100);
      thermostat.isAway = true;
      await pass(10 * MINUTE);
      expect(kept.replies).toEqual([{ id: 'k1', at: 45 * SECOND, ok: false, error: 'expired' }]);
      thermostat.isAway = false;
      await pass(10 * MINUTE);
      expect(kept.replies).toHaveLength(1);
      expect(thermostat.setpointC).toBe(20);
      await kept.close();
    });

    it('that took effect unseen is told as expired, and then what the thermostat is set to', async () => {
      const { thermostat, kept, pass } = shopWith(setting('drop-after'));
      kept.order('k1', 22, 20 * SECOND);
      await pass(100);
      thermostat.isAway = true;
      await pass(MINUTE);
      thermostat.isAway = false;
      await pass(10 * MINUTE);
      expect(kept.replies).toMatchObject([{ id: 'k1', ok: false, error: 'expired' }]);
      expect(kept.said.at(-1)).toMatchObject({ setpointC: 22 });
      await kept.close();
    });

    it('expires at its time while its write is not answered', async () => {
      const { kept, pass } = shopWith(setting('never'));
      kept.order('k1', 22, 3 * SECOND);
      await pass(MINUTE);
      expect(kept.replies).toEqual([{ id: 'k1', at: 3 * SECOND, ok: false, error: 'expired' }]);
      await kept.close();
    });

    it.each([
      ['beyond the safe range', 31, /^setpointC: /],
      ['below it', 4.5, /^setpointC: /],
      ['between two steps', 20.25, /^setpointC must be 5 to \S+ in steps of 0.5$/],
      ['that is no number', 'warm', /^setpointC: /],
      ['that is missing', undefined, /^setpointC: /],
    ])('is refused for a setpoint %s', async (__, setpointC, error) => {
      const { thermostat, kept, pass } = shopWith();
      kept.order('k1', setpointC);
      expect(kept.replies).toEqual([{ id: 'k1', at: 0, ok: false, error: expect.stringMatching(error) }]);
      await pass(MINUTE);
      expect(setpointWrites(thermostat)).toEqual([]);
      expect(kept.replies).toHaveLength(1);
      await kept.close();
    });

    it('is refused where its time is past, or is none', async () => {
      const { kept, pass } = shopWith();
      kept.order('late', 22, -1);
      kept.command('{"id":"odd","expiresAt":"soon","setpointC":22}');
      await pass(MINUTE);
      expect(kept.replies).toMatchObject([
        { id: 'late', ok: false, error: 'expired' },
        { id: 'odd', ok: false, error: 'expiresAt is no time' },
      ]);
      await kept.close();
    });

    it('that nobody can read is answered by nobody, and harms nothing', async () => {
      const { kept, pass } = shopWith();
      for (const payload of [
        '',
        '{',
        'null',
        '[]',
        '{"setpointC":22}',
        '{"id":7,"expiresAt":"2099-01-01"}',
      ]) {
        kept.command(payload);
      }
      await pass(MINUTE);
      expect(kept.replies).toEqual([]);
      expect(kept.lines.filter((line) => line.includes('cannot be answered'))).toHaveLength(6);
      await kept.close();
    });

    it('is refused where the thermostat takes it three times and keeps its own', async () => {
      const { thermostat, kept, pass } = shopWith();
      thermostat.isDeaf = true;
      kept.order('k1', 22);
      await pass(MINUTE);
      expect(kept.replies).toMatchObject([{ id: 'k1', ok: false, error: 'it keeps 20 °C' }]);
      expect(setpointWrites(thermostat)).toHaveLength(3);
      await kept.close();
    });

    it('is carried out after those that came before it, and too many are refused', async () => {
      const { thermostat, kept, pass } = shopWith();
      const setpoints = Array.from({ length: 33 }, (__, i) => 10 + i / 2);
      for (const [i, setpointC] of setpoints.entries()) kept.order(`k${i}`, setpointC);
      expect(kept.replies).toMatchObject([{ id: 'k32', ok: false, error: 'too many commands wait' }]);
      await pass(MINUTE);
      expect(kept.replies.slice(1).map(({ id }) => id)).toEqual(
        setpoints.slice(0, 32).map((__, i) => `k${i}`),
      );
      expect(kept.replies.slice(1).every(({ ok }) => ok)).toBe(true);
      expect(thermostat.setpointC).toBe(25.5);
      await kept.close();
    });

    it('P13: expires by the wall clock, which may jump, while connecting goes by another', async () => {
      const { thermostat, kept, pass, jump } = shopWith(undefined, { isAway: true });
      kept.order('k1', 22, 60 * MINUTE);
      await pass(MINUTE);
      jump(2 * 60 * MINUTE);
      await pass(6 * SECOND);
      expect(kept.replies).toMatchObject([{ id: 'k1', ok: false, error: 'expired' }]);
      jump(-24 * 60 * MINUTE);
      thermostat.isAway = false;
      kept.order('k2', 21);
      await pass(MINUTE);
      expect(kept.replies.at(-1)).toMatchObject({ id: 'k2', ok: true });
      await kept.close();
    });

    it('that waits when the process ends is left to the gateway, which sends it again', async () => {
      const { thermostat, kept, pass } = shopWith(undefined, { isAway: true });
      kept.order('k1', 22);
      await pass(5 * SECOND);
      await kept.close();
      await pass(10 * MINUTE);
      expect(kept.replies).toEqual([]);
      expect(connects(thermostat)).toHaveLength(1);
    });

    it('that comes while the process ends is left to the gateway too, and keeps nothing running', async () => {
      const { kept, pass } = shopWith();
      await pass(SECOND);
      const closing = kept.close();
      kept.order('k1', 22);
      await closing;
      kept.order('k2', 31);
      await pass(10 * MINUTE);
      expect(kept.replies).toEqual([]);
    });
  },
);

it('a command is not confirmed by a thermostat that does not say what it is set to', async () => {
  const shop = virtualShop();
  const [temperature] = environmentalSensing.reads;
  const mute = { ...environmentalSensing, reads: temperature ? [temperature] : [], notifies: [] };
  const kept = keepInTouch(shop, mute, plainThermostat(mute, shop.timers).peer);
  kept.order('k1', 22);
  await shop.pass(MINUTE);
  expect(kept.replies).toMatchObject([{ id: 'k1', ok: false, error: 'it does not say what it is set to' }]);
  await kept.close();
});

describe('a thermostat that cannot be reached', () => {
  it('is tried less and less often, down to every five minutes, and is said to be offline', async () => {
    const shop = virtualShop();
    const thermostat = plainThermostat(environmentalSensing, shop.timers, () => 'refuse');
    const kept = keepInTouch(shop, environmentalSensing, thermostat.peer, { random: () => 1 });
    await shop.pass(60 * MINUTE);
    const times = connects(thermostat).map(({ at }) => at);
    const waits = times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / SECOND));
    expect(waits.slice(0, 8)).toEqual([2, 4, 8, 16, 32, 64, 128, 256]);
    expect(waits.slice(8).every((wait) => wait === 300)).toBe(true);
    expect(kept.reached).toEqual([false]);
    expect(kept.lines).toEqual(['t1: connect was refused']);
    await kept.close();
  });

  it('is tried at least every five seconds while a command waits', async () => {
    const shop = virtualShop();
    const thermostat = plainThermostat(eq3, shop.timers, () => 'refuse');
    const kept = keepInTouch(shop, eq3, thermostat.peer, { random: () => 1 });
    await shop.pass(30 * MINUTE);
    const before = connects(thermostat).length;
    kept.order('k1', 21, 10 * MINUTE);
    await shop.pass(10 * MINUTE);
    expect(connects(thermostat).length - before).toBeGreaterThanOrEqual(118);
    expect(kept.replies).toMatchObject([{ id: 'k1', ok: false, error: 'expired' }]);
    await kept.close();
  });

  it('is said to be another model, once', async () => {
    const shop = virtualShop();
    const thermostat = plainThermostat(environmentalSensing, shop.timers);
    const kept = keepInTouch(shop, eq3, thermostat.peer);
    await shop.pass(5 * MINUTE);
    const answers = eq3.notifies[0]?.from.characteristic;
    expect(kept.lines).toEqual([`t1: it has no characteristic ${answers}: no eq-3`]);
    expect(kept.said).toEqual([]);
    await kept.close();
  });
});

describe('the thermostats of an adapter', () => {
  it('are connected to one after the other; who has a command goes first', async () => {
    const shop = virtualShop();
    const log: string[] = [];
    const thermostats = ['a', 'b', 'c'].map((id) => {
      const thermostat = plainThermostat(eq3, shop.timers, (call) => {
        if (call === 'connect') log.push(id);
        return undefined;
      });
      return { thermostat, kept: keepInTouch(shop, eq3, thermostat.peer, { id }) };
    });
    await shop.pass(5 * SECOND);
    expect(log).toEqual(['a', 'b', 'c']);
    const starts = thermostats.flatMap(({ thermostat }) => connects(thermostat).map(({ at }) => at));
    // Connecting takes 30 ms: no two at once.
    for (const [i, at] of starts.entries()) expect(at).toBeGreaterThanOrEqual((starts[i - 1] ?? -30) + 30);
    log.length = 0;
    const [one, two, three] = thermostats;
    if (one) one.thermostat.isAway = true;
    await shop.pass(10 * MINUTE - 5 * SECOND + 10);
    three?.kept.order('k1', 22);
    await shop.pass(MINUTE);
    expect(log[0]).toBe('c');
    expect(two?.thermostat.isConnected()).toBe(false);
    for (const { kept } of thermostats) await kept.close();
  });

  it('a peer that never settles does not hold up the others', async () => {
    const shop = virtualShop();
    const stuck = plainThermostat(eq3, shop.timers, first('connect', 'never', 'never', 'never', 'never'));
    const other = plainThermostat(eq3, shop.timers);
    const kept = [keepInTouch(shop, eq3, stuck.peer), keepInTouch(shop, eq3, other.peer, { id: 't2' })];
    await shop.pass(40 * SECOND);
    expect(kept[1]?.said).toHaveLength(1);
    expect(kept[0]?.lines).toEqual(['t1: connecting: no answer within 30 s']);
    for (const one of kept) await one.close();
  });

  it('turns go on after one that failed', async () => {
    const turns = gattTurns();
    const went: string[] = [];
    const work = (name: string) => async () => void went.push(name);
    const failing = turns.take(
      () => Promise.reject(new Error('refused')),
      () => false,
    );
    const rest = [turns.take(work('reading'), () => false), turns.take(work('command'), () => true)];
    await expect(failing).rejects.toThrow('refused');
    await Promise.all(rest);
    expect(went).toEqual(['command', 'reading']);
  });

  it('who waits for a turn goes first with a command that comes meanwhile', async () => {
    const shop = virtualShop();
    const log: string[] = [];
    const kept = ['a', 'b', 'c', 'd'].map((id) => {
      const thermostat = plainThermostat(eq3, shop.timers, (call) => {
        if (call === 'connect') log.push(id);
        return undefined;
      });
      // The first is not there, and the others wait until that is known.
      if (id === 'a') thermostat.isAway = true;
      return keepInTouch(shop, eq3, thermostat.peer, { id });
    });
    await shop.pass(SECOND);
    expect(log).toEqual([]);
    kept[3]?.order('k1', 22);
    await shop.pass(25 * SECOND);
    expect(log).toEqual(['d', 'b', 'c']);
    for (const one of kept) await one.close();
  });
});

describe('whatever becomes of the link', () => {
  const fault = fc.constantFrom<Fault | undefined>(
    undefined,
    undefined,
    undefined,
    'refuse',
    'never',
    'drop-before',
    'drop-after',
    'drop-after, never',
  );
  const wish = fc.record({
    afterMs: fc.integer({ min: 0, max: 90_000 }),
    /** Each its own, so that a write tells whose it was. */
    lifeMs: fc.integer({ min: 0, max: 120_000 }),
    isRepeated: fc.boolean(),
  });
  const absence = fc.record({
    fromMs: fc.integer({ min: 0, max: 200_000 }),
    forMs: fc.integer({ min: 0, max: 120_000 }),
  });

  it(
    'each command gets one reply by its time, and the reply agrees with what the thermostat has',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...profiles),
          fc.array(fault, { maxLength: 40 }),
          fc.array(wish, { minLength: 1, maxLength: 5 }),
          fc.array(absence, { maxLength: 3 }),
          async (profile, faults, wishes, absences) => {
            const shop = virtualShop();
            const left = [...faults];
            const thermostat = plainThermostat(profile, shop.timers, () => left.shift());
            const had: number[] = [];
            const kept = keepInTouch(shop, profile, thermostat.peer);
            const replied = kept.replies.push.bind(kept.replies);
            kept.replies.push = (...replies) => {
              had.push(thermostat.setpointC);
              return replied(...replies);
            };
            for (const { fromMs, forMs } of absences) {
              shop.timers.after(fromMs, () => {
                thermostat.isAway = true;
                thermostat.drop();
              });
              shop.timers.after(fromMs + forMs, () => {
                thermostat.isAway = false;
              });
            }
            for (const [i, { afterMs, lifeMs, isRepeated }] of wishes.entries()) {
              const expiresAt = new Date(shop.wall() + afterMs + lifeMs).toISOString();
              const payload = JSON.stringify({ id: `k${i}`, expiresAt, setpointC: 10 + i });
              shop.timers.after(afterMs, () => kept.command(payload));
              if (isRepeated) shop.timers.after(afterMs + lifeMs / 2, () => kept.command(payload));
            }
            // Long enough for all faults to be over: after many, it is tried every five minutes.
            await shop.pass(5 * 60 * MINUTE);

            for (const [i, { afterMs, lifeMs }] of wishes.entries()) {
              const due = afterMs + lifeMs;
              const replies = kept.replies.filter(({ id }) => id === `k${i}`);
              const outcomes = new Set(replies.map(({ at: _, ...reply }) => JSON.stringify(reply)));
              expect(outcomes.size).toBe(1);
              const [reply] = replies;
              expect(reply?.at).toBeLessThanOrEqual(due);
              if (reply?.ok) expect(had[kept.replies.indexOf(reply)]).toBe(10 + i);
              else expect(reply?.error).toBe('expired');
              const wire = Buffer.from(profile.set.encode(10 + i)).toString('hex');
              const late = thermostat.writes.filter(({ hex, at }) => hex === wire && at > due + 60);
              expect(late).toEqual([]);
            }
            // Nothing is silent: what the thermostat has is what it was last heard to say.
            expect(kept.said.at(-1)?.setpointC).toBe(thermostat.setpointC);
            await kept.close();
            expect(thermostat.isConnected()).toBe(false);
          },
        ),
        { numRuns: ROUNDS },
      );
    },
    30_000 + ROUNDS * 50,
  );
});
