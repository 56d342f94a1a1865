import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CLOSE_MS, influxSink, type SinkOptions } from '../../../../gateway/telemetry/influx/sink.ts';
import { type Field, MEASUREMENTS, type Measurement } from '../../../../gateway/telemetry/measurements.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import { hasInflux, type InfluxShop, influxCli, openInfluxShop } from '../../../support/influxd.ts';
import { until } from '../../../support/until.ts';
import { type Middle, openMiddle } from './middle.ts';

/*
 * InfluxDB was away for longer than its continuous queries reach back: what the gateway makes of the samples
 * that come late then, in what is kept for long. Each test is a shop of its own in one database.
 */

const SECOND = 1_000;
const STEP = 300 * SECOND;
const HOUR = 3_600 * SECOND;
const NOW = Date.now();
/** The beginning of a step so many hours ago. */
const ago = (hours: number) => Math.floor((NOW - hours * HOUR) / STEP) * STEP;

const SAID_ALL = 'sums of five minutes that were missing are there';
const SAID_WAIT = 'sums of five minutes wait';
const SAID_LEFT = 'sums of five minutes that were not made';

describe.skipIf(!hasInflux)('F31: what is kept for long, after InfluxDB was away', () => {
  let shop: InfluxShop;
  beforeAll(async () => {
    shop = await openInfluxShop();
  });
  afterAll(() => shop.close());

  interface Opened {
    sink: ReturnType<typeof influxSink>;
    middle: Middle;
    /** What the log said. */
    said: { msg: string }[];
    count(msg: string): number;
    /** Takes samples, and waits until InfluxDB has them. */
    write(samples: Point[]): Promise<void>;
  }

  async function open(
    store: string,
    more: Partial<SinkOptions> & { config?: object; before?: (asked: number) => unknown } = {},
  ): Promise<Opened> {
    const { config, before, ...options } = more;
    const middle = await openMiddle(shop.server.url, before);
    const said: Opened['said'] = [];
    const log = pino({ base: null, timestamp: false }, { write: (line) => said.push(JSON.parse(line)) });
    const sink = influxSink(
      { ...shop.config, ...config, url: middle.url },
      { store, gateway: 'g1' },
      { log, deadlineMs: 5_000, lingerMs: 0, restMs: [10, 50], ...options },
    );
    onTestFinished(async () => {
      await sink.close();
      middle.close();
    });
    return {
      sink,
      middle,
      said,
      count: (msg) => said.filter((one) => one.msg === msg).length,
      async write(samples) {
        const written = sink.state().written + samples.length;
        sink.take(samples);
        await until(() => sink.state().written === written, 'InfluxDB to have all');
      },
    };
  }

  /** As Debian's command line reads them: a line each of time and fields, oldest first. */
  async function lines(policy: string, { name, fields }: Measurement, store: string): Promise<number[][]> {
    const columns = fields.map((field) => field.name).join(', ');
    const query = `SELECT ${columns} FROM aisle.${policy}.${name} WHERE store = '${store}' AND device !~ /other/`;
    const [, ...rows] = await influxCli(shop.server, query);
    return rows.map((row) => row.split(',').slice(1).map(Number));
  }

  it('are the sums that the table says, of its own series alone, made again as they were', async () => {
    const samples = [30, 5].flatMap((hours) => samplesOf(ago(hours)));
    // Another shop's, and another gateway's in this one: sums that their samples do not have.
    for (const tags of ['gateway=g1,store=theirs', 'gateway=g2,store=ours']) {
      const point = `climate,device=other,${tags} temperature_celsius`;
      for (const hours of [30, 5]) {
        await influxCli(shop.server, `INSERT INTO raw ${point}=1 ${ago(hours)}`);
        await influxCli(shop.server, `INSERT INTO long ${point}=99 ${ago(hours)}`);
      }
    }
    const { middle, count, write, sink } = await open('ours');
    for (const times of [1, 2]) {
      await write(samples);
      await until(() => count(SAID_ALL) === times, 'all sums to be there');
      for (const measurement of MEASUREMENTS) {
        const sums = [30, 5].flatMap((hours) => sumsOf(measurement, ago(hours)));
        expect(await lines('long', measurement, 'ours')).toEqual(sums);
      }
    }
    const others = await influxCli(
      shop.server,
      `SELECT temperature_celsius FROM aisle.long.climate WHERE device = 'other'`,
    );
    const untouched = [30, 5].map((hours) => `climate,${ago(hours)},99`);
    expect(others.slice(1)).toEqual(untouched.flatMap((line) => [line, line]));
    expect(sink.state()).toMatchObject({ ok: true, dropped: 0 });
    // Twice thirteen times two hours of each measurement.
    expect(middle.asked).toHaveLength(2 * 13 * MEASUREMENTS.length);
    expect(middle.atOnce()).toBe(1);
  });

  it('is left to the continuous queries where nothing came late', async () => {
    const { middle, write, sink, said } = await open('in-time');
    await write([...samplesOf(ago(1)), ...samplesOf(ago(0))]);
    await sink.close();
    expect(middle.asked).toEqual([]);
    expect(said.map(({ msg }) => msg)).toEqual(['time series go to InfluxDB']);
  });

  it('has nothing of what is older than rawDays', async () => {
    const { count, write } = await open('clipped', { config: { rawDays: 1 } });
    await write([...samplesOf(ago(30)), ...samplesOf(ago(23))]);
    await until(() => count(SAID_ALL) === 1, 'all sums to be there');
    for (const measurement of MEASUREMENTS) {
      expect(await lines('long', measurement, 'clipped')).toEqual(sumsOf(measurement, ago(23)));
      expect(await lines('raw', measurement, 'clipped')).toHaveLength(2 * AT.length);
    }
  });

  it.each([
    ['the gateway may read', 'GRANT WRITE ON aisle TO gateway', /gateway not authorized to execute/],
    [
      'its policy is there',
      'DROP RETENTION POLICY long ON aisle',
      /retention policy not found: long.*setup$/,
    ],
  ])('is filled when %s; samples are written meanwhile', async (_, breaking, reason) => {
    await influxCli(shop.server, breaking);
    const store = breaking.slice(0, 4);
    const { sink, said, count, write, middle } = await open(store);
    await write(samplesOf(ago(5)));
    while (middle.asked.length < 5) {
      await write([climate(Date.now())]);
      expect(sink.state()).toMatchObject({ ok: true, waiting: 0, dropped: 0 });
    }
    expect(count(SAID_WAIT)).toBe(1);
    expect(said.find(({ msg }) => msg === SAID_WAIT)).toMatchObject({
      reason: expect.stringMatching(reason),
      missing: expect.arrayContaining([spanOf('climate', ago(5) - STEP, ago(5) + 2 * STEP)]),
    });
    await shop.setUp();
    while (count(SAID_ALL) === 0) await write([climate(Date.now())]);
    for (const measurement of MEASUREMENTS) {
      const [first, second] = await lines('long', measurement, store);
      expect([first, second]).toEqual(sumsOf(measurement, ago(5)));
    }
  });

  it('comes after all samples; where it takes too long, they wait for one request of it, the state for none', async () => {
    const written: number[] = [];
    const { sink, middle, count, write } = await open('slow', {
      deadlineMs: 300,
      before: () => {
        written.push(sink.state().written);
        return new Promise(() => {});
      },
    });
    await write(Array.from({ length: 1_200 }, (_, n) => climate(ago(5) + n)));
    for (let tries = 1; tries <= 3; tries += 1) {
      // After a rest, one follows a sample.
      while (middle.asked.length < tries) await write([climate(Date.now())]);
      const asked = middle.asked.length;
      await write([climate(Date.now())]);
      expect(middle.asked.length).toBeLessThanOrEqual(asked + 1);
      expect(sink.state()).toMatchObject({ ok: true, waiting: 0, dropped: 0 });
    }
    expect(written[0]).toBeGreaterThanOrEqual(1_200);
    expect(middle.atOnce()).toBe(1);
    expect(count(SAID_WAIT)).toBe(1);
  });

  it('is left alone for a while after a request that failed', async () => {
    const { middle, write } = await open('rests', {
      deadlineMs: 100,
      restMs: [60_000, 60_000],
      before: () => new Promise(() => {}),
    });
    await write([climate(ago(5))]);
    for (let n = 0; n < 5; n += 1) await write([climate(Date.now())]);
    expect(middle.asked).toHaveLength(1);
  });

  it('does not keep the end of the gateway: the last samples are written, and the hole is told', async () => {
    const { sink, middle, said, write } = await open('ended', {
      deadlineMs: 60_000,
      before: () => new Promise(() => {}),
    });
    await write([climate(ago(5))]);
    await until(() => middle.asked.length === 1, 'a request to be under way');
    sink.take([climate(Date.now()), climate(ago(4))]);
    const closing = performance.now();
    await sink.close();
    expect(performance.now() - closing).toBeLessThan(CLOSE_MS);
    expect(sink.state()).toMatchObject({ waiting: 0, written: 3 });
    const missing = [spanOf('climate', ago(5) - STEP, ago(4) + STEP)];
    expect(said.slice(1)).toEqual([{ level: 40, missing, msg: SAID_LEFT }]);
    expect(middle.asked).toHaveLength(1);
  });
});

