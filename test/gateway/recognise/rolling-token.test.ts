import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rollingTokens } from '../../../gateway/recognise/rolling-token.ts';
import { secretOf, ways } from './ways.ts';

/** Google's published Exposure Notification values; the source stands in the file. */
const { exposureNotification: vector } = JSON.parse(
  readFileSync(new URL('../../devices/wire/data/vectors.json', import.meta.url), 'utf8'),
) as { exposureNotification: { tek: string; enin0: number; rpi: string[] } };
const scheme = { info: 'EN-RPIK', prefix: 'EN-RPI' };
const INTERVAL = 600_000;
const HOUR = 3_600_000;
const START = vector.enin0 * INTERVAL;
const DAY = '2020-04-02';

const owner = { recordId: 'c1', subjectRef: 'p1' };
const seen = (token: string | undefined) => ({ kind: 'rolling-token' as const, token: token ?? '' });
function table(at: number, parts = { scheme }) {
  const held = rollingTokens(parts).createTable();
  held.put(owner, { kind: 'rolling-token', key: vector.tek, day: DAY }, at);
  return held;
}

describe('a rolling token', () => {
  it('is recognised as the published identifiers are: the interval at hand, the one before and the one after', () => {
    const found = [0, 1, 2, 3, 4].map((interval) => {
      const held = table(START);
      held.roll(START + interval * INTERVAL);
      return vector.rpi.map((rpi) => held.find(seen(rpi), START + interval * INTERVAL).length).join('');
    });
    expect(found).toEqual(['110', '111', '011', '001', '000']);
  });

  it('under our own name is another: the published ones are strangers’', () => {
    const held = rollingTokens().createTable();
    held.put(owner, { kind: 'rolling-token', key: vector.tek, day: DAY }, START);
    for (const rpi of vector.rpi) expect(held.find(seen(rpi), START)).toEqual([]);
  });

  it('R14: with its day the key goes, and that of a day that is over is not even taken', () => {
    const held = table(START);
    expect(held.size()).toBeGreaterThan(0);
    const over = Date.UTC(2020, 3, 3) + 2 * HOUR;
    held.roll(over - 1);
    expect(held.size()).toBeGreaterThan(0);
    held.roll(over);
    expect(held.size()).toBe(0);
    expect(table(over).size()).toBe(0);
  });

  it('R14: tomorrow’s key has no tokens until two hours before its day', () => {
    const way = ways.find(({ recogniser }) => recogniser.method === 'rolling-token');
    const before = Date.UTC(2026, 2, 1, 21, 59, 59);
    const held = rollingTokens().createTable();
    held.put(owner, { kind: 'rolling-token', key: secretOf(1), day: '2026-03-02' }, before);
    const found = (at: number) => way?.shows(1, at).flatMap((shown) => held.find(shown, at)).length;
    expect(found(before)).toBe(0);
    held.roll(before + 1_000);
    expect(found(before + 1_000)).toBe(1);
  });
});
