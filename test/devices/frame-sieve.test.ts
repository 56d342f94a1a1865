import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { crowdWindow } from '../../devices/crowd-window.ts';
import { frameRepeats } from '../../devices/frame-repeats.ts';
import { frameSieve } from '../../devices/frame-sieve.ts';

const BTHOME = Buffer.from('0201060716d2fc40feca09', 'hex');
const STRANGER = Buffer.from('02011a020a0c0aff4c001005441cbd08c5', 'hex');
const address = (i: number) => `40:00:00:${(i >> 16) & 255}:${(i >> 8) & 255}:${i & 255}`;
const heard = (data: Uint8Array, who: string, rssi: number | null = -60) =>
  ({ address: who, addressType: 'random', rssi, data }) as const;
const list = (...accept: string[]) => Buffer.from(JSON.stringify({ accept }));

describe('what a receiver makes of what it hears', () => {
  it('is nothing at all before the gateway’s list came', () => {
    const sieve = frameSieve(randomBytes);
    expect(sieve.heard(heard(BTHOME, address(1)), 0)).toBeUndefined();
    expect(sieve.heard(heard(STRANGER, address(2)), 0)).toBeUndefined();
    expect(sieve.closeWindow(60_000)).toBeUndefined();
  });

  it('R2: is the listed frames, and a count of everybody else', () => {
    const sieve = frameSieve(randomBytes);
    expect(sieve.accept(list('bthome'), 0)).toBe(1);
    expect(sieve.heard(heard(BTHOME, address(1)), 0)).toMatchObject({
      data: '0201060716d2fc40feca09',
      at: 0,
    });
    expect(sieve.heard(heard(STRANGER, address(2)), 0)).toBeUndefined();
    expect(sieve.closeWindow(60_000)).toEqual({ windowS: 60, near: 1, far: 0 });
  });

  it('stays as it was when a list cannot be read, and ends when the list is deleted', () => {
    const sieve = frameSieve(randomBytes);
    sieve.accept(list('bthome'), 0);
    expect(sieve.accept(Buffer.from('{'), 0)).toBeUndefined();
    expect(sieve.heard(heard(BTHOME, address(1)), 0)).toBeDefined();
    sieve.accept(Buffer.alloc(0), 1);
    expect(sieve.heard(heard(BTHOME, address(1)), 9_000)).toBeUndefined();
    expect(sieve.closeWindow(60_000)).toBeUndefined();
  });

  it('does not count a device of ours for the frames of it that are not listed', () => {
    const sieve = frameSieve(randomBytes);
    sieve.accept(list('bthome'), 0);
    sieve.heard(heard(STRANGER, address(1)), 0);
    sieve.heard(heard(BTHOME, address(1)), 1);
    sieve.heard(heard(STRANGER, address(1)), 2);
    expect(sieve.closeWindow(60_000)).toEqual({ windowS: 60, near: 0, far: 0 });
  });

  it('R19: takes new random bytes for the count of every window', () => {
    const keys: Uint8Array[] = [];
    const sieve = frameSieve((count) => {
      const key = randomBytes(count);
      keys.push(key);
      return key;
    });
    sieve.accept(list('bthome'), 0);
    sieve.closeWindow(60_000);
    sieve.closeWindow(120_000);
    expect(keys).toHaveLength(3);
    // The keys of the two windows that ended are overwritten.
    expect(keys.map((key) => key.every((octet) => octet === 0))).toEqual([true, true, false]);
  });
});

describe('the anonymous count', () => {
  const window = () => crowdWindow(randomBytes(32), 0);

  it('counts each address once, by its best RSSI: near from −70 dBm', () => {
    const crowd = window();
    for (const rssi of [-90, -70, -80]) crowd.heard(address(1), rssi);
    crowd.heard(address(2), -71);
    crowd.heard(address(3), null);
    crowd.heard(address(4), 20);
    crowd.heard(address(5), -127);
    expect(crowd.close(60_000)).toEqual({ windowS: 60, near: 2, far: 3 });
  });

  it('says nothing where the radio was deaf, and zero where it heard only what is ours', () => {
    expect(window().close(60_000)).toBeUndefined();
    const crowd = window();
    crowd.ours(address(1));
    expect(crowd.close(30_000)).toEqual({ windowS: 30, near: 0, far: 0 });
  });

  it('R18: forgets everybody at the end of its window', () => {
    const crowd = window();
    crowd.heard(address(1), -60);
    crowd.close(60_000);
    expect(crowd.close(120_000)).toMatchObject({ near: 0, far: 0 });
  });

  it('merges some of very many: an address is one of 2^20 buckets, which names nobody', () => {
    const crowd = window();
    for (let i = 0; i < 20_000; i += 1) crowd.heard(address(i), -60);
    const near = crowd.close(60_000)?.near ?? 0;
    // Expected 20,000 − 190; six standard deviations about it.
    expect(near).toBeGreaterThan(19_720);
    expect(near).toBeLessThan(19_900);
  });
});

describe('a beacon’s repeats', () => {
  it('pass once every 500 ms for the same address and payload', () => {
    const repeats = frameRepeats();
    const passed = Array.from({ length: 30 }, (_, i) => 100 * i).filter(
      (at) => !repeats.isRepeat('a', 'x', -60, at),
    );
    expect(passed).toEqual([0, 500, 1000, 1500, 2000, 2500]);
  });

  it('do not hold back another payload or another address', () => {
    const repeats = frameRepeats();
    expect(repeats.isRepeat('a', 'x', -60, 0)).toBe(false);
    expect(repeats.isRepeat('a', 'y', -60, 1)).toBe(false);
    expect(repeats.isRepeat('b', 'x', -60, 1)).toBe(false);
  });

  it('pass when the first had no RSSI and this one has it', () => {
    const repeats = frameRepeats();
    expect(repeats.isRepeat('a', 'x', null, 0)).toBe(false);
    expect(repeats.isRepeat('a', 'x', null, 10)).toBe(true);
    expect(repeats.isRepeat('a', 'x', -60, 20)).toBe(false);
    expect(repeats.isRepeat('a', 'x', -60, 30)).toBe(true);
  });
});
