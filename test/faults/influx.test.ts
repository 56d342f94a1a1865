import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { influxSink, type SinkOptions } from '../../gateway/telemetry/influx/sink.ts';
import type { Point } from '../../gateway/telemetry/point.ts';
import type { Sink } from '../../gateway/telemetry/sink.ts';
import { openMiddle } from '../gateway/telemetry/influx/middle.ts';
import {
  GATEWAY_PASSWORD,
  hasInflux,
  type InfluxShop,
  influxCli,
  openInfluxShop,
} from '../support/influxd.ts';
import { quiet } from '../support/quiet.ts';
import { mayMount, type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

/*
 * InfluxDB in trouble, each time Debian's own: what waits is kept up to the bound, what goes is counted, the
 * state says why, and nobody has to do anything in the gateway for it to go on.
 */

const OWN = { store: 'lyon-1', gateway: 'g1' };
const SECOND = 1_000;
const WINDOW = 10 * SECOND;
const HOUR = 3_600 * SECOND;
/** Where this hour's windows begin. */
const T0 = Math.floor(Date.now() / HOUR) * HOUR - HOUR;

let shop: InfluxShop;
let sink: Sink;
let disk: SmallDisk | undefined;

afterEach(async () => {
  await sink.close();
  await shop.server.stop('SIGKILL');
  disk?.unmount();
  disk = undefined;
  await shop.close();
});

function open(options: Partial<SinkOptions> = {}, config = shop.config): Sink {
  const quick = { deadlineMs: 700, lingerMs: 0, restMs: [20, 100] as const };
  sink = influxSink(config, OWN, { log: quiet, ...quick, ...options });
  return sink;
}

/** One window of so many shelves. */
function window(n: number, series = 10): Point[] {
  return Array.from({ length: series }, (_, i) => ({
    measurement: 'shelf',
    tags: { device: `shelf-${i}`, slot: '0' },
    fields: { weight_grams: n + i / 10, units: i },
    at: T0 + n * WINDOW,
  }));
}

const written = () => until(() => sink.state().waiting === 0 && sink.state().ok, 'all to be written');
const away = (reason: RegExp) =>
  until(() => !sink.state().ok && reason.test(sink.state().reason ?? ''), `a state that says ${reason}`);

/** What InfluxDB has, as its own command line counts it. */
async function counted(): Promise<number> {
  const [, line = ',,0'] = await influxCli(shop.server, 'SELECT COUNT(units) FROM aisle.raw.shelf');
  return Number(line.split(',')[2]);
}

describe.skipIf(!hasInflux)('F31: InfluxDB', { timeout: 60_000 }, () => {
  it('killed, and back: what was taken meanwhile is written, once', async () => {
    shop = await openInfluxShop();
    open();
    sink.take(window(0));
    await written();
    await shop.server.stop('SIGKILL');
    for (let n = 1; n <= 5; n += 1) sink.take(window(n));
    await away(/cannot be reached: connect ECONNREFUSED/);
    expect(sink.state()).toMatchObject({ ok: false, waiting: 50, written: 10, dropped: 0 });
    await shop.server.start();
    await written();
    expect(sink.state()).toEqual({ name: 'influxdb', ok: true, waiting: 0, written: 60, dropped: 0 });
    expect(await counted()).toBe(60);
  });

  it('that stops answering is given up after the deadline, and what it took by then is not there twice', async () => {
    shop = await openInfluxShop();
    open();
    sink.take(window(0));
    await written();
    process.kill(shop.server.pid(), 'SIGSTOP');
    sink.take(window(1));
    await away(/no answer in 0.7 s/);
    sink.take(window(2));
    expect(sink.state()).toMatchObject({ waiting: 20, dropped: 0 });
    process.kill(shop.server.pid(), 'SIGCONT');
    await written();
    expect(sink.state()).toMatchObject({ written: 30, dropped: 0 });
    expect(await counted()).toBe(30);
  });

  it('that answers late, within the deadline, is slow and not away', async () => {
    shop = await openInfluxShop();
    open({ deadlineMs: 5_000 });
    process.kill(shop.server.pid(), 'SIGSTOP');
    sink.take(window(0));
    for (let n = 1; n <= 5; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      sink.take(window(n));
    }
    // One request is under way, whatever comes meanwhile.
    expect(sink.state()).toMatchObject({ waiting: 60, written: 0, dropped: 0 });
    process.kill(shop.server.pid(), 'SIGCONT');
    await written();
    expect(await counted()).toBe(60);
  });

  it('with a wrong password takes nothing until the right one is in the file', async () => {
    shop = await openInfluxShop();
    const { passwordFile = '' } = shop.config;
    writeFileSync(passwordFile, 'not this one');
    open();
    sink.take(window(0));
    await away(/^InfluxDB refuses influx.userName with the password of influx.passwordFile$/);
    writeFileSync(passwordFile, GATEWAY_PASSWORD);
    await written();
    expect(await counted()).toBe(10);
    // A new password there, before anybody put it in the file.
    await influxCli(shop.server, `SET PASSWORD FOR gateway = 'rotated'`);
    sink.take(window(1));
    await away(/refuses/);
    writeFileSync(passwordFile, 'rotated');
    await written();
    expect(await counted()).toBe(20);
  });

  it('with a field of another type refuses those points for good, and takes the others', async () => {
    shop = await openInfluxShop();
    await influxCli(
      shop.server,
      `INSERT INTO raw climate,device=c1,gateway=g1,store=lyon-1 temperature_celsius="warm" ${T0}`,
    );
    open();
    const climate = (device: string): Point => ({
      measurement: 'climate',
      tags: { device },
      fields: { temperature_celsius: 20 },
      at: T0 + WINDOW,
    });
    sink.take([...window(0), climate('c1'), climate('c2'), ...window(1)]);
    await until(() => sink.state().waiting === 0, 'all to be settled');
    expect(sink.state()).toMatchObject({ ok: false, waiting: 0, written: 20, dropped: 2 });
    expect(sink.state().reason).toMatch(
      /^2 of 22 points were refused for good: InfluxDB says "partial write: field type conflict: input field "temperature_celsius" on measurement "climate" is type float, already exists as type string dropped=2"/,
    );
    expect(await counted()).toBe(20);
    await influxCli(shop.server, 'DROP MEASUREMENT climate');
    sink.take([...window(2), climate('c1')]);
    await written();
    expect(sink.state()).toMatchObject({ ok: true, written: 31, dropped: 2 });
  });

  it('whose database is dropped says what to do, and takes all when it is there again', async () => {
    shop = await openInfluxShop();
    open();
    sink.take(window(0));
    await written();
    await influxCli(shop.server, 'DROP DATABASE aisle');
    sink.take(window(1));
    await away(/says "database not found: "aisle"": run {2}aisle influx setup/);
    // With it went the right to write to it.
    await influxCli(shop.server, 'CREATE DATABASE aisle');
    await away(/"gateway" user is not authorized to write to database "aisle"/);
    await influxCli(shop.server, 'GRANT WRITE ON aisle TO gateway');
    await away(/says "retention policy not found: raw": run {2}aisle influx setup/);
    await shop.setUp();
    await written();
    expect(sink.state()).toMatchObject({ written: 20, dropped: 0 });
    expect(await counted()).toBe(10);
  });

  it('that takes away the right to write is asked until it gives it back', async () => {
    shop = await openInfluxShop();
    open();
    await influxCli(shop.server, 'REVOKE ALL ON aisle FROM gateway');
    sink.take(window(0));
    await away(/"gateway" user is not authorized to write to database "aisle".* \(HTTP 403\)/);
    await shop.setUp();
    await written();
    expect(await counted()).toBe(10);
  });

  it('that takes little at a time gets little at a time', async () => {
    shop = await openInfluxShop({ maxBody: 3_000 });
    open();
    for (let n = 0; n < 100; n += 1) sink.take(window(n));
    await written();
    expect(sink.state()).toMatchObject({ written: 1_000, dropped: 0 });
    expect(await counted()).toBe(1_000);
  });

  it('away for an hour gets the whole hour, in the order of time', async () => {
    shop = await openInfluxShop();
    open();
    await shop.server.stop('SIGKILL');
    for (let n = 0; n < 360; n += 1) sink.take(window(n, 100));
    await away(/ECONNREFUSED/);
    expect(sink.state()).toMatchObject({ waiting: 36_000, written: 0, dropped: 0 });
    await shop.server.start();
    await written();
    expect(sink.state()).toMatchObject({ waiting: 0, written: 36_000, dropped: 0 });
    expect(await counted()).toBe(36_000);
  });

  it('away for longer than the bound: the oldest go and are counted, the latest come', async () => {
    shop = await openInfluxShop();
    open({ mostWaiting: 1_000 });
    await shop.server.stop('SIGKILL');
    for (let n = 0; n < 360; n += 1) {
      sink.take(window(n));
      expect(sink.state().waiting).toBeLessThanOrEqual(1_000);
    }
    await away(/ECONNREFUSED/);
    expect(sink.state()).toMatchObject({ waiting: 1_000, dropped: 2_600 });
    await shop.server.start();
    await written();
    expect(sink.state()).toMatchObject({ waiting: 0, written: 1_000, dropped: 2_600 });
    const oldest = `SELECT FIRST(weight_grams) FROM aisle.raw.shelf WHERE device = 'shelf-0'`;
    expect((await influxCli(shop.server, oldest))[1]).toBe(`shelf,${T0 + 260 * WINDOW},260`);
  });

  it('killed while it makes the sums that its absence of two days left out, and back: all are made', async () => {
    shop = await openInfluxShop();
    const killAt = 10;
    const middle = await openMiddle(
      shop.server.url,
      (asked) => asked === killAt && shop.server.stop('SIGKILL'),
    );
    onTestFinished(middle.close);
    open({}, { ...shop.config, url: middle.url });
    // A window an hour.
    const hours = Array.from({ length: 48 }, (_, n) => n - 50);
    for (const hour of hours) sink.take(window(hour * 360));
    await until(() => middle.asked.length === killAt, 'the sums to be under way');
    sink.take(window(0));
    await away(/cannot be reached/);
    await shop.server.start();
    const query = `SELECT COUNT(units) FROM aisle.long.shelf WHERE time < ${T0 - HOUR}ms`;
    const sums = async () => Number((await influxCli(shop.server, query))[1]?.split(',')[2]);
    // What failed is tried again when there are samples, as there always are.
    for (let n = 1; n < 100 && (await sums()) !== 10 * hours.length; n += 1) sink.take(window(n));
    expect(await sums()).toBe(10 * hours.length);
    await written();
    expect(sink.state()).toMatchObject({ ok: true, dropped: 0 });
  });

  it.skipIf(!mayMount)('whose disk is full keeps us waiting, and has all when there is room', async () => {
    shop = await openInfluxShop({}, {}, (folder) => {
      disk = smallDisk(folder, 'size=24m');
    });
    open();
    sink.take(window(0));
    await written();
    disk?.fill();
    for (let n = 1; n <= 50; n += 1) sink.take(window(n, 100));
    await away(/no room on its disk/);
    expect(sink.state()).toMatchObject({ written: 10, dropped: 0 });
    disk?.free();
    await shop.server.stop('SIGTERM');
    await shop.server.start();
    await written();
    expect(sink.state()).toMatchObject({ written: 5_010, dropped: 0 });
    expect(await counted()).toBe(5_010);
  });

  it('that is there when the gateway ends gets the last window; one that is away does not keep it', async () => {
    shop = await openInfluxShop();
    open({ lingerMs: 60_000 });
    sink.take(window(0));
    await sink.close();
    expect(await counted()).toBe(10);
    open({ lingerMs: 60_000, deadlineMs: 60_000 });
    process.kill(shop.server.pid(), 'SIGSTOP');
    sink.take(window(1));
    const closing = performance.now();
    await sink.close();
    expect(performance.now() - closing).toBeLessThan(4_000);
    process.kill(shop.server.pid(), 'SIGCONT');
    expect(sink.state()).toMatchObject({ waiting: 10 });
  });

  it('that hangs with a request under way does not keep the end of the gateway either', async () => {
    shop = await openInfluxShop();
    open({ deadlineMs: 60_000 });
    process.kill(shop.server.pid(), 'SIGSTOP');
    sink.take(window(0));
    await new Promise((resolve) => setTimeout(resolve, 200));
    sink.take(window(1));
    const closing = performance.now();
    await sink.close();
    expect(performance.now() - closing).toBeLessThan(4_000);
    expect(sink.state()).toMatchObject({ waiting: 20 });
    process.kill(shop.server.pid(), 'SIGCONT');
  });
});
