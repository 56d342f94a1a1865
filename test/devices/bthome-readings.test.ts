import { describe, expect, it } from 'vitest';
import { readBthomeFrame } from '../../devices/bthome-readings.ts';
import { fromHex } from '../../devices/wire/hex.ts';
import { readText } from './wire/cases.ts';

const { examples } = JSON.parse(readText('bthome-examples.json')) as {
  examples: [hex: string, name: string][];
};

/** The object's own example in bthome.io's tables. */
function published(id: string): string {
  const [hex] = examples.find(([example]) => example.startsWith(id)) ?? [];
  if (hex === undefined) throw new Error(`the tables have no example for ${id}`);
  return hex;
}

/** What a plain frame with these objects says. */
function saidBy(...objects: string[]) {
  const value = fromHex(`d2fc40${objects.join('')}`) ?? new Uint8Array();
  return readBthomeFrame([{ type: 0x16, value }], { address: '54:48:e6:8f:80:a5' })?.readings;
}

describe('what a BTHome device says of its battery', () => {
  it('is its sign that it is low, which some have instead of a percentage', () => {
    expect(published('15')).toBe('1501');
    expect(saidBy(published('15'))).toEqual([{ kind: 'health', batteryLow: true }]);
    expect(saidBy('1500')).toEqual([{ kind: 'health', batteryLow: false }]);
  });

  it('is one word where it has both, beside what else it says', () => {
    expect(saidBy(published('01'), published('02'), published('15'))).toEqual([
      { kind: 'health', batteryPct: 97, batteryLow: true },
      { kind: 'climate', temperatureC: 25.06 },
    ]);
  });

  it('is the worst of several batteries', () => {
    expect(saidBy('0161', '0109', '015a')).toEqual([{ kind: 'health', batteryPct: 9 }]);
    expect(saidBy('1500', '1501', '1500')).toEqual([{ kind: 'health', batteryLow: true }]);
  });

  it('is nothing where it says nothing of it: that it charges is not how full it is', () => {
    expect(saidBy(published('16'))).toEqual([]);
  });
});
