import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SeenKey } from '../../../devices/device.ts';
import type { KeyTable } from '../../../gateway/recognise/recogniser.ts';
import { secretOf, type Way, ways } from './ways.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const TODAY = '2026-03-02';
const MIDNIGHT = Date.UTC(2026, 2, 2);
const TEN = MIDNIGHT + 10 * HOUR;
const owner = (n: number) => ({ recordId: `c${n}`, subjectRef: `p${n}` });

describe.each(ways.map((way) => [way.recogniser.method, way] as const))('%s', (_, way) => {
  const { recogniser, key, shows } = way;

  function table(...people: number[]): KeyTable {
    const held = recogniser.createTable();
    for (const n of people) held.put(owner(n), key(n, TODAY), TEN);
    return held;
  }

  /** Whose it is said to be, once all was shown. */
  function found(held: KeyTable, n: number, at = TEN): string[] {
    const owners = shows(n, at).map((seen) => held.find(seen, at));
    return owners.at(-1)?.map(({ subjectRef }) => subjectRef) ?? [];
  }

  it('names who holds the key, among others who hold theirs', () => {
    const held = table(1, 2, 3);
    expect([1, 2, 3].map((n) => found(held, n))).toEqual([['p1'], ['p2'], ['p3']]);
  });

  it('R4: a stranger is nobody, shown once or often', () => {
    const held = table(1, 2);
    for (let i = 0; i < 3; i++) expect(found(held, 9)).toEqual([]);
    expect(found(recogniser.createTable(), 1)).toEqual([]);
  });

  it('R6: a removed record is nobody’s at once, and in no slot before or after', () => {
    const held = table(1, 2);
    found(held, 1);
    held.remove('c1');
    for (let at = TEN - 40 * MINUTE; at <= TEN + 2 * HOUR; at += 5 * MINUTE) {
      held.roll(at);
      expect(found(held, 1, at)).toEqual([]);
    }
    expect(found(held, 2, TEN + 2 * HOUR)).toEqual(['p2']);
  });

  it('R6: nothing of a removed record stays in memory', () => {
    const held = table();
    const empty = held.size();
    for (let n = 1; n <= 50; n++) held.put(owner(n), key(n, TODAY), TEN);
    expect(held.size()).toBeGreaterThan(empty);
    for (let at = TEN; at < TEN + HOUR; at += MINUTE) {
      held.roll(at);
      for (let n = 1; n <= 50; n += 7) found(held, n, at);
    }
    for (let n = 1; n <= 50; n++) held.remove(`c${n}`);
    held.remove('never there');
    held.roll(TEN + HOUR);
    expect(held.size()).toBe(empty);
  });

  it('a key of two subjects names both, and of the one who is left', () => {
    const held = table(1);
    held.put(owner(2), key(1, TODAY), TEN);
    expect(found(held, 1).sort()).toEqual(['p1', 'p2']);
    held.remove('c1');
    expect(found(held, 1)).toEqual(['p2']);
  });

  it('passes over keys and sightings of other kinds', () => {
    const others = ways.filter((other) => other.recogniser.keys !== recogniser.keys);
    const held = recogniser.createTable();
    for (const other of others) held.put(owner(1), other.key(1, TODAY), TEN);
    expect(held.size()).toBe(recogniser.createTable().size());
    held.put(owner(1), key(1, TODAY), TEN);
    for (const other of ways.filter((one) => one.recogniser.sees !== recogniser.sees)) {
      for (const seen of other.shows(1, TEN)) expect(held.find(seen, TEN)).toEqual([]);
    }
  });

  it('goes on through the hours while time passes', () => {
    const held = table(1);
    for (let at = TEN; at < TEN + 6 * HOUR; at += MINUTE) {
      held.roll(at);
      expect(found(held, 1, at)).toEqual(['p1']);
    }
  });

  it('rolled twice to one moment, or in one step instead of many, is the same', () => {
    const [often, once] = [table(1, 2), table(1, 2)];
    for (let at = TEN; at <= TEN + HOUR; at += 10_000) {
      often.roll(at);
      often.roll(at);
    }
    once.roll(TEN + HOUR);
    expect(often.size()).toBe(once.size());
    for (const held of [often, once]) expect(found(held, 1, TEN + HOUR)).toEqual(['p1']);
  });

  it('never throws, whatever is shown', () => {
    const held = table(1);
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('', '__proto__', 'constructor', '::', 'zz:zz:zz:zz:zz:zz', secretOf(1)),
      fc.stringMatching(/^[4-7][0-9a-f](:[0-9a-f]{2}){5}$/),
    );
    const number = fc.oneof(fc.double(), fc.integer());
    const seen = fc.record({
      token: text,
      eid: text,
      uuid: text,
      user: text,
      address: text,
      major: number,
      minor: number,
    });
    fc.assert(
      fc.property(seen, fc.oneof(fc.integer(), fc.constant(TEN)), (fields, at) => {
        expect(Array.isArray(held.find({ ...fields, kind: recogniser.sees } as SeenKey, at))).toBe(true);
      }),
    );
  });

  it('R13: neither table nor recogniser shows a key in a string, in JSON or inspected', () => {
    const held = table(1, 2);
    found(held, 1);
    held.roll(TEN + HOUR);
    const shown = [held, recogniser].map(everythingShown).join();
    for (const n of [1, 2]) for (const form of formsOf(secretOf(n))) expect(shown).not.toContain(form);
  });

  if (way.isOfDays) {
    it('R14: a day’s key is good on its day (UTC) and two hours around it', () => {
      const good = [-2 * HOUR - 1, -2 * HOUR, 0, 26 * HOUR - 1, 26 * HOUR].map((after) => {
        const held = recogniser.createTable();
        held.put(owner(1), key(1, TODAY), TEN);
        held.roll(MIDNIGHT + after);
        return found(held, 1, MIDNIGHT + after).length;
      });
      expect(good).toEqual([0, 1, 1, 1, 0]);
    });

    it('R14: the key of a day that there is not is never good', () => {
      const held = recogniser.createTable();
      held.put(owner(1), key(1, '2026-13-45'), TEN);
      expect(found(held, 1)).toEqual([]);
    });

    it('R14: keys of two days in one record are each good on their own', () => {
      const held = recogniser.createTable();
      held.put(owner(1), key(1, TODAY), TEN);
      held.put(owner(1), key(2, '2026-03-04'), TEN);
      const on = (at: number) => {
        held.roll(at);
        return [found(held, 1, at).length, found(held, 2, at).length];
      };
      expect([on(TEN), on(TEN + 24 * HOUR), on(TEN + 48 * HOUR)]).toEqual([
        [1, 0],
        [0, 0],
        [0, 1],
      ]);
    });
  }
});

it('every way that is recognised at all has its place in this suite, each under a name of its own', () => {
  const names = ways.map(({ recogniser }: Way) => recogniser.method);
  expect(new Set(names).size).toBe(ways.length);
});

function everythingShown(value: object): string {
  return [
    `${value}`,
    JSON.stringify(value),
    inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
  ].join();
}

function formsOf(hex: string): string[] {
  const raw = Buffer.from(hex, 'hex');
  const octets = [...raw].join(', ');
  return [
    hex,
    hex.toUpperCase(),
    raw.toString('base64'),
    raw.toString('hex').replace(/..(?!$)/g, '$& '),
    octets,
  ];
}
