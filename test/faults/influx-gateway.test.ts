import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { WINDOW_MS } from '../../gateway/telemetry/windows.ts';
import { drained, judgeShop } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { hasInflux, type InfluxShop, influxCli, openInfluxShop } from '../support/influxd.ts';
import { presser } from '../support/presser.ts';
import { connected, publish } from '../support/raw-mqtt.ts';
import { openShop, type RunningGateway, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

let influx: InfluxShop;
let shop: Shop;

afterEach(async () => {
  await shop.close();
  await influx.close();
});

/** The check of `/readyz` that says how InfluxDB is. */
async function readiness({ http }: RunningGateway) {
  const answer = await fetch(`http://127.0.0.1:${http}/readyz`);
  const { checks } = (await answer.json()) as { checks: { name: string; ok: boolean; reason?: string }[] };
  return { status: answer.status, influxdb: checks.find(({ name }) => name === 'influxdb') };
}

async function becomes(what: string, gateway: RunningGateway, isSo: (reason?: string) => boolean) {
  const deadline = performance.now() + 25_000;
  while (!isSo((await readiness(gateway)).influxdb?.reason)) {
    if (performance.now() > deadline) throw new Error(`waited for InfluxDB to be ${what}`);
    await wait(50);
  }
}

/** Before that the waiting samples are of earlier windows: those of `at` come with the next. */
async function windowEnded(at: number): Promise<void> {
  await wait(WINDOW_MS - (at % WINDOW_MS));
}

describe.skipIf(!hasInflux)('F31: a gateway whose InfluxDB', { timeout: 60_000 }, () => {
  it('P4, P5: hangs, is killed and comes back loses no event, says so, and writes what devices sent meanwhile', async () => {
    influx = await openInfluxShop();
    const { url, userName, passwordFile } = influx.config;
    shop = await openShop(
      anonymousShop(
        ['b1'],
        `  - {id: c1, kind: climate-sensor, zone: shoes}
influx: {url: "${url}", userName: ${userName}, passwordFile: ${passwordFile}}`,
      ),
    );
    const secretOf = (id: string) => addDevice(readConfig(shop.config), id, Date.now()).secret;
    const button = presser('b1', secretOf('b1'));
    const secret = secretOf('c1');
    process.kill(influx.server.pid(), 'SIGSTOP');
    const gateway = await shop.start();

    let isOver = false;
    const pressing = button.press(gateway.mqtt, () => isOver);
    const sensor = await connected(gateway.mqtt, 'c1', { password: Buffer.from(secret) });
    sensor.send(publish('devices/c1/climate', { boot: 'b', seq: 1, temperatureC: 21.5 }));
    await sensor.next('puback');
    await windowEnded(Date.now());
    await becomes('waited for', gateway, (reason) => /[1-9]\d* wait/.test(reason ?? ''));
    const meanwhile = button.acknowledged.size;
    // A request is on its way by then, mostly; the other way it finds nobody.
    await wait(1_500);
    await influx.server.stop('SIGKILL');
    await until(() => gateway.log().includes('"msg":"time series wait"'), 'the log to say so');
    expect(button.acknowledged.size).toBeGreaterThan(meanwhile);
    expect(await readiness(gateway)).toMatchObject({ status: 200, influxdb: { ok: false } });
    await influx.server.start();
    await becomes('back', gateway, (reason) => reason === undefined);
    isOver = true;
    await pressing;

    await drained(shop, [button]);
    expect(judgeShop(shop, [button])).toEqual([]);
    const series = () => influxCli(influx.server, 'SELECT * FROM raw.climate');
    await expect
      .poll(series, { timeout: 15_000, interval: 250 })
      .toEqual([
        'name,time,device,gateway,store,temperature_celsius,zone',
        expect.stringMatching(/^climate,\d+,c1,g1,s1,21.5,shoes$/),
      ]);
  });
});
