import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { influxSink } from '../../../../gateway/telemetry/influx/sink.ts';
import { influxCli, openInfluxShop } from '../../../support/influxd.ts';
import { quiet } from '../../../support/quiet.ts';

/*
 * How fast samples go to Debian's InfluxDB on this machine, by hand:
 *   node --import tsx test/gateway/telemetry/influx/bench.ts
 * As many as wait at most, of a shop of 1,000 series.
 */

const SERIES = 1_000;
const WINDOWS = 200;
const T0 = Math.floor(Date.now() / 10_000) * 10_000 - 3_600_000;

const shop = await openInfluxShop();
const sink = influxSink(shop.config, { store: 'lyon-1', gateway: 'g1' }, { log: quiet, lingerMs: 0 });
const windows = Array.from({ length: WINDOWS }, (_, n) =>
  Array.from({ length: SERIES }, (_, i) => ({
    measurement: 'shelf',
    tags: { device: `shelf-${i >> 2}`, slot: String(i & 3) },
    fields: { weight_grams: 400 + n + i / 7, units: i },
    at: T0 + n * 10_000,
  })),
);

const takes = windows.map((samples) => {
  const before = performance.now();
  sink.take(samples);
  return (performance.now() - before) * 1_000;
});
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const begun = performance.now();
while (sink.state().waiting > 0) await wait(5);
const seconds = (performance.now() - begun) / 1_000;
loop.disable();
await sink.close();
const there = await influxCli(shop.server, 'SELECT COUNT(units) FROM aisle.raw.shelf');
await shop.close();

takes.sort((a, b) => a - b);
process.stdout.write(
  `${JSON.stringify({
    takeOf1000SamplesUs: { p50: takes[WINDOWS / 2], max: takes.at(-1) },
    samplesASecond: Math.round((SERIES * WINDOWS) / seconds),
    loopDelayMs: { p50: loop.percentile(50) / 1e6, p99: loop.percentile(99) / 1e6, max: loop.max / 1e6 },
    there: there[1],
  })}\n`,
);
