import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { influxSchema } from '../../../../gateway/config-influx.ts';
import { influxSink } from '../../../../gateway/telemetry/influx/sink.ts';
import { influxSource } from '../../../../gateway/telemetry/influx/source.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import type { Sink } from '../../../../gateway/telemetry/sink.ts';
import { authority, certificate } from '../../../support/certificates.ts';
import { hasInflux, type InfluxShop, influxCli, openInfluxShop } from '../../../support/influxd.ts';
import { quiet } from '../../../support/quiet.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const OWN = { store: 'lyon-1', gateway: 'g1' };
const WINDOW = 10_000;
const T0 = Math.floor(Date.now() / WINDOW) * WINDOW - 600_000;
const climate = (device: string, temperature: number): Point => ({
  measurement: 'climate',
  tags: { device },
  fields: { temperature_celsius: temperature },
  at: T0,
});
const QUERY = { measurement: 'climate', field: 'temperature_celsius', from: T0, to: T0 + WINDOW, stepS: 10 };

async function written(sink: Sink, samples: Point[]): Promise<void> {
  sink.take(samples);
  await until(() => sink.state().ok && sink.state().waiting === 0, 'InfluxDB to have all');
  await sink.close();
}

describe.skipIf(!hasInflux)('the series of a shop in InfluxDB', () => {
  let shop: InfluxShop;
  beforeAll(async () => {
    shop = await openInfluxShop();
  });
  afterEach(() => process.kill(shop.server.pid(), 'SIGCONT'));
  afterAll(() => shop.close());
  const source = (options: object = {}) => influxSource(shop.config, OWN, { now: Date.now, ...options });

  it('are its own, where one database is of many', async () => {
    const other = { store: 'paris-2', gateway: 'g1' };
    await written(influxSink(shop.config, OWN, { log: quiet, lingerMs: 0 }), [climate('c1', 20)]);
    await written(influxSink(shop.config, other, { log: quiet, lingerMs: 0 }), [climate('c1', 30)]);
    expect(await source().query(QUERY)).toEqual([{ tags: { device: 'c1' }, points: [[T0, 20]] }]);
    const theirs = influxSource(shop.config, other, { now: Date.now });
    expect(await theirs.query(QUERY)).toEqual([{ tags: { device: 'c1' }, points: [[T0, 30]] }]);
  });

  it('come from what is kept for long where a range begins before the raw ones do', async () => {
    const point = 'climate,device=long,gateway=g1,store=lyon-1';
    await influxCli(shop.server, `INSERT INTO raw ${point} temperature_celsius=1 ${T0}`);
    await influxCli(shop.server, `INSERT INTO long ${point} temperature_celsius=2 ${T0}`);
    const query = { ...QUERY, tags: { device: 'long' } };
    const valuesAt = async (days: number) => {
      const [line] = await source({ now: () => T0 + days * 86_400_000 }).query(query);
      return line?.points;
    };
    expect(await valuesAt(14)).toEqual([[T0, 1]]);
    expect(await valuesAt(14.001)).toEqual([[T0, 2]]);
  });

  it('are asked for in bounds: series by steps', async () => {
    const many = Array.from({ length: 30 }, (_, n) => climate(`many-${n}`, n));
    await written(influxSink(shop.config, OWN, { log: quiet, lingerMs: 0 }), many);
    const day = { ...QUERY, from: T0 - 86_000_000 };
    await expect(source().query(day)).rejects.toThrow(
      'more than 23 series with so many steps: ask for longer steps, or for tags',
    );
    expect((await source().query({ ...day, stepS: 60 })).length).toBeGreaterThanOrEqual(30);
    expect(await source().query({ ...day, tags: { device: 'many-3' } })).toHaveLength(1);
  });

  it('are not to be had without the right to read, and the sentence says so', async () => {
    await influxCli(shop.server, 'GRANT WRITE ON aisle TO gateway');
    await expect(source().query(QUERY)).rejects.toThrow(
      /"gateway" user is not authorized|not authorized to execute/,
    );
    await shop.setUp();
  });

  it('are asked for by few at a time: two pages with all their charts wait for each other', async () => {
    const asked = source();
    const query = { ...QUERY, tags: { device: 'c1' } };
    const all = await Promise.all(Array.from({ length: 30 }, () => asked.query(query)));
    expect(all.map((lines) => lines.length)).toEqual(Array(30).fill(1));
  });

  it('are given up after a while where it does not answer, and more than a line of questions at once', async () => {
    process.kill(shop.server.pid(), 'SIGSTOP');
    const asked = source({ deadlineMs: 100 });
    const all = await Promise.allSettled(Array.from({ length: 73 }, () => asked.query(QUERY)));
    const why = all.map((one) => (one.status === 'rejected' ? one.reason.message : 'answered'));
    expect(new Set(why.slice(0, 8))).toEqual(new Set(['InfluxDB cannot be reached: no answer in 0.1 s']));
    // Nobody waits for as long as the line is.
    expect(why[71]).toBe('InfluxDB is too slow for all that it is asked');
    expect(why[72]).toBe('InfluxDB is asked too much at once: ask again');
    process.kill(shop.server.pid(), 'SIGCONT');
    expect(await source().query({ ...QUERY, tags: { device: 'c1' } })).toHaveLength(1);
  });
});

