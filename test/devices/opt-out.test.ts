import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { frameSieve } from '../../devices/frame-sieve.ts';
import { optedOut, optOutValue } from '../../devices/opt-out.ts';

const KEY = Buffer.from('0b'.repeat(32), 'hex');
const PHONE = '54:48:e6:8f:80:a5';
const OTHER = '54:48:e6:8f:80:a6';
const listOf = (...addresses: string[]) => ({
  key: KEY.toString('hex'),
  values: addresses.map((address) => optOutValue(KEY, address) ?? -1),
});

describe('R22: what stands for an address in the list', () => {
  it('is the first 16 bits of its HMAC, as openssl says', () => {
    const args = ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${KEY.toString('hex')}`, '-binary'];
    const digest = execFileSync('openssl', args, { input: Buffer.from('5448e68f80a5', 'hex') });
    expect(optOutValue(KEY, PHONE)).toBe(digest.readUInt16BE(0));
  });

  it('is the same in every spelling, and of what is no address nothing', () => {
    const spelled = ['54:48:E6:8F:80:A5', '54-48-e6-8f-80-a5', '5448E68F80A5'];
    expect(new Set([PHONE, ...spelled].map((text) => optOutValue(KEY, text))).size).toBe(1);
    for (const text of ['', 'a phone', '54:48:e6:8f:80', `${PHONE}:00`]) {
      expect(optOutValue(KEY, text)).toBeUndefined();
    }
  });

  it('is another under another key', () => {
    const values = Array.from({ length: 8 }, () => optOutValue(randomBytes(32), PHONE));
    expect(new Set(values).size).toBeGreaterThan(1);
  });

  it('is shared by many on purpose: 1,000 entries drop 1,000 in 65,536 of all addresses', () => {
    const isOptedOut = optedOut({
      key: KEY.toString('hex'),
      values: Array.from({ length: 1_000 }, (_, i) => i),
    });
    let dropped = 0;
    for (let i = 0; i < 65_536; i += 1) {
      if (isOptedOut(i.toString(16).padStart(12, '0'))) dropped += 1;
    }
    // Expected 1,000; five standard deviations about it.
    expect(dropped).toBeGreaterThan(843);
    expect(dropped).toBeLessThan(1_157);
  });

  it('makes no device of the shop deaf by a collision', () => {
    expect(optedOut(listOf(PHONE), new Set([PHONE]))('54:48:E6:8F:80:A5')).toBe(false);
    expect(optedOut(listOf(PHONE), new Set([OTHER]))(PHONE)).toBe(true);
  });
});

describe('R22: a receiver', () => {
  const BTHOME = Buffer.from('0201060716d2fc40feca09', 'hex');
  const PHONES = Buffer.from('02011a020a0c0aff4c001005441cbd08c5', 'hex');
  const heard = (address: string, data: Uint8Array) =>
    ({ address, addressType: 'public', rssi: -60, data }) as const;
  const command = (accept: string[], optOut?: object) => Buffer.from(JSON.stringify({ accept, optOut }));

  it('neither passes on nor counts a frame of somebody who objected', () => {
    const sieve = frameSieve(randomBytes);
    sieve.accept(command(['bthome'], listOf(PHONE)), 0);
    for (const data of [BTHOME, PHONES]) expect(sieve.heard(heard(PHONE, data), 0)).toBeUndefined();
    sieve.heard(heard(OTHER, PHONES), 0);
    expect(sieve.closeWindow(60_000)).toEqual({ windowS: 60, near: 1, far: 0 });
  });

  it('that heard nobody else says nothing: not even that somebody was there', () => {
    const sieve = frameSieve(randomBytes);
    sieve.accept(command(['bthome'], listOf(PHONE)), 0);
    sieve.heard(heard(PHONE, PHONES), 0);
    expect(sieve.closeWindow(60_000)).toBeUndefined();
  });

  it('still hears the shop’s own devices', () => {
    const sieve = frameSieve(randomBytes);
    sieve.accept(command([`address:${PHONE}`], listOf(PHONE)), 0);
    expect(sieve.heard(heard(PHONE, PHONES), 0)).toBeDefined();
  });

  it('follows the list: who is taken off it is counted again, and a list that cannot be read changes nothing', () => {
    const sieve = frameSieve(randomBytes);
    const counted = () => {
      sieve.heard(heard(PHONE, PHONES), 0);
      return sieve.closeWindow(60_000)?.near ?? 0;
    };
    sieve.accept(command(['bthome'], listOf(PHONE)), 0);
    expect(counted()).toBe(0);
    expect(sieve.accept(command(['bthome'], { key: 'short', values: [] }), 0)).toBeUndefined();
    expect(counted()).toBe(0);
    sieve.accept(command(['bthome']), 0);
    expect(counted()).toBe(1);
  });
});
