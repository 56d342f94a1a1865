import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { agreed } from '../support/agreed.ts';
import { committedAt, drained, judgeShop } from '../support/book.ts';
import { BEACON, buttonShop } from '../support/button-shop.ts';
import { aisle } from '../support/gateway-process.ts';
import { presser } from '../support/presser.ts';
import { connected, publish } from '../support/raw-mqtt.ts';
import { openShop, type RunningGateway, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** So many times the gateway is killed; more by `AISLE_ROUNDS=200`. */
const ROUNDS = Number(process.env.AISLE_ROUNDS ?? 6);
/** The ledger reads everything: of many rounds not after each. */
const JUDGE_EVERY = Math.ceil(ROUNDS / 10);
const BUTTONS = ['b1', 'b2', 'b3', 'b4', 'b5'];
const TOKEN = '00112233445566778899aabbccddeeff';

const YAML = buttonShop(BUTTONS);

const record = agreed([{ kind: 'app', token: TOKEN }]);

let shop: Shop;
const secretOf = (id: string) => addDevice(readConfig(shop.config), id, Date.now()).secret;

beforeEach(async () => {
  shop = await openShop(YAML);
});
afterEach(() => shop.close());

/** `seq` of the presses of one button that the profile store has, in the order of its sequence. */
function pressesOf(id: string): number[] {
  return committedAt(shop.profiles)
    .filter(({ type }) => type === 'aisle.button.pressed.v1')
    .sort((a, b) => (String(a.sequence) < String(b.sequence) ? -1 : 1))
    .flatMap(({ causationid }) => {
      const [device, , seq] = String(causationid).split('/');
      return device === id ? [Number(seq)] : [];
    });
}

const ascending = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

async function reportFromApp(gateway: RunningGateway, secret: string, seq: number): Promise<void> {
  const login = { clientId: 'app-1', password: Buffer.from(secret) };
  const app = await connected(gateway.mqtt, 'app', login);
  const beacons = [{ ...BEACON, rssi: -60 }];
  app.send(publish('devices/app/ranged', { boot: 'b1', seq, token: TOKEN, beacons }));
  await app.next('puback');
  app.socket.destroy();
}

describe('kill -9', () => {
  it(`F1, P1, P2, P3, P7: loses nothing acknowledged, doubles nothing, and lets visits go on (${ROUNDS} times)`, {
    timeout: 60_000 + ROUNDS * 6_000,
  }, async () => {
    // One of them by QoS 2, in a session that the broker keeps until it is killed.
    const pressers = BUTTONS.map((id, i) => presser(id, secretOf(id), i === 0 ? 2 : 1));
    const appSecret = secretOf('app');
    const issuedAt = new Date().toISOString();
    const list = { storeId: 's1', list: 'full', version: 1, issuedAt, records: [record] };
    await shop.ask('/downlink', { kind: 'consents', payload: list });

    for (let round = 1; round <= ROUNDS; round += 1) {
      const gateway = await shop.start();
      await until(() => round > 1 || gateway.log().includes('taken from the central'), 'the consents');
      await reportFromApp(gateway, appSecret, round);
      const pressing = pressers.map((button) => button.press(gateway.mqtt, () => false));
      await wait(20 + Math.random() * 300);
      await gateway.kill('SIGKILL');
      await Promise.all(pressing);
      // As it lies there, before anything is mended.
      if (round % JUDGE_EVERY === 0) expect(judgeShop(shop, pressers), `round ${round}`).toEqual([]);
    }

    const gateway = await shop.start();
    await reportFromApp(gateway, appSecret, ROUNDS + 1);
    await Promise.all(pressers.map((button) => button.press(gateway.mqtt, () => true)));
    await drained(shop, pressers, 60_000);
    for (const { id, sent, acknowledged } of pressers) {
      expect(ascending(acknowledged)).toEqual(ascending(sent));
      // Each once, and a button's own in the order in which it sent them.
      expect(pressesOf(id)).toEqual(ascending(sent));
    }
    expect(judgeShop(shop, pressers)).toEqual([]);
    const committed = committedAt(shop.profiles);
    const names = committed.map(({ type }) => type);
    expect(names.filter((name) => name === 'aisle.visit.started.v1')).toHaveLength(1);
    expect(names).not.toContain('aisle.visit.ended.v1');
  });
});

describe('SIGTERM', () => {
  it('F27: in the middle of a drain ends within five seconds, with nothing lost', async () => {
    const button = presser('b1', secretOf('b1'));
    shop.profiles.faults.away = true;
    const first = await shop.start();
    const enough = () => button.acknowledged.size >= 1_500;
    await button.press(first.mqtt, enough);
    // Each batch takes its time: the drain is under way when it is told to end.
    shop.profiles.faults.delayMs = 300;
    shop.profiles.faults.away = false;
    await until(() => pressesOf('b1').length > 0, 'the drain to begin', 20_000);
    const startedAt = performance.now();
    expect(await first.kill('SIGTERM')).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(pressesOf('b1').length).toBeLessThan(button.sent.size);
    shop.profiles.faults.delayMs = 0;
    await shop.start();
    await drained(shop, [button]);
    expect(judgeShop(shop, [button])).toEqual([]);
  });

  it('F27: ends within five seconds too while nobody answers at the other end, and devices are connected', async () => {
    const secret = secretOf('b1');
    shop.profiles.faults.delayMs = 20_000;
    const gateway = await shop.start();
    const device = await connected(gateway.mqtt, 'b1', { password: Buffer.from(secret) });
    device.send(publish('devices/b1/pressed', { button: 1, press: 'press', boot: 'b', seq: 1 }));
    await device.next('puback');
    const startedAt = performance.now();
    expect(await gateway.kill('SIGTERM')).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    shop.profiles.faults.delayMs = 0;
  });
});

it('F27: a second gateway on the same data folder is refused with a sentence, and the first goes on', async () => {
  const secret = secretOf('b1');
  const gateway = await shop.start();
  const run = promisify(execFile)(process.execPath, aisle(['run', '--config', shop.config]));
  const failure = (await run.catch((error: unknown) => error)) as { code: number; stderr: string };
  expect(failure.code).toBe(1);
  expect(failure.stderr).toMatch(
    /^aisle: another gateway runs on .*data: stop it first, or give this one .*\n$/,
  );
  const device = await connected(gateway.mqtt, 'b1', { password: Buffer.from(secret) });
  device.send(publish('devices/b1/pressed', { button: 1, press: 'press', boot: 'b', seq: 1 }));
  await device.next('puback');
});
