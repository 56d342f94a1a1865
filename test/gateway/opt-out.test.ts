import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { searchFiles } from '../../firmware-sim/demo/privacy-search.ts';
import { addOptOuts, clearOptOuts, countOptOuts, openOptOuts } from '../../gateway/opt-out.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = Buffer.alloc(32, 7);
const PHONE = '54:48:e6:8f:80:a5';
const WATCH = 'C412F5000031';
const file = (folder: string) => join(folder, 'opt-out.json');

function open(folder: string) {
  const warned: string[] = [];
  return { warned, ...openOptOuts(folder, KEY, (text) => warned.push(text)) };
}

describe('R22: the list of those who do not want to be counted', () => {
  it('holds 16 bits of each, in a file that its owner alone can read, and no address', () => {
    const folder = join(temporaryFolder(), 'data');
    expect(addOptOuts(folder, KEY, [PHONE, WATCH])).toBe(2);
    expect(readdirSync(folder)).toEqual(['opt-out.json']);
    expect(statSync(file(folder)).mode & 0o777).toBe(0o600);
    const { values } = JSON.parse(readFileSync(file(folder), 'utf8'));
    expect(values.every((value: number) => Number.isInteger(value) && value < 65_536)).toBe(true);
    expect(searchFiles([file(folder)], ['5448e68f80a5', WATCH.toLowerCase()])).toEqual([]);
  });

  it('has an address once, however often and in whatever spelling it is listed', () => {
    const folder = temporaryFolder();
    addOptOuts(folder, KEY, [PHONE]);
    expect(addOptOuts(folder, KEY, ['5448E68F80A5', WATCH])).toBe(2);
    expect(countOptOuts(folder)).toBe(2);
  });

  it('takes all of several or none, and does not say the one that is wrong', () => {
    const folder = temporaryFolder();
    const wrong = () => addOptOuts(folder, KEY, [PHONE, '54:48:e6:8f:80:zz']);
    expect(wrong).toThrow(/number 2 is not an address/);
    expect(wrong).not.toThrow(/54|zz/);
    expect(countOptOuts(folder)).toBe(0);
  });

  it('ends where one in sixteen of all frames would be dropped', () => {
    const folder = temporaryFolder();
    const many = Array.from({ length: 4_400 }, () => randomBytes(6).toString('hex'));
    expect(() => addOptOuts(folder, KEY, many)).toThrow(/of 4096 that it may have; nothing was listed/);
  });

  it('is told to receivers with its key, and not at all where it is empty', () => {
    const folder = temporaryFolder();
    expect(open(folder).list()).toBeUndefined();
    addOptOuts(folder, KEY, [PHONE]);
    expect(open(folder).list()).toEqual({ key: '07'.repeat(32), values: [expect.any(Number)] });
  });

  it('is followed by the gateway that runs', () => {
    const folder = temporaryFolder();
    const optOuts = open(folder);
    expect(optOuts.reload()).toBe(false);
    addOptOuts(folder, KEY, [PHONE, WATCH]);
    expect([optOuts.reload(), optOuts.reload(), optOuts.list()?.values.length]).toEqual([true, false, 2]);
    clearOptOuts(folder);
    expect([optOuts.reload(), optOuts.list()]).toEqual([true, undefined]);
  });

  it.each([
    ['damaged', (folder: string) => writeFileSync(file(folder), '{"values":[1,')],
    ['not a list', (folder: string) => writeFileSync(file(folder), '{"values":[65536]}')],
    [
      'a folder',
      (folder: string) => {
        clearOptOuts(folder);
        mkdirSync(file(folder));
      },
    ],
  ])('that is %s stays as it was, is said once, and ends a start', (_what, damage) => {
    const folder = temporaryFolder();
    addOptOuts(folder, KEY, [PHONE]);
    const optOuts = open(folder);
    damage(folder);
    expect([optOuts.reload(), optOuts.reload()]).toEqual([false, false]);
    expect(optOuts.warned).toEqual([expect.stringContaining('opt-out.json')]);
    expect(optOuts.list()?.values).toHaveLength(1);
    expect(() => open(folder)).toThrow(/opt-out\.json/);
  });
});
