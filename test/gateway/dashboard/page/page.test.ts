import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { View } from '../../../../gateway/dashboard/server.ts';
import { feed, openShop, samplesOf, view } from './shop.ts';

const CHROMIUM = '/usr/bin/chromium';
const HOUR = 3_600_000;

type Shop = Awaited<ReturnType<typeof openShop>>;

/** The page in a real browser that is not ours, over a real dashboard and a real history. */
describe.skipIf(!existsSync(CHROMIUM))('the page', () => {
  let browser: Browser;
  /** One that has told two hours, for all that only look at it. */
  let busy: Shop;
  let end: number;
  let shared: Page | undefined;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    busy = await openShop();
    end = Date.now();
    await feed(busy.history, end, 2 * HOUR);
  });
  afterAll(async () => {
    await browser.close();
    await busy.close();
  });

  async function shopFor(parts: Parameters<typeof openShop>[0] = {}): Promise<Shop> {
    const shop = await openShop(parts);
    onTestFinished(() => shop.close());
    return shop;
  }

  async function open(shop: Shop, options: Parameters<typeof visit>[1] = {}) {
    const visited = await visit(shop, options);
    onTestFinished(() => visited.page.context().close());
    return visited;
  }

  /** The page of the busy shop, drawn, for all that only look. */
  async function seen(): Promise<Page> {
    shared ??= (await visit(busy)).page;
    await drawn(shared);
    await shared.mouse.move(0, 0);
    await soon(() => (shared as Page).textContent('#temperature thead')).toContain('Latest');
    return shared;
  }

  async function visit(
    shop: Shop,
    { fragment = `#token=${shop.token}`, ...options }: BrowserContextOptions & { fragment?: string } = {},
  ) {
    // New York: what the page shows are the times of a shop in Paris.
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      timezoneId: 'America/New_York',
      ...options,
    });
    const page = await context.newPage();
    const said: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${shop.url}/${fragment}`);
    return { page, said, asked };
  }

  const soon = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: 20_000 });
  const drawn = (page: Page, count = 5) =>
    soon(() => page.locator('.chart[data-state=drawn] canvas').count()).toBe(count);

  /** The rows of a chart's table: name, latest value, lowest – highest. */
  const rowsOf = (page: Page, chart: string): Promise<string[][]> =>
    page.evaluate(`[...document.querySelectorAll('#${chart} tbody tr')].map((row) =>
      [...row.children].map((cell) => (cell.querySelector('strong') ?? cell).textContent))`);

  const lastOf = (measurement: string, field: string, tags: Record<string, string>): number => {
    for (let at = Math.floor(end / 10_000) * 10_000 - 10_000; at > end - 2 * HOUR; at -= 10_000) {
      const found = samplesOf(at, end).find(
        (one) =>
          one.measurement === measurement &&
          Object.entries(tags).every(([tag, value]) => one.tags[tag] === value),
      );
      if (found?.fields[field] !== undefined) return found.fields[field];
    }
    throw new Error(`nothing of ${measurement} ${field}`);
  };

  it('draws the five charts with the last values, asks its gateway alone, and puts the token in no address', async () => {
    const { page, said, asked } = await open(busy);
    await drawn(page);
    expect(asked.length).toBeGreaterThan(15);
    expect(asked.filter((url) => !url.startsWith(`${busy.url}/`))).toEqual([]);
    expect(asked.filter((url) => url.includes(busy.token))).toEqual([]);
    expect(page.url()).toBe(`${busy.url}/`);
    const office = lastOf('climate', 'temperature_celsius', { device: 'office' });
    const temperature = new Map((await rowsOf(page, 'temperature')).map(([name, last]) => [name, last]));
    expect(temperature.get('Office, office')).toBe(`${office.toFixed(1)} °C`);
    expect(temperature.get('Office, office, set to')).toBe('18.0 °C');
    expect(temperature.size).toBe(7);
    const socks = lastOf('shelf', 'units', { device: 'shelf-1', slot: '3' });
    expect(await rowsOf(page, 'stock')).toContainEqual([
      'SOCKS-3P, shelf-1 slot 3',
      `${socks} of 30`,
      expect.stringMatching(/^\d+( – \d+)?$/),
    ]);
    const tills = lastOf('occupancy', 'people', { zone: 'till' });
    expect(await rowsOf(page, 'occupancy')).toContainEqual(['Tills', String(tills), expect.anything()]);
    expect((await rowsOf(page, 'outbox'))[0]?.slice(0, 2)).toEqual(['Waiting', '0']);
    expect(Number((await rowsOf(page, 'events'))[0]?.[1])).toBeGreaterThan(10);
    await soon(() => page.textContent('#sentence')).toBe('All good.');
    await page.reload();
    await drawn(page);
    expect(said).toEqual([]);
  });

  it('asks for the token, says where it stands, and what is wrong with another', async () => {
    const { page } = await open(busy, { fragment: '' });
    await page.locator('#ask').waitFor();
    expect(await page.textContent('#ask')).toContain('dashboard.token');
    expect(await page.evaluate('document.activeElement.id')).toBe('token');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.locator('#token-problem', { hasText: 'not the gateway’s' }).waitFor();
    await page.keyboard.type(busy.token);
    await page.keyboard.press('Enter');
    await drawn(page);
  });

  it('asks for the new token after a start of the gateway, and shows the shop as it is set up by then', async () => {
    const { page } = await open(busy);
    await drawn(page);
    await page.route('**/api/**', (route) => route.fulfill({ status: 401, json: {} }));
    await page.locator('#ranges label', { hasText: 'day' }).click();
    await page.locator('#token-problem', { hasText: 'before its last start' }).waitFor();
    await page.unroute('**/api/**');
    await page.route('**/api/shop', async (route) => {
      const response = await route.fetch();
      const shop = (await response.json()) as object;
      await route.fulfill({ response, json: { ...shop, store: 'lyon-2', devices: [] } });
    });
    await page.locator('#token').fill(busy.token);
    await page.keyboard.press('Enter');
    await soon(() => page.textContent('#name')).toBe('lyon-2');
    await drawn(page);
    expect(await page.locator('.chart').count()).toBe(5);
  });

  it('shows the shop’s time, wherever it is looked at', async () => {
    const page = await seen();
    const inParis = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Paris', hour: '2-digit' }).format(
      Date.now(),
    );
    expect(await page.textContent('#clock')).toMatch(new RegExp(`^${inParis}:\\d\\d in the shop`));
    await page.locator('#temperature .u-over').hover();
    const heading = page.locator('#temperature thead th').nth(1);
    await soon(() => heading.textContent()).toMatch(/^At \d\d:\d\d$/);
    const hour = (await heading.textContent())?.slice(3, 5);
    const half = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Paris', hour: '2-digit' }).format(
      Date.now() - HOUR / 2,
    );
    expect(hour).toBe(half);
    // The others point at the same moment.
    expect(await page.locator('#stock thead th').nth(1).textContent()).toMatch(/^At /);
  });

  it('shows ten minutes, a day, a week and a month, and begins with what a link says', async () => {
    const { page, said } = await open(busy, { fragment: `#token=${busy.token}&range=week` });
    await drawn(page);
    expect(await page.getByRole('radio', { name: 'week' }).isChecked()).toBe(true);
    for (const name of ['10 minutes', 'day', 'week', 'month']) {
      await page.getByRole('radio', { name }).check();
      await soon(() => page.evaluate('document.body.classList.contains("busy")')).toBe(false);
      await drawn(page);
      expect(await page.getByRole('radio', { name }).isChecked()).toBe(true);
    }
    expect(said).toEqual([]);
  });

  it('is reached by keyboard: ranges, a chart’s time, a series that is hidden and shown', async () => {
    const { page } = await open(busy);
    await drawn(page);
    const reached: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      await page.keyboard.press('Tab');
      reached.push(
        await page.evaluate(
          'document.activeElement.name ?? document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent',
        ),
      );
    }
    expect(reached[0]).toBe('range');
    expect(reached[1]).toContain('Temperature, drawn over time');
    expect(reached[2]).toBe('Temperature: values');
    await page.locator('#temperature .plot').focus();
    await page.keyboard.press('Home');
    for (let step = 0; step < 20; step += 1) await page.keyboard.press('ArrowRight');
    await soon(() => page.textContent('#reader')).toMatch(/^\d\d:\d\d: Entrance, air-1 \d\d\.\d °C, /);
    expect(await page.locator('#temperature thead th').nth(1).textContent()).toMatch(/^At /);
    await page.keyboard.press('Escape');
    expect(await page.locator('#temperature thead th').nth(1).textContent()).toBe('Latest');
    const first = page.locator('#temperature tbody button').first();
    await first.focus();
    await page.keyboard.press('Space');
    await soon(() => first.getAttribute('aria-pressed')).toBe('false');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Entrance, air-1');
  });

  it('has the same as a table, and a name for each thing that a reader meets', async () => {
    const page = await seen();
    for (const chart of ['temperature', 'stock', 'occupancy', 'events', 'outbox']) {
      const section = page.locator(`#${chart}`);
      const title = (await section.locator('h2').textContent()) ?? '';
      expect(await page.getByRole('region', { name: title, exact: true }).count()).toBe(1);
      const table = section.getByRole('table', { name: /latest value of each series/ });
      expect(await table.getByRole('columnheader').allTextContents()).toEqual([
        'Series',
        'Latest',
        'Lowest – highest',
      ]);
      expect(await table.getByRole('rowheader').count()).toBeGreaterThan(0);
    }
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
    expect(
      await page
        .getByRole('radiogroup')
        .or(page.getByRole('group', { name: 'Show the last' }))
        .count(),
    ).toBe(1);
    expect(await page.getByRole('radio', { name: 'hour' }).isChecked()).toBe(true);
    expect(await page.getByRole('status').first().textContent()).toBe('All good.');
    const nameless = await page
      .locator('button:visible, input:visible, select:visible, [tabindex]:visible')
      .evaluateAll((all) => {
        type Control = {
          textContent: string;
          labels?: ArrayLike<{ textContent: string }>;
          getAttribute(name: string): string | null;
        };
        const nameOf = (one: Control) =>
          one.getAttribute('aria-label') ?? one.labels?.[0]?.textContent ?? one.textContent;
        return all.filter((one) => nameOf(one as unknown as Control).trim() === '').length;
      });
    expect(nameless).toBe(0);
  });

  it('fits a telephone and a television', async () => {
    const page = await seen();
    for (const width of [2_560, 1_440, 768, 390, 320]) {
      await page.setViewportSize({ width, height: 900 });
      await drawn(page);
      const overflowing = `[document.documentElement, ...document.querySelectorAll('.scroll')]
        .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.tagName)`;
      await soon(() => page.evaluate(`innerWidth + ' ' + ${overflowing}`)).toBe(`${width} `);
      const plot = await page.locator('#stock canvas').boundingBox();
      expect(plot?.width).toBeGreaterThan(width / 4);
    }
  });

  it('is read easily in light and dark: text stands out by 4.5 : 1, lines by 3 : 1', async () => {
    const page = await seen();
    const grounds: unknown[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await page.evaluate(FAINT)).toEqual([]);
      expect(await page.evaluate(FAINT_LINES)).toEqual([]);
      grounds.push(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor'));
    }
    expect(new Set(grounds).size).toBe(2);
  });

  it('says what is missing where nothing was told, and where nothing is set up', async () => {
    const empty = await shopFor();
    const { page, said } = await open(empty);
    await page.locator('#temperature[data-state=empty]').waitFor();
    const message = (chart: string) => page.textContent(`#${chart} .message`);
    expect(await message('temperature')).toBe(
      'No thermostat or sensor has told a temperature in the last hour.',
    );
    expect(await message('occupancy')).toBe(
      'No zone had ten people near it in the last hour. Fewer are never shown.',
    );
    expect(said).toEqual([]);
    const bare = await shopFor({ yaml: 'store: {id: s1, gateway: g1, timezone: UTC}\nmode: off\nmap: {}\n' });
    const other = await open(bare);
    await other.page.locator('#stock[data-state=empty]').waitFor();
    expect(await other.page.textContent('#stock .message')).toBe(
      'No connected shelf is set up in this shop.',
    );
  });

  it('shows one shelf at a time where there are many, or all', async () => {
    const large = await shopFor();
    const at = Date.now() - 60_000;
    const units = (device: string, slot: number) => ({
      measurement: 'shelf',
      tags: { device, slot: String(slot) },
      fields: { units: slot },
      at,
    });
    large.history.take(['a', 'b', 'c'].flatMap((device) => [0, 1, 2, 3].map((slot) => units(device, slot))));
    const { page } = await open(large);
    await drawn(page, 1);
    const choice = page.getByLabel('Shelf');
    expect(await choice.locator('option').allTextContents()).toEqual(['All', 'a', 'b', 'c']);
    expect((await rowsOf(page, 'stock')).map(([name]) => name)).toEqual(
      [0, 1, 2, 3].map((slot) => `unknown, a slot ${slot}`),
    );
    await choice.selectOption('All');
    expect(await rowsOf(page, 'stock')).toHaveLength(12);
    expect((await rowsOf(page, 'stock'))[0]?.[1]).toBe('empty');
  });

  it('shows what was told last by a shop that has gone silent, and how long ago', async () => {
    const silent = await shopFor();
    const last = Date.now() - HOUR;
    await feed(silent.history, last, HOUR);
    const { page } = await open(silent);
    await page.getByRole('radio', { name: 'day' }).check();
    await drawn(page);
    const [name, value, span] = (await rowsOf(page, 'events'))[0] ?? [];
    expect(name).toBe('All events');
    // By the minute, in steps of five minutes too.
    expect(Number(value)).toBeLessThanOrEqual(Number(span?.split(' – ')[1]));
    expect(await page.textContent('#events tbody small')).toMatch(/^(5\d|6\d) min ago$/);
  });

  it('F2: says that the central platform is away, how much waits, and for how long there is space', async () => {
    const { outbox } = view();
    const away = await shopFor({
      view: () =>
        view({
          uplinks: { central: { connected: false, error: 'ECONNREFUSED', lastSuccess: Date.now() - HOUR } },
          outbox: { ...outbox, waiting: 1_204, oldestAt: Date.now() - HOUR },
          devices: { r1: { radio: 'silent' }, till: { state: 'offline' } },
        } as Partial<View>),
    });
    await feed(away.history, Date.now(), 2 * HOUR, [-1, 1]);
    const { page } = await open(away);
    await drawn(page);
    await soon(() => page.textContent('#sentence')).toMatch(
      /^Central unreachable since \d\d:\d\d, 1,204 events waiting, nothing lost, space for \d+ h\. Check/,
    );
    expect(await page.getAttribute('#health', 'data-light')).toBe('attention');
    expect(await page.locator('#also li').allTextContents()).toEqual([
      'The radio of r1 hears nothing. Look at its antenna and adapter.',
      'Not connected: till. Look at power and network.',
    ]);
  });

  it('shows the history where InfluxDB does not answer, and says why', async () => {
    const query = async () => {
      throw new Error('it refuses the password');
    };
    const shop = await shopFor({ before: [{ name: 'influxdb', query }] });
    await feed(shop.history, Date.now(), HOUR);
    const { page } = await open(shop);
    await drawn(page);
    await page
      .locator('#banner', {
        hasText:
          'InfluxDB does not answer: it refuses the password. The charts come from the history on this box instead.',
      })
      .waitFor();
  });

  it('says so where the gateway does not answer, leaves what it knew, and comes back with it', async () => {
    const { page } = await open(busy);
    await drawn(page);
    await page.route('**/api/**', (route) => route.abort());
    await page.locator('#ranges label', { hasText: 'day' }).click();
    await page.locator('#sentence', { hasText: 'The gateway does not answer.' }).waitFor();
    expect(await page.textContent('#banner')).toMatch(
      /^What stands here is from \d\d:\d\d\. It is asked again/,
    );
    expect(await page.locator('.chart canvas').count()).toBe(5);
    await page.unroute('**/api/**');
    await page.locator('#ranges label', { hasText: 'hour' }).click();
    await page.locator('#sentence', { hasText: 'All good.' }).waitFor();
    expect(await page.locator('#banner').isVisible()).toBe(false);
  });

  it('shows what a device is called as text, never as markup', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const yaml = `
store: {id: s1, gateway: g1, timezone: UTC}
mode: anonymous
map: {zones: [{id: z1, name: "${evil}", polygon: [[0, 0], [1, 0], [1, 1]]}]}
`;
    const shop = await shopFor({ yaml });
    shop.history.take([
      { measurement: 'occupancy', tags: { zone: 'z1' }, fields: { people: 20 }, at: Date.now() - 60_000 },
    ]);
    const { page, said } = await open(shop);
    await drawn(page, 1);
    expect((await rowsOf(page, 'occupancy'))[0]?.[0]).toBe(evil);
    expect(await page.locator('img').count()).toBe(0);
    expect(said).toEqual([]);
  });
});

/** Visible texts and lines that stand out too little from what is behind them (WCAG 2.2 §1.4.3, §1.4.11). */
const LUMINANCE = `
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((v) => {
      const c = v / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };`;
const FAINT = `(() => {${LUMINANCE}
  return [...document.querySelectorAll('body *')]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== ''))
    .filter((one) => one.checkVisibility())
    .filter((one) => contrast(getComputedStyle(one).color, behind(one)) < 4.5)
    .map((one) => one.className + ' ' + one.textContent);
})()`;
const FAINT_LINES = `(() => {${LUMINANCE}
  return [...document.querySelectorAll('.swatch line')]
    .filter((one) => contrast(getComputedStyle(one).stroke, behind(one.closest('section'))) < 3)
    .map((one) => one.getAttribute('class'));
})()`;
