import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { probeRoutes } from '../../../gateway/dashboard/probes.ts';
import type { Check, Readiness } from '../../../gateway/telemetry/readiness.ts';
import { anonymousShop } from '../../support/button-shop.ts';
import { hasStrace, injected } from '../../support/kill-at.ts';
import { type Presser, presser, pressMore } from '../../support/presser.ts';
import { scrape } from '../../support/prometheus.ts';
import { openShop, type RunningGateway, type Shop } from '../../support/shop.ts';

/** What `/readyz` says, with its HTTP status. */
async function askReady({ http }: RunningGateway): Promise<Readiness & { status: number }> {
  const answer = await fetch(`http://127.0.0.1:${http}/readyz`);
  return { status: answer.status, ...((await answer.json()) as Readiness) };
}

const statusOf = async ({ http }: RunningGateway, path: string) =>
  (await fetch(`http://127.0.0.1:${http}${path}`)).status;

const named = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name);

/** Asks until `/readyz` says so, and gives what it said then. */
async function readyOnce(gateway: RunningGateway, is: (said: Readiness & { status: number }) => boolean) {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const said = await askReady(gateway);
    if (is(said)) return said;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(said)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Scrapes until all of this is there: a text is given to all who ask within half a second. */
async function scrapeOnce({ http }: RunningGateway, ...wanted: RegExp[]): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const text = await scrape(http);
    if (wanted.every((one) => one.test(text))) return;
    if (performance.now() > deadline) throw new Error(`no ${wanted.join(', ')} in ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('a gateway', () => {
  let shop: Shop;
  let button: Presser;
  let gateway: RunningGateway;

  beforeAll(async () => {
    shop = await openShop(anonymousShop(['b1'], 'influx: {url: "http://127.0.0.1:9", database: aisle}'));
    button = presser('b1', shop.addDevice('b1'));
    gateway = await shop.start();
  });
  afterAll(() => shop.close());

  it('is ready with its uplink, and answers probes without the token that everything else needs', async () => {
    await pressMore(button, gateway.mqtt, 20);
    const uplink = `uplink http ${new URL(shop.profiles.url).host}`;
    await readyOnce(gateway, ({ checks }) => named(checks, uplink)?.ok === true);
    const token = readFileSync(join(shop.folder, 'data/dashboard.token'), 'utf8');
    for (const path of ['/healthz', '/livez', '/readyz', '/metrics']) {
      const answer = await fetch(`http://127.0.0.1:${gateway.http}${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.text()).not.toContain(token);
    }
    expect(await statusOf(gateway, '/api/status')).toBe(401);
  });

  it.skipIf(!hasStrace)(
    'P1: whose disk refuses is not ready, and is again when it takes; it is alive, and tells its figures',
    async () => {
      const letGo = await injected(gateway.pid, 'pwrite64:error=ENOSPC');
      const enough = button.acknowledged.size + 20;
      const pressing = button.press(gateway.mqtt, () => button.acknowledged.size >= enough);
      const { ready, checks } = await readyOnce(gateway, ({ status }) => status === 503);
      expect(ready).toBe(false);
      expect(named(checks, 'store')).toEqual({
        name: 'store',
        ok: false,
        required: true,
        reason: 'the disk refuses: nothing is taken until it takes again',
      });
      for (const path of ['/healthz', '/livez', '/metrics']) expect(await statusOf(gateway, path)).toBe(200);
      await letGo();
      await readyOnce(gateway, ({ status }) => status === 200);
      await pressing;
      await scrapeOnce(
        gateway,
        /^gateway_ready\{check="store"\} 1$/m,
        /^gateway_store_errors_total\{code="SQLITE_(FULL|IOERR)"\} [1-9]/m,
      );
    },
  );

  it('P7: is ready while its centre and InfluxDB are away, and says that they are', async () => {
    shop.profiles.faults.away = true;
    await pressMore(button, gateway.mqtt, 5);
    const uplink = `uplink http ${new URL(shop.profiles.url).host}`;
    const away = await readyOnce(gateway, ({ checks }) => named(checks, uplink)?.ok === false);
    expect(away).toMatchObject({ status: 200, ready: true });
    expect(named(away.checks, uplink)?.required).toBe(false);
    for (const name of ['store', 'room', 'broker']) {
      expect(named(away.checks, name)).toEqual({ name, ok: true, required: true });
    }
    for (const name of ['influxdb', 'history']) expect(named(away.checks, name)?.required).toBe(false);
    expect(JSON.stringify(away)).not.toContain('://');
  });
});

it('figures that cannot be read are a 503, and neither an exception nor its words', async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  probeRoutes(app, {
    readiness: () => ({ ready: false, checks: [] }),
    metrics: () => Promise.reject(new Error('/data/secret/aisle.db: disk I/O error')),
  });
  const { statusCode, body } = await app.inject('/metrics');
  expect({ statusCode, body }).toEqual({
    statusCode: 503,
    body: 'the figures cannot be read: the disk refuses\n',
  });
  expect((await app.inject('/readyz')).statusCode).toBe(503);
  expect((await app.inject('/healthz')).json()).toEqual({ ok: true });
});
