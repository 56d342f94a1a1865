import pino from 'pino';
import { Registry } from 'prom-client';
import { openRoad } from '../../gateway/road.ts';
import { openObserver } from '../../gateway/telemetry/metrics/observed.ts';
import { watchGateway } from '../../gateway/telemetry/watch.ts';
import { fill } from './loaded-shop/fill.ts';
import { loadedShop, machine, newFolder } from './loaded-shop/shop.ts';

/*
 * What metrics cost: ns a message for what is observed on its way, each part on its own, and how long a scrape
 * holds the loop up and what it takes of a processor, for a shop of 300 devices (20 of them receivers in label values), two uplinks and a full
 * backlog.
 *
 *   npx tsx test/bench/metrics.ts [events that wait, 100000]
 *
 * One line at the end.
 */

const ROUNDS = 1_000_000;
const SCRAPES = 20;
/** A text is given to all who ask within half a second. */
const APART = 550;
const EVENTS = Number(process.argv[2] ?? 100_000);

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** ns a call, the median of five rounds. */
function nsOf(work: (i: number) => void): number {
  const rounds = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    for (let i = 0; i < ROUNDS; i += 1) work(i);
    return ((performance.now() - startedAt) * 1e6) / ROUNDS;
  });
  return Math.round(median(rounds));
}

const none = new Set<string>();
const body = (i: number) =>
  `{"specversion":"1.0","id":"e0e0e0e0-${String(i % 1_000).padStart(20, '0')}","source":"urn:aisle:store:s1:gateway:g1","type":"aisle.button.pressed.v1","time":"2026-11-22T08:00:00.000Z","recordedtime":"2026-11-22T08:00:00.002Z"}`;
const batch = Array.from({ length: 100 }, (_, i) => ({
  id: `${i}`,
  position: i,
  name: 'button.pressed',
  body: body(i),
}));

function onTheWay() {
  const observer = openObserver(new Registry(), { now: Date.now, uplinks: ['http a'] });
  const { broker } = observer;
  const attempted = observer.attempted('http a');
  const result = {
    accepted: new Set(batch.map(({ id }) => id)),
    rejected: new Map<string, string>(),
    skipped: none,
  };
  const loop = nsOf(() => {});
  return {
    messageNs:
      nsOf(() => {
        broker.message(1);
        const at = performance.now();
        broker.acknowledged(performance.now() - at);
      }) - loop,
    batchNs: nsOf((i) => observer.tried({ signals: 16, ms: (i % 100) / 10 })) - loop,
    eventForwardedNs: Math.round(
      nsOfBatch(() => attempted({ events: batch, result, ms: 12 })) / batch.length,
    ),
  };
}

function nsOfBatch(work: () => void): number {
  const rounds = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    for (let i = 0; i < ROUNDS / 100; i += 1) work();
    return ((performance.now() - startedAt) * 1e6) / (ROUNDS / 100);
  });
  return median(rounds);
}

/** Of a gateway with a backlog, by what the loop is held up. */
async function scraped() {
  const ids = Array.from({ length: 300 }, (_, i) => `button-${i}`);
  const uplinks = ['http://a.example/x', 'http://b.example/y'].map((url) => ({ kind: 'http', url }));
  const shop = loadedShop(newFolder(), ids, uplinks);
  await fill(shop.config, EVENTS);
  const closers: (() => unknown)[] = [];
  const road = openRoad(shop.config, { log: pino({ level: 'silent' }) }, closers);
  const watch = watchGateway({
    config: shop.config,
    road: { ...road, devices: road.devices.map(asReceiver) },
    broker: () => ({ connections: () => 300, isListening: () => true }),
    forwards: [],
    counters: { dropped: {}, refused: {}, slowed: {} },
    sinks: () => [{ name: 'history', ok: true, waiting: 0, written: 0, dropped: 0 }],
    unmeasured: () => 0,
  });
  const countKeptNs = countedNs(road.db);
  const ms: number[] = [];
  let cpuMs = 0;
  let octets = 0;
  for (let i = 0; i < SCRAPES; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, APART));
    const before = process.cpuUsage();
    const startedAt = performance.now();
    octets = (await watch.expose()).text.length;
    ms.push(performance.now() - startedAt);
    const { user, system } = process.cpuUsage(before);
    cpuMs += (user + system) / 1_000 / SCRAPES;
  }
  for (const closer of closers.reverse()) await closer();
  shop.remove();
  return {
    countKeptNs,
    scrapeMs: {
      first: round(ms[0]),
      median: round(median(ms)),
      most: round(Math.max(...ms)),
      cpu: round(cpuMs),
    },
    octets,
  };

  function asReceiver(device: (typeof road.devices)[number], i: number) {
    return i < 20 ? { ...device, type: { ...device.type, kind: 'receiver' } } : device;
  }
}

/** What a transaction pays for each count that it keeps, ns. */
function countedNs(db: import('../../gateway/database.ts').Db): number {
  const count = db.prepare(
    "INSERT INTO counters VALUES ('stored B', 1) ON CONFLICT DO UPDATE SET value = value + excluded.value",
  );
  const rounds = 20_000;
  const all = db.transaction(() => {
    for (let i = 0; i < rounds; i += 1) count.run();
  });
  all();
  const startedAt = performance.now();
  all();
  return Math.round(((performance.now() - startedAt) * 1e6) / rounds);
}

const round = (ms = 0) => Math.round(ms * 100) / 100;

const way = onTheWay();
const perMessageNs = way.messageNs + way.eventForwardedNs + Math.round(way.batchNs / 16);
process.stdout.write(
  `${JSON.stringify({ ...way, perMessageNs, waiting: EVENTS, ...(await scraped()), ...machine() })}\n`,
);
process.exit(0);
