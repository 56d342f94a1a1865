import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importConsents, listConsents, showConsent } from '../../../gateway/cli/consents.ts';
import { readStored } from '../../../gateway/cli/stored.ts';
import { aisle, commandShop, customer } from './command.ts';

const lines = () => {
  const said: string[] = [];
  return { said, out: (line: string) => void said.push(line) };
};

describe('aisle consents import', () => {
  it('takes what the example for issuers signs, in parts, while no gateway runs', async () => {
    const shop = await commandShop();
    const customers = Array.from({ length: 2_100 }, (_, n) => customer(n));
    const list = await shop.issue(customers);
    expect(readFileSync(list, 'utf8').trim().split('\n')).toHaveLength(3);
    const { code, stdout, stderr } = await aisle('consents', 'import', list, '--config', shop.file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { records, inForce } = readStored(shop.config);
    expect(stdout).toBe(`list ${inForce?.version} is in force\n`);
    expect(records.map(({ recordId }) => recordId).sort()).toEqual(
      customers.map(({ recordId }) => recordId).sort(),
    );
  });

  it('R10: refuses an older list, one by another issuer, a changed one and one without its parts', async () => {
    const shop = await commandShop();
    const list = await shop.issue([customer(1)]);
    const first = readFileSync(list, 'utf8');
    await importConsents(list, shop.config);
    const refusal = (text: string) => importConsents(shop.write('bad.jws', text), shop.config);
    await expect(refusal(first)).rejects.toThrow(/is not newer than/);
    const stranger = await commandShop();
    await expect(refusal(readFileSync(await stranger.issue([]), 'utf8'))).rejects.toThrow(/issuerKeys/);
    const [head, payload, signature] = first.trim().split('.');
    const forged = Buffer.from(String(payload), 'base64url').toString().replace('person-1', 'person-2');
    const forgery = [head, Buffer.from(forged).toString('base64url'), signature].join('.');
    await expect(refusal(forgery)).rejects.toThrow(/^line 1: not a valid signed message/);
    const parts = readFileSync(await shop.issue([...Array(1_001).keys()].map((n) => customer(n))), 'utf8');
    await expect(refusal(parts.split('\n')[0] ?? '')).rejects.toThrow(/parts are missing/);
    await expect(refusal('\n')).rejects.toThrow(/there is no list/);
    expect(readStored(shop.config).records.map(({ recordId }) => recordId)).toEqual(['consent-1']);
  });

  it('says so and ends with 1 where the list is refused', async () => {
    const shop = await commandShop();
    const file = shop.write('none.jws', 'not signed');
    const { code, stdout, stderr } = await aisle('consents', 'import', file, '--config', shop.file);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^aisle: line 1: not a valid signed message/);
  });

  it('R14: holds nothing of who agreed for another shop only', async () => {
    const shop = await commandShop();
    const other = await commandShop();
    const list = await shop.issue([customer(1)]);
    const elsewhere = {
      ...other.config,
      consents: shop.config.consents,
      store: { ...other.config.store, id: 'paris-12' },
    };
    await expect(importConsents(list, elsewhere)).rejects.toThrow(/is for store lyon-1/);
    expect(readStored(elsewhere).records).toEqual([]);
  });
});

describe('aisle consents list and show', () => {
  it('R13: tell records and kinds of keys, never a key, and people only where asked for', async () => {
    const shop = await commandShop();
    await importConsents(
      await shop.issue([customer(1), customer(2, { purposes: ['recognition'] })]),
      shop.config,
    );
    const { said, out } = lines();
    for (const json of [true, false]) {
      listConsents(shop.config, { json }, out);
      showConsent(shop.config, 'consent-1', { json }, out);
    }
    const text = said.join('\n');
    expect(text).toContain('consent-2');
    expect(text).not.toMatch(/feedface|person-/i);
    listConsents(shop.config, { subjects: true }, out);
    showConsent(shop.config, 'consent-1', { subjects: true, json: true }, out);
    expect(said.join('\n')).toContain('person-2');
    expect(said.join('\n')).not.toContain('feedface');
    expect(JSON.parse(said.at(-1) ?? '')).toMatchObject({
      record: { version: 1, state: 'given', keys: { app: 1 }, notice: 'n1 3', subjectRef: 'person-1' },
      choice: null,
    });
  });

  it('R13: what is read here lies sealed on disk', async () => {
    const shop = await commandShop();
    await importConsents(await shop.issue([customer(1)]), shop.config);
    const data = join(shop.folder, 'data');
    for (const file of readdirSync(data)) {
      expect(readFileSync(join(data, file)).includes('feedface')).toBe(false);
      expect(readFileSync(join(data, file)).includes('person-1')).toBe(false);
    }
  });

  it('as programs: a table, and 1 with a sentence for a record that is not held', async () => {
    const shop = await commandShop();
    const before = await aisle('consents', 'list', '--config', shop.file);
    expect(before).toMatchObject({ code: 1, stderr: expect.stringContaining('no database there yet') });
    await importConsents(await shop.issue([customer(1)]), shop.config);
    const [listed, missing] = await Promise.all([
      aisle('consents', 'list', '--config', shop.file),
      aisle('consents', 'show', 'consent-9', '--config', shop.file),
    ]);
    expect(listed.code).toBe(0);
    expect(listed.stdout).toMatch(
      /^list \d+, issued .*\nconsent-1 +v1 +given .* notice n1 3 +recognition,location 1 app\n$/,
    );
    expect(missing).toMatchObject({
      code: 1,
      stderr: 'aisle: consent-9: no consent record of this id is held here\n',
    });
  });
});
