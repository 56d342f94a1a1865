import { describe, expect, it } from 'vitest';
import { PURPOSES } from '../../../gateway/consent-record.ts';
import type { Notice } from '../../../gateway/kiosk/notice.ts';
import { deviceOf } from '../pipeline/shop.ts';
import { kioskConfig, openKiosk, withoutNotice } from './kiosk.ts';

async function notice(config = kioskConfig(undefined), more = {}) {
  const { url } = await openKiosk({ config, more });
  const json = (await (await fetch(`${url}/api/notice`)).json()) as Notice;
  const page = await fetch(`${url}/notice`);
  return { json, page: await page.text(), headers: page.headers };
}

describe('R28: the public notice', () => {
  it('names the notice, the mode in force and every purpose in one sentence of each language', async () => {
    const { json } = await notice();
    expect(json).toMatchObject({
      storeId: 's1',
      mode: { inForce: 'identify', configured: 'identify', reason: null },
      notice: { id: 'n1', version: '4', languages: ['fr', 'en'] },
      controller: { gap: true },
    });
    expect(json.purposes.map(({ purpose }) => purpose)).toEqual(PURPOSES);
    for (const { sentence } of json.purposes) {
      expect(sentence.fr).toMatch(/^[A-ZÀ].*\.$/);
      expect(sentence.en).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('says anonymous, and why, where identify cannot be in force', async () => {
    const { json, page } = await notice(kioskConfig(undefined, withoutNotice));
    expect(json.notice).toBeNull();
    expect(json.mode).toMatchObject({ inForce: 'anonymous', configured: 'identify' });
    expect(json.mode.reason).toContain('notice');
    expect(page).toContain('Nobody is recognised at the moment.');
    expect(page).not.toContain('Shoppers who agreed are recognised.');
  });

  it.each(['off', 'anonymous'] as const)('says %s where that is configured', async (mode) => {
    const { json } = await notice(kioskConfig(undefined, (config) => ({ ...config, mode })));
    expect(json.mode).toMatchObject({ inForce: mode, configured: mode, reason: null });
  });

  it('says how long an undelivered event waits, as configured', async () => {
    const { json, page } = await notice(
      kioskConfig(undefined, (config) => ({
        ...config,
        retention: { ...config.retention, personalHours: 31 },
      })),
    );
    expect(JSON.stringify(json.retention)).toContain('31\u00a0h');
    expect(page).toContain('31\u00a0h');
  });

  it('names the ways to withdraw that this shop has, and where', async () => {
    const { type: _, ...button } = deviceOf('button-1');
    const { json } = await notice(
      kioskConfig(undefined, (config) => ({
        ...config,
        map: {
          ...config.map,
          zones: config.map.zones.map((zone) =>
            zone.id === 'entrance' ? { ...zone, name: 'Entrée' } : zone,
          ),
        },
        devices: [
          { ...button, id: 'reader-1', kind: 'check-in', zone: 'entrance', intents: undefined },
          { ...button, id: 'button-9', zone: 'bags', intents: { press: 'consent-withdraw' } },
        ],
      })),
    );
    expect(json.withdrawal.map(({ channel, zones }) => [channel, zones])).toEqual([
      ['kiosk', []],
      ['app', []],
      ['check-in', ['Entrée']],
      ['button', ['bags']],
    ]);
    expect((await notice()).json.withdrawal.map(({ channel }) => channel)).toEqual(['kiosk', 'app']);
  });

  it('as a page has both languages, marks the lawyer’s gap, and runs no script', async () => {
    const { page, headers } = await notice();
    expect(page).toMatch(/<main id="fr" lang="fr">[\s\S]*<main id="en" lang="en">/);
    expect(page).toContain('[For your lawyer to fill in');
    expect(page).not.toMatch(/<script|style=|https?:/);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('shows only the languages of the configured notice', async () => {
    const config = kioskConfig(undefined, (one) => ({
      ...one,
      store: { ...one.store, notice: { id: 'n1', version: '4', languages: ['en', 'nl'] } },
    }));
    const { page } = await notice(config);
    expect(page).toContain('<main id="en"');
    expect(page).not.toContain('<main id="fr"');
  });

  it('shows a name from the configuration as text, never as markup', async () => {
    const config = kioskConfig(undefined, (one) => ({
      ...one,
      store: { ...one.store, notice: { id: '<b>&"x', version: "'4", languages: ['en'] } },
    }));
    const { page } = await notice(config);
    expect(page).toContain('&lt;b&gt;&amp;&quot;x');
    expect(page).not.toContain('<b>');
  });
});