const spanOf = (measurement: string, from: number, to: number) => ({
  measurement,
  from: new Date(from).toISOString(),
  to: new Date(to).toISOString(),
});

const climate = (at: number): Point => ({
  measurement: 'climate',
  tags: { device: 'one' },
  fields: { temperature_celsius: 20 },
  at,
});

/** Three windows of a step and one of the next, after its beginning. */
const AT = [0, 10, 290, 310].map((seconds) => seconds * SECOND);
const VALUES = [3, 8, 4, 5];

/** Of each measurement one series with all of its fields; each field has values of its own. */
function samplesOf(from: number): Point[] {
  return AT.flatMap((after, n) =>
    MEASUREMENTS.map(({ name, tags, fields }) => ({
      measurement: name,
      tags: Object.fromEntries(tags.map((tag) => [tag.replace('?', ''), 'one'])),
      fields: Object.fromEntries(fields.map((field, i) => [field.name, fieldValue(n, i)])),
      at: from + after,
    })),
  );
}

const fieldValue = (n: number, i: number) => (VALUES[n] ?? 0) + 10 * i;

const ROLLED: Record<Field['rollup'], (values: number[]) => number> = {
  last: (values) => values.at(-1) ?? Number.NaN,
  mean: (values) => values.reduce((a, b) => a + b) / values.length,
  max: (values) => Math.max(...values),
  sum: (values) => values.reduce((a, b) => a + b),
};

/** The two steps of those samples, as the table of measurements says. */
function sumsOf({ fields }: Measurement, from: number): number[][] {
  return [[0, 1, 2], [3]].map((windows, step) => [
    from + step * STEP,
    ...fields.map(({ rollup }, i) => ROLLED[rollup](windows.map((n) => fieldValue(n, i)))),
  ]);
}
