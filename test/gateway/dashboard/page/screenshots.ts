import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { feed, openShop, view } from './shop.ts';

/* The page to be looked at: node --import tsx test/gateway/dashboard/page/screenshots.ts <folder> */

const [folder = 'screenshots'] = process.argv.slice(2);
const HOUR = 3_600_000;
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
mkdirSync(folder, { recursive: true });

type Shop = Awaited<ReturnType<typeof openShop>>;

interface Shot extends BrowserContextOptions {
  widths?: number[];
  range?: string;
  withoutToken?: boolean;
  before?: (page: Page) => Promise<unknown>;
}

async function shot(name: string, shop: Shop, parts: Shot = {}): Promise<void> {
  const { widths = [390, 1440], range = 'hour', withoutToken = false, before, ...options } = parts;
  for (const width of widths) {
    const viewport = { width, height: width < 600 ? 844 : 900 };
    const context = await browser.newContext({ viewport, timezoneId: 'America/New_York', ...options });
    const page = await context.newPage();
    page.on('console', (message) => process.stderr.write(`${name}: ${message.text()}\n`));
    page.on('pageerror', (error) => process.stderr.write(`${name}: ${error}\n`));
    await page.addInitScript(`sessionStorage.setItem('aisle.range', '${range}')`);
    await page.goto(`${shop.url}/${withoutToken ? '' : `#token=${shop.token}`}`, {
      waitUntil: 'networkidle',
    });
    await before?.(page);
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: true });
    await context.close();
  }
}

const busy = await openShop();
await feed(busy.history, Date.now(), 2 * HOUR);
await shot('real', busy);
await shot('dark', busy, { colorScheme: 'dark' });
await shot('pointed', busy, { widths: [1440], before: (page) => page.hover('#temperature .u-over') });
await shot('ten-minutes', busy, { range: '10min', widths: [1440] });
await shot('small-and-large', busy, { widths: [320, 1920] });
await shot('token', busy, { withoutToken: true });
await busy.close();

const long = await openShop();
await feed(long.history, Date.now(), 31 * 24 * HOUR, [-20, -17]);
await shot('day', long, { range: 'day', widths: [1440] });
await shot('week', long, { range: 'week', widths: [1440] });
await shot('month', long, { range: 'month', widths: [1440] });
await long.close();

const empty = await openShop();
await shot('empty', empty);
await empty.close();

const { outbox } = view();
const lastSuccess = Date.now() - HOUR;
const reason = 'it cannot be reached (connect ECONNREFUSED 127.0.0.1:8086)';
const broken = await openShop({
  view: () =>
    view({
      uplinks: { central: { connected: false, error: 'ECONNREFUSED', lastSuccess } },
      outbox: { ...outbox, waiting: 1_204, oldestAt: lastSuccess, dead: 3 },
      devices: { r1: { radio: 'silent' }, till: { state: 'offline' }, 'air-1': { lowBattery: true } },
      telemetry: [{ name: 'influxdb', ok: false, reason, waiting: 4_100, written: 0, dropped: 12 }],
    }),
  before: [{ name: 'influxdb', query: () => Promise.reject(new Error(reason)) }],
});
await feed(broken.history, Date.now(), 2 * HOUR, [-1, 1]);
await shot('broken', broken);
await shot('away', broken, {
  async before(page) {
    await page.route('**/api/**', (route) => route.abort());
    await page.locator('#ranges label', { hasText: 'day' }).click();
  },
});
await broken.close();
await browser.close();
