import { describe, expect, it } from 'vitest';
import { gapsIn, noticeOf, noticeText } from '../../../gateway/privacy/notice.ts';
import { waysOf } from '../../../gateway/privacy/ways.ts';
import { recognisers } from '../../../gateway/recognise/index.ts';
import { busyShop, shopWith } from './shops.ts';

/** What tells a shopper that they may be recognised. */
const CLAIMS = /if you agreed, we recognise|si vous l’avez accepté, nous vous reconnaissons/i;

describe('R28: the notice', () => {
  it.each(['fr', 'en'])('in %s is as it was looked at last', async (language) => {
    const texts = [busyShop(), shopWith('anonymous'), shopWith('off')].map((config) =>
      noticeText(noticeOf(config, language)),
    );
    await expect(`${texts.join('\n\n---\n\n')}\n`).toMatchFileSnapshot(`notice-${language}.md`);
  });

  it.each(['fr', 'en'])('in %s claims recognition only where there is any', (language) => {
    const text = (mode: string, notice = true) => noticeText(noticeOf(shopWith(mode, '', notice), language));
    expect(text('identify')).toMatch(CLAIMS);
    for (const other of [text('anonymous'), text('off'), text('identify', false)]) {
      expect(other).not.toMatch(CLAIMS);
    }
    expect(text('identify', false)).toBe(text('anonymous', false));
    expect(new Set([text('identify'), text('anonymous'), text('off')]).size).toBe(3);
  });

  it('says nothing of counting where nobody is counted', () => {
    expect(noticeText(noticeOf(shopWith('off'), 'en'))).not.toMatch(/only counted|object to being counted/);
    expect(noticeText(noticeOf(shopWith('anonymous'), 'en'))).toMatch(/object to being counted/);
  });

  it('names the notice and its version, the recipients, the time and the sensitive areas', () => {
    const { poster, record } = noticeOf(busyShop(), 'en');
    const text = poster.paragraphs.join('\n');
    expect(text).toContain('Notice n1, version 3.');
    expect(text).toContain('profiles.example and broker.example');
    expect(text).toContain('after 48 hours');
    expect(text).toContain('Nothing about you is ever recorded in: Pharmacy.');
    expect(text).not.toContain('secret');
    expect(record.map(({ label }) => label)).toContain('Recipients');
  });

  it('offers at the kiosk the purposes that events rest on, and none where nobody is recognised', () => {
    const offered = (mode: string) =>
      noticeOf(shopWith(mode), 'fr').kiosk.purposes.map(({ purpose }) => purpose);
    expect(offered('identify')).toEqual(['recognition', 'location', 'interaction']);
    expect(offered('anonymous')).toEqual([]);
  });

  it('R7: names the same places for taking back as for agreeing', () => {
    const text = (config = busyShop()) => noticeOf(config, 'en').poster.paragraphs.join('\n');
    expect(text()).toContain('in the app and at the kiosk');
    expect(text(shopWith('identify'))).toContain('as easily as you gave it: in the app.');
  });

  it('tells areas with a mode of their own', () => {
    const config = shopWith('identify');
    const zones = config.map.zones.map((zone) =>
      zone.id === 'shoes' ? { ...zone, mode: 'anonymous' as const } : zone,
    );
    const text = noticeText(noticeOf({ ...config, map: { ...config.map, zones } }, 'en'));
    expect(text).toContain('Nobody is recognised in: Shoes.');
  });

  it('knows a way for every key that is recognised, and tells of a device’s own only where asked for', () => {
    const built = new Set(recognisers.map(({ keys }) => keys));
    expect([...built].filter((key) => key !== 'wifi' && !waysOf(busyShop()).includes(key))).toEqual([]);
    expect(waysOf(busyShop())).not.toContain('irk');
    expect(waysOf(shopWith('identify', 'recognise: {privateAddress: true}'))).toContain('irk');
  });

  it('marks what only the controller can say', () => {
    for (const language of ['fr', 'en']) {
      const { gaps } = noticeOf(busyShop(), language);
      expect(gaps.length).toBeGreaterThan(5);
      expect(gapsIn(noticeText(noticeOf(busyShop(), language)))).toEqual(gaps);
    }
  });

  it('in French sets double punctuation as French does', () => {
    expect(noticeText(noticeOf(busyShop(), 'fr'))).not.toMatch(/[^\u00a0|-][;?!»]| :/);
  });

  it('in a language without texts is refused', () => {
    expect(() => noticeOf(busyShop(), 'de')).toThrow('there are no texts in "de": fr or en');
  });
});
