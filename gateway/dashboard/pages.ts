import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import { HEADERS } from '../kiosk/pages.ts';

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

const FILES = [
  'page.css',
  'page.js',
  'chart.js',
  'charts.js',
  'element.js',
  'health.js',
  'load.js',
  'plot.js',
  'ranges.js',
  'series.js',
  'server.js',
  'times.js',
] as const;

export interface PageParts {
  config: Pick<Config, 'store' | 'mode' | 'map' | 'devices'>;
}

/**
 * The page at `/` and its files: they say nothing of the shop, so they are open. What the shop is called and
 * has is at `/api/shop`, for who has the token.
 */
export function dashboardPage(app: FastifyInstance, { config }: PageParts): void {
  serve('/', readFileSync(ours('page.html'), 'utf8'), TYPES.html);
  for (const file of FILES) serve(`/page/${file}`, readFileSync(ours(file), 'utf8'), typeOf(file));
  for (const file of ['uPlot.esm.js', 'uPlot.min.css']) serve(`/page/${file}`, uplot(file), typeOf(file));
  app.get('/api/shop', async (_, reply) => reply.headers(HEADERS).send(shopOf(config)));

  function serve(path: string, content: string, type: string): void {
    app.get(path, async (_, reply) => reply.headers(HEADERS).type(type).send(content));
  }
}

function typeOf(file: string): string {
  return TYPES[file.slice(file.lastIndexOf('.') + 1) as keyof typeof TYPES];
}

/** Beside the sources; the compiled program finds them there too. */
function ours(name: string): string {
  const beside = fileURLToPath(new URL(`page/${name}`, import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL(`../../../gateway/dashboard/page/${name}`, import.meta.url));
}

function uplot(name: string): string {
  return readFileSync(join(dirname(fileURLToPath(import.meta.resolve('uplot'))), name), 'utf8');
}

/** What things are called, so that the page need not show ids alone. */
function shopOf({ store, mode, map, devices }: PageParts['config']) {
  return {
    store: store.id,
    gateway: store.gateway,
    timezone: store.timezone,
    mode,
    zones: map.zones.map(({ id, name = id }) => ({ id, name })),
    devices: devices.map(({ id, kind, zone }) => ({ id, kind, zone: zone ?? null })),
    slots: map.fixtures.flatMap(({ device, zone, slots }) =>
      slots.map(({ slot, sku, capacity }) => ({
        device,
        zone,
        slot: String(slot),
        sku,
        capacity: capacity ?? null,
      })),
    ),
  };
}
