import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { consent, tokenOf } from '../pipeline/shop.ts';
import { createIssuer, type Issuer, kioskConfig, openKiosk, ticket } from './kiosk.ts';

const CHROMIUM = '/usr/bin/chromium';

/** The pages in a real browser that is not ours, typed into as a scanner does. */
describe.skipIf(!existsSync(CHROMIUM))('the kiosk page', () => {
  let browser: Browser;
  let issuer: Issuer;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    issuer = await createIssuer();
  });
  afterAll(() => browser.close());

  async function open(records = [consent(1)], path = '/kiosk', width = 1440) {
    const kiosk = await openKiosk({ config: kioskConfig(issuer), records });
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const said: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${kiosk.url}${path}`, { waitUntil: 'networkidle' });
    return { ...kiosk, page, said, asked };
  }

  async function scan(page: Page, code: string, then: string): Promise<void> {
    await page.keyboard.type(code);
    await page.keyboard.press('Enter');
    await page.locator(`${then}:not([hidden])`).waitFor();
  }

  const boxes = (page: Page) =>
    page
      .locator('#purposes input')
      .evaluateAll((all) => all.map((one) => (one as unknown as { checked: boolean }).checked));

  it('R7: shows what is held, and one touch withdraws it', async () => {
    const { page, held } = await open();
    await scan(page, `aisle:${tokenOf(1)}`, '#shown');
    expect(await page.textContent('#shown-facts')).toContain('1 janvier 2027');
    expect(await boxes(page)).toEqual([true, true, false]);
    await page.click('#withdraw');
    await page.locator('#told:not([hidden])').waitFor();
    expect(await page.textContent('#told')).toContain('Accord c1, version 1');
    expect(held('c1')).toBeUndefined();
  });

  it('ticks nothing for whom nothing is held, and grants what was ticked alone', async () => {
    const { page, held, chosen } = await open([], '/kiosk#en');
    await scan(page, await issuer.sign(ticket(1)), '#shown');
    expect(await boxes(page)).toEqual([false, false, false]);
    await page.click('#agree');
    expect(await page.textContent('#hint')).toBe('First tick what you agree to.');
    expect(chosen).toEqual([]);
    await page.click('label[for=purpose-recognition]');
    await page.click('label[for=purpose-interaction]');
    await page.click('#agree');
    await page.locator('#told:not([hidden])').waitFor();
    expect(await page.locator('#told-list li').allTextContents()).toEqual([
      'Recognise me',
      'Remember what I pick up',
    ]);
    expect(held('c1')).toMatchObject({ purposes: ['recognition', 'interaction'], language: 'en' });
  });

  it('lets who has agreed to nothing refuse, which tells nobody', async () => {
    const { page, chosen } = await open([]);
    await scan(page, await issuer.sign(ticket(1)), '#shown');
    expect(await page.textContent('#withdraw')).toBe('Je refuse');
    await page.click('#withdraw');
    await page.locator('#told:not([hidden])').waitFor();
    expect(chosen).toEqual([]);
  });

  it.each([390, 1440])('agreeing and withdrawing are equally large, and in sight at %i px', async (width) => {
    const { page } = await open([consent(1)], '/kiosk', width);
    await scan(page, tokenOf(1), '#shown');
    const agree = await page.locator('#agree').boundingBox();
    const withdraw = await page.locator('#withdraw').boundingBox();
    expect(withdraw).toMatchObject({ width: agree?.width, height: agree?.height, y: agree?.y });
    expect((withdraw?.y ?? 900) + (withdraw?.height ?? 0)).toBeLessThanOrEqual(900);
    expect(withdraw?.height).toBeGreaterThanOrEqual(72);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });

  it('says what is wrong with a code, and takes the next scan wherever it stands', async () => {
    const { page } = await open();
    await scan(page, 'https://example.org/hello', '#told');
    expect(await page.textContent('#told-text')).toBe('Ce n’est pas un code de l’application.');
    await scan(page, tokenOf(9), '#told');
    await page.locator('#told-title', { hasText: 'Rien n’est gardé' }).waitFor();
    await scan(page, tokenOf(1), '#shown');
  });

  it('forgets everything when nobody has touched it for the time it says', async () => {
    const { page } = await open();
    expect(await page.getAttribute('body', 'data-forget-after-s')).toBe('30');
    await page.evaluate("document.body.dataset.forgetAfterS = '0.3'");
    await scan(page, tokenOf(1), '#shown');
    await page.locator('#ask:not([hidden])').waitFor();
    const html = await page.content();
    expect(html).not.toContain('2027');
    expect(html).not.toContain(tokenOf(1));
    expect(await page.locator('#purposes input').count()).toBe(0);
    expect(await page.inputValue('#code')).toBe('');
  });

  it('R23: keeps the code out of the address, the history, storage and the page', async () => {
    const { page, asked, url } = await open();
    await scan(page, tokenOf(1), '#shown');
    const places = await page.evaluate(
      'JSON.stringify([location.href, history.length, {...localStorage}, {...sessionStorage}, document.cookie, document.documentElement.outerHTML])',
    );
    expect(places).not.toContain(tokenOf(1));
    expect(asked.join('\n')).not.toContain(tokenOf(1));
    expect(asked.every((one) => one.startsWith(url))).toBe(true);
  });

  it('shows a record’s name as text, never as markup', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const { page, said } = await open([consent(1, { recordId: evil, noticeVersion: evil })]);
    await scan(page, tokenOf(1), '#shown');
    expect(await page.textContent('#shown-facts')).toContain(evil);
    await page.click('#withdraw');
    await page.locator('#told:not([hidden])').waitFor();
    expect(await page.textContent('#told-record')).toContain(evil);
    expect(await page.locator('img').count()).toBe(0);
    expect(said).toEqual([]);
  });

  it('has a name for every control, and the focus on the code, then on what is said', async () => {
    const { page } = await open();
    const focused = () => page.evaluate('document.activeElement.id');
    expect(await focused()).toBe('code');
    await scan(page, tokenOf(1), '#shown');
    expect(await focused()).toBe('shown-title');
    const nameless = await page.locator('button:visible, input:visible, a:visible').evaluateAll((all) => {
      type Control = { textContent: string; labels?: ArrayLike<{ textContent: string }> };
      const nameOf = (one: Control) => one.labels?.[0]?.textContent ?? one.textContent;
      return all.filter((one) => nameOf(one as unknown as Control).trim() === '').length;
    });
    expect(nameless).toBe(0);
  });

  it('speaks the other language at a touch, the words of the notice too', async () => {
    const { page } = await open();
    await scan(page, tokenOf(1), '#shown');
    await page.click('[data-language=en]');
    expect(await page.getAttribute('html', 'lang')).toBe('en');
    expect(await page.textContent('#withdraw')).toBe('Withdraw everything');
    expect(await page.textContent('label[for=purpose-recognition] strong')).toBe('Recognise me');
    expect(await boxes(page)).toEqual([true, true, false]);
  });
});
