import { readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { drained, judgeShop } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { launchGateway } from '../support/gateway-process.ts';
import { hasStrace, injected } from '../support/kill-at.ts';
import { type Presser, presser, pressMore } from '../support/presser.ts';
import { connected, publish } from '../support/raw-mqtt.ts';
import { openShop, type RunningGateway, type Shop } from '../support/shop.ts';
import { mayMount, type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;
const yaml = (quotaMiB: number) =>
  anonymousShop(
    ['b1'],
    `  - {id: t1, kind: thermostat, zone: shoes}
retention: {quotaMiB: ${quotaMiB}, ballastMiB: 2}`,
  );

let shop: Shop;
let disk: SmallDisk | undefined;
const data = () => join(shop.folder, 'data');
const secretOf = (id: string) => addDevice(readConfig(shop.config), id, Date.now()).secret;

afterEach(async () => {
  // Before the folder goes: its disk is taken off it.
  disk?.unmount();
  disk = undefined;
  await shop.close();
});

/** A shop whose data folder is a disk of its own, or a folder as others where no options are given. */
async function shopOn(options: string | undefined, quotaMiB: number): Promise<Presser> {
  shop = await openShop(yaml(quotaMiB));
  if (options !== undefined) disk = smallDisk(data(), options);
  return presser('b1', secretOf('b1'));
}

/** Presses so many times more, and waits for all of them. */
async function pressed(button: Presser, port: number, count: number): Promise<void> {
  const enough = button.acknowledged.size + count;
  await pressMore(button, port, count);
  expect(button.acknowledged.size).toBeGreaterThanOrEqual(enough);
}

/** Presses until the gateway refuses: its connection ends with something unanswered. */
async function pressUntilRefused(button: Presser, port: number): Promise<void> {
  await button.press(port, () => false);
  expect(button.acknowledged.size).toBeLessThan(button.sent.size);
}

/** Sends again what was not acknowledged until all of it is, through refusals. */
async function pressThrough(button: Presser, port: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (button.acknowledged.size < button.sent.size) {
    if (performance.now() > deadline) throw new Error('presses are refused still');
    await button.press(port, () => true);
    await wait(200);
  }
}

async function inOrder(button: Presser): Promise<void> {
  await drained(shop, [button]);
  expect(judgeShop(shop, [button])).toEqual([]);
}

const isUp = async ({ http }: RunningGateway) =>
  expect((await fetch(`http://127.0.0.1:${http}/healthz`)).status).toBe(200);

describe.skipIf(!mayMount)('F4: a disk', { timeout: 90_000 }, () => {
  it('P4, P5: whose quota is full refuses business, still takes telemetry, and takes all again when it is delivered', async () => {
    const button = await shopOn(undefined, 2);
    const thermostat = secretOf('t1');
    shop.profiles.faults.away = true;
    const gateway = await shop.start();
    await pressUntilRefused(button, gateway.mqtt);
    await until(() => gateway.log().includes('the outbox is nearly full'), 'what it says');
    const climate = await connected(gateway.mqtt, 't1', { password: Buffer.from(thermostat) });
    climate.send(publish('devices/t1/climate', { boot: 't', seq: 1, temperatureC: 20 }));
    await climate.next('puback');
    await pressUntilRefused(button, gateway.mqtt);
    expect(statSync(join(data(), 'aisle.db')).size).toBeLessThanOrEqual(2 * MIB);
    shop.profiles.faults.away = false;
    await until(() => gateway.log().includes('the outbox has room again'), 'room');
    await pressThrough(button, gateway.mqtt);
    await inOrder(button);
    expect(gateway.log().match(/are not taken, their connections end/g)).toHaveLength(1);
  });

  it("P4, P5: filled by others' files gives up its ballast, delivers, and takes all again when there is room", async () => {
    const button = await shopOn('size=16m', 6);
    const gateway = await shop.start();
    const ballast = join(data(), 'ballast');
    await until(() => statSync(ballast).size === 2 * MIB, 'the ballast');
    // Really there: not a hole.
    expect(statSync(ballast).blocks * 512).toBeGreaterThanOrEqual(2 * MIB);
    shop.profiles.faults.away = true;
    await pressed(button, gateway.mqtt, 100);
    disk?.fill();
    await pressUntilRefused(button, gateway.mqtt);
    await until(() => gateway.log().includes('the ballast is given up'), 'the ballast to go');
    // Nobody is acknowledged what has no room, and what waits is delivered and settled all the same.
    shop.profiles.faults.away = false;
    await inOrder(button);
    await isUp(gateway);
    disk?.free();
    await until(() => gateway.log().includes('the ballast is back'), 'the ballast to come back');
    await pressThrough(button, gateway.mqtt);
    await pressed(button, gateway.mqtt, 50);
    await inOrder(button);
  });

  it('that is full when the gateway starts lets it wait, and start when there is room', async () => {
    const button = await shopOn('size=16m', 6);
    const before = await shop.start();
    await pressed(button, before.mqtt, 20);
    await before.kill('SIGTERM');
    disk?.fill();
    const gateway = launchGateway(shop.config);
    await until(() => gateway.log().includes('the gateway starts when it has room'), 'what it says');
    disk?.free();
    const { mqtt } = await gateway.runs;
    await pressed(button, mqtt, 20);
    await inOrder(button);
  });
});

describe.skipIf(!mayMount)('F6: a disk', { timeout: 90_000 }, () => {
  it('that is read-only is named at the start, nothing is harmed, and the next start goes on', async () => {
    const button = await shopOn('size=16m', 6);
    shop.profiles.faults.away = true;
    const before = await shop.start();
    await pressed(button, before.mqtt, 20);
    await before.kill('SIGTERM');
    disk?.remount('ro');
    const refused = launchGateway(shop.config);
    expect(await refused.ended).toBe(1);
    expect(refused.log()).toMatch(/cannot be written|read-only/i);
    disk?.remount('rw');
    shop.profiles.faults.away = false;
    const gateway = await shop.start();
    await pressed(button, gateway.mqtt, 20);
    await inOrder(button);
  });

  it('on which no file can be made any more is no hindrance to who runs, and lets who starts wait', async () => {
    const button = await shopOn('size=16m,nr_inodes=40', 6);
    const first = await shop.start();
    disk?.fillFiles();
    await pressed(button, first.mqtt, 50);
    await first.kill('SIGTERM');
    disk?.free();
    disk?.fillFiles();
    const second = launchGateway(shop.config);
    await until(() => second.log().includes('the gateway starts when it has room'), 'what it says');
    disk?.free();
    const { mqtt } = await second.runs;
    await pressed(button, mqtt, 20);
    await inOrder(button);
  });

  it('P1: whose folder is taken away acknowledges nothing until it is back', async () => {
    const button = await shopOn(undefined, 6);
    const gateway = await shop.start();
    await pressed(button, gateway.mqtt, 20);
    await drained(shop, [button]);
    renameSync(data(), `${data()}.away`);
    const acknowledged = button.acknowledged.size;
    const pressing = button.press(gateway.mqtt, () => button.acknowledged.size > acknowledged);
    await until(() => gateway.log().includes('was taken away'), 'what it says');
    expect(button.acknowledged.size).toBe(acknowledged);
    renameSync(`${data()}.away`, data());
    await pressing;
    await inOrder(button);
    expect(readdirSync(data())).toContain('aisle.db');
  });
});

describe.skipIf(!hasStrace)('F5: a disk', { timeout: 90_000 }, () => {
  it('P1: whose fsync fails, that has no room, that turns read-only: nothing of that is acknowledged, and it goes on by itself', async () => {
    const button = await shopOn(undefined, 64);
    const gateway = await shop.start();
    await pressed(button, gateway.mqtt, 50);
    for (const inject of ['fdatasync,fsync:error=EIO', 'pwrite64:error=ENOSPC', 'pwrite64:error=EROFS']) {
      const refusals = () => gateway.log().split('the disk refuses').length;
      const before = { refusals: refusals(), acknowledged: button.acknowledged.size };
      const isOver = () => button.acknowledged.size > before.acknowledged + 50;
      const letGo = await injected(gateway.pid, inject);
      const pressing = button.press(gateway.mqtt, isOver);
      await until(() => refusals() > before.refusals, 'the refusal');
      const known = button.acknowledged.size;
      await wait(700);
      expect(button.acknowledged.size).toBe(known);
      await isUp(gateway);
      await letGo();
      await pressing;
      expect(isOver()).toBe(true);
    }
    // What is acknowledged may be heard before what is logged.
    const recoveries = () => gateway.log().split('the disk takes again').length - 1;
    await until(() => recoveries() >= 3, 'the log to say so');
    expect(recoveries()).toBe(3);
    await inOrder(button);
  });
});

describe.skipIf(!hasStrace)('F7: a disk', { timeout: 90_000 }, () => {
  it('that takes 200 ms for a sync: presses are acknowledged within three seconds, and HTTP is answered', async () => {
    const button = await shopOn(undefined, 64);
    const secret = secretOf('t1');
    const gateway = await shop.start();
    await pressed(button, gateway.mqtt, 50);
    const letGo = await injected(gateway.pid, 'fdatasync,fsync:delay_exit=200000');
    const endsAt = performance.now() + 4_000;
    const pressing = button.press(gateway.mqtt, () => performance.now() > endsAt);
    const device = await connected(gateway.mqtt, 't1', { password: Buffer.from(secret) });
    const pubacks: number[] = [];
    const answers: number[] = [];
    for (let seq = 1; performance.now() < endsAt; seq += 1) {
      const from = performance.now();
      const said = { boot: 't', seq, setpointC: 15 + (seq % 10) };
      device.send(publish('devices/t1/thermostat', said, { messageId: seq }));
      await device.next('puback');
      pubacks.push(performance.now() - from);
      const asked = performance.now();
      await isUp(gateway);
      answers.push(performance.now() - asked);
    }
    await letGo();
    await pressing;
    expect(pubacks.length).toBeGreaterThan(3);
    // A sync under way, and the one that takes it along; settlements and checkpoints wait for some too.
    expect(Math.max(...pubacks)).toBeLessThan(3_000);
    expect(Math.max(...answers)).toBeLessThan(2_000);
    await inOrder(button);
  });
});
