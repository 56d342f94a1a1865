import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStoreKey } from '../../gateway/store-key.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('is made once, read by its owner alone, and the same from then on', () => {
  const folder = join(temporaryFolder(), 'data');
  const first = openStoreKey(folder).derive('device secrets');
  expect(openStoreKey(folder).derive('device secrets').equals(first)).toBe(true);
  expect(statSync(join(folder, 'store.key')).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['store.key']);
});

it('gives another key for another purpose, and in another box', () => {
  const key = openStoreKey(temporaryFolder());
  expect(key.derive('a').equals(key.derive('b'))).toBe(false);
  expect(openStoreKey(temporaryFolder()).derive('a').equals(key.derive('a'))).toBe(false);
  expect(key.derive('a')).toHaveLength(32);
});

it.each(['', 'c2hvcnQ', 'x'.repeat(200)])('refuses a file that is no key (%j), and leaves it', (text) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'store.key'), text);
  expect(() => openStoreKey(folder)).toThrow(/store\.key: is not a store key .*restore it from a backup/);
  expect(statSync(join(folder, 'store.key')).size).toBe(text.length);
});
