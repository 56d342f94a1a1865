import { describe, expect, it } from 'vitest';
import { privacyNotice } from '../../../gateway/cli/privacy.ts';
import { shopWith } from '../privacy/shops.ts';
import { aisle, commandShop } from './command.ts';

describe('aisle privacy report', () => {
  it('R27: prints Markdown for a person and JSON for a program, before anything ran', async () => {
    const shop = await commandShop();
    const [markdown, json] = await Promise.all([
      aisle('privacy', 'report', '--config', shop.file),
      aisle('privacy', 'report', '--config', shop.file, '--json'),
    ]);
    expect(markdown.code).toBe(0);
    expect(markdown.stdout).toMatch(/^# Data protection report: shop lyon-1, gateway g1\n/);
    const { inventory, measures, gaps, mode } = JSON.parse(json.stdout);
    expect(mode).toBe('identify');
    expect(inventory.length).toBeGreaterThan(10);
    expect(measures).toHaveLength(29);
    expect(gaps.length).toBeGreaterThan(5);
  });

  it('ends with 1 where the configuration is wrong', async () => {
    const shop = await commandShop();
    const file = shop.write('wrong.yaml', 'mode: identfy');
    const { code, stdout, stderr } = await aisle('privacy', 'report', '--config', file);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('wrong.yaml:1:');
  });
});

describe('aisle privacy notice', () => {
  it('R28: prints poster, kiosk and record, and counts what is to be completed', async () => {
    const shop = await commandShop();
    const { code, stdout, stderr } = await aisle(
      'privacy',
      'notice',
      '--language',
      'fr',
      '--config',
      shop.file,
    );
    expect(code).toBe(0);
    for (const heading of ['# Affiche', '# Borne', '# Registre']) expect(stdout).toContain(heading);
    expect(stderr).toMatch(/^\d+ places are for the controller to complete\n$/);
  });

  it('in another language is wrong use, and says which there are', async () => {
    const shop = await commandShop();
    const { code, stderr } = await aisle('privacy', 'notice', '--language', 'de', '--config', shop.file);
    expect(code).toBe(2);
    expect(stderr).toContain('Allowed choices are fr, en');
  });

  it('R28: warns where identify has no notice', () => {
    const warned: string[] = [];
    const printed: string[] = [];
    privacyNotice(
      shopWith('identify', '', false),
      { language: 'en', json: true },
      (text) => printed.push(text),
      (text) => warned.push(text),
    );
    expect(JSON.parse(printed[0] ?? '')).toMatchObject({ language: 'en', mode: 'anonymous' });
    expect(warned[0]).toContain('store.notice is missing');
  });
});
