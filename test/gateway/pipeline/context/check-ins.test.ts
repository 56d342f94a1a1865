import { describe, expect, it } from 'vitest';
import type { CodeReader } from '../../../../gateway/check-in-code.ts';
import { createCheckIns } from '../../../../gateway/pipeline/context/check-ins.ts';
import type { ShopDevice } from '../../../../gateway/pipeline/decode.ts';
import { deviceOf, SECOND, TEN } from '../shop.ts';

/** Codes are names here: `anna` and `ben` are in force, `carl` comes with a ticket, others are nobody's. */
const read: CodeReader = (code) => {
  if (code === 'carl') {
    return { holder: { recordId: 'carl', ticket: { subjectRef: 'p3', version: 1, keys: [] } } };
  }
  return code === 'anna' || code === 'ben'
    ? { holder: { recordId: code }, token: code }
    : { problem: 'unknown' };
};

const device = (id: string, zone?: string): ShopDevice => {
  const { zone: _, ...rest } = deviceOf('button-1');
  return { ...rest, id, ...(zone !== undefined && { zone }) };
};
const reader = device('reader-1', 'entrance');
const button = device('button-9', 'entrance');

function shopFront(purposes: Record<string, string[]> = {}) {
  const held = (recordId: string) => purposes[recordId] && { purposes: purposes[recordId] as never };
  const checkIns = createCheckIns({ read, held });
  return {
    ...checkIns,
    show: (code: string, at = TEN, at_: ShopDevice = reader) =>
      checkIns.scanned(at_, { kind: 'check-in', code }, at),
    poster: (code: string, choice: 'grant' | 'withdraw') =>
      checkIns.scanned(reader, { kind: 'check-in', code, choice }, TEN),
    press: (act: string | undefined, at = TEN, by: ShopDevice = button) => checkIns.pressed(by, act, at),
  };
}

describe('a code shown to a reader', () => {
  it('of somebody in force is a sighting of them there', () => {
    expect(shopFront().show('anna')).toEqual({ seen: { kind: 'check-in', token: 'anna' } });
  });

  it('of nobody in force is no sighting, and of the code nothing is said (R13)', () => {
    expect(shopFront().show('carl')).toEqual({});
    expect(shopFront().show('secret-of-zoe')).toEqual({ problem: 'unknown' });
  });
});

describe('R7: withdrawing is as easy as agreeing', () => {
  it('a poster makes either choice in one act', () => {
    const holder = { recordId: 'anna' };
    expect(shopFront().poster('anna', 'withdraw')).toEqual({
      choice: { channel: 'check-in', holder, choice: 'withdraw' },
    });
    expect(shopFront().poster('anna', 'grant')).toEqual({
      choice: { channel: 'check-in', holder, choice: { purposes: ['recognition', 'location'] } },
    });
  });

  it('a button makes either choice of the code shown before it, in two acts', () => {
    for (const [intent, choice] of [
      ['consent-withdraw', 'withdraw'],
      ['consent-grant', { purposes: ['recognition', 'location'] }],
    ] as const) {
      const front = shopFront();
      front.show('anna');
      expect(front.press(intent)).toEqual({ channel: 'button', holder: { recordId: 'anna' }, choice });
    }
  });

  it('a grant by ticket hands on the ticket', () => {
    expect(shopFront().poster('carl', 'grant').choice?.holder).toMatchObject({
      ticket: { subjectRef: 'p3', version: 1 },
    });
  });

  it('to agree once more takes away nothing that was granted before', () => {
    const front = shopFront({ anna: ['recognition', 'interaction'] });
    expect(front.poster('anna', 'grant').choice?.choice).toEqual({
      purposes: ['recognition', 'location', 'interaction'],
    });
  });
});

describe('a press', () => {
  it('acts until 30 s after the code was shown, and not after', () => {
    for (const [after, acts] of [
      [30 * SECOND, true],
      [30 * SECOND + 1, false],
    ] as const) {
      const front = shopFront();
      front.show('anna');
      expect(front.press('consent-withdraw', TEN + after) !== undefined).toBe(acts);
    }
  });

  it('uses the code up: a second press is nobody’s', () => {
    const front = shopFront();
    front.show('anna');
    front.press('consent-grant');
    expect(front.press('consent-withdraw')).toBeUndefined();
  });

  it('acts on the last code shown', () => {
    const front = shopFront();
    front.show('anna');
    front.show('ben');
    expect(front.press('consent-withdraw')?.holder).toEqual({ recordId: 'ben' });
  });

  it('after a code that is nobody’s, or a poster’s, acts on nobody before it', () => {
    const front = shopFront();
    front.show('anna');
    front.show('zoe');
    expect(front.press('consent-withdraw')).toBeUndefined();
    front.show('anna');
    front.poster('ben', 'grant');
    expect(front.press('consent-withdraw')).toBeUndefined();
  });

  it('in another zone, or with another intent or none, is no choice and uses nothing up', () => {
    const front = shopFront();
    front.show('anna');
    expect(front.press('consent-withdraw', TEN, device('button-8', 'bags'))).toBeUndefined();
    expect(front.press('assistance')).toBeUndefined();
    expect(front.press(undefined)).toBeUndefined();
    expect(front.press('consent-withdraw')).toBeDefined();
  });

  it('never joins a reader and a button whose place is not known', () => {
    const front = shopFront();
    front.show('anna', TEN, device('reader-2'));
    expect(front.press('consent-withdraw', TEN, device('button-7'))).toBeUndefined();
  });

  it('finds nothing after a tick that came when the time was over', () => {
    const front = shopFront();
    front.show('anna');
    front.tick(TEN + 30 * SECOND);
    front.tick(TEN + 31 * SECOND);
    // Not even for a press whose own time would still allow it.
    expect(front.press('consent-withdraw', TEN + SECOND)).toBeUndefined();
  });
});