describe('who answers where InfluxDB should', () => {
  it.each([
    ['a login page', 200, 'HTTP 200, as InfluxDB does not answer'],
    ['a proxy that blames what was sent', 400, 'A 400 Bad Request error occurred: <html>log in</html>'],
    ['a proxy without a server behind it', 502, 'Bad Gateway'],
    ['a door to elsewhere', 301, 'A 301 Moved Permanently'],
  ])('%s takes nothing, and nothing is lost', async (_, status, why) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(status).end('<html>log in</html>'));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const config = influxSchema.parse({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const sink = influxSink(config, OWN, { log: quiet, lingerMs: 0 });
    sink.take([climate('c1', 20), climate('c2', 20)]);
    await until(() => sink.state().reason?.includes(why) === true, why);
    expect(sink.state()).toMatchObject({ ok: false, waiting: 2, written: 0, dropped: 0 });
    await sink.close();
  });

  it('a server that ends in the middle of its answer is given up after the deadline', async () => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{"results":', () => response.destroy());
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const config = influxSchema.parse({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const asked = influxSource(config, OWN, { now: Date.now, deadlineMs: 300 });
    await expect(asked.query(QUERY)).rejects.toThrow('InfluxDB cannot be reached: no answer in 0.3 s');
  });
});

describe.skipIf(!hasInflux)('InfluxDB over TLS', () => {
  it('is spoken to where the authority is the one of the configuration, and else not', async () => {
    const folder = temporaryFolder();
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const ca = await authority();
    const { cert, key } = await certificate(ca);
    const shop = await openInfluxShop(
      { tls: { cert: file('cert.pem', cert), key: file('key.pem', key) } },
      { ca: file('ca.pem', ca.cert) },
    );
    onTestFinished(() => shop.close());
    const options = { log: quiet, lingerMs: 0, restMs: [10, 20] as const };
    await written(influxSink(shop.config, OWN, options), [climate('c1', 20)]);
    const asked = influxSource(shop.config, OWN, { now: Date.now });
    expect(await asked.query(QUERY)).toHaveLength(1);

    const { ca: _, ...untrusting } = shop.config;
    const stranger = influxSink(untrusting, OWN, options);
    stranger.take([climate('c1', 20)]);
    await until(() => /certificate/.test(stranger.state().reason ?? ''), 'the certificate to be refused');
    await stranger.close();

    // Opening asks for no file: it is read when it is needed, and again when it is there.
    const later = influxSink({ ...shop.config, ca: join(folder, 'later.pem') }, OWN, options);
    later.take([climate('c2', 20)]);
    await until(() => /later.pem cannot be read \(ENOENT\)/.test(later.state().reason ?? ''), 'the file');
    file('later.pem', ca.cert);
    await written(later, []);
    expect(later.state()).toMatchObject({ written: 1 });
  });
});
