import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { agreed } from '../support/agreed.ts';
import { committedAt, waitingIn } from '../support/book.ts';
import { BEACON, buttonShop } from '../support/button-shop.ts';
import { fakedClock, hasFaketime } from '../support/faked-clock.ts';
import { type GatewayProcess, launchGateway } from '../support/gateway-process.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { connected, pressNext, type RawClient } from '../support/raw-mqtt.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const TOKEN = '00112233445566778899aabbccddeeff';
const SHOP = buttonShop(['b1']);

async function openedShop(clock: 'trusted' | 'uplink') {
  const shop = await openShop(SHOP);
  onTestFinished(() => shop.close());
  const yaml = readFileSync(shop.config, 'utf8');
  writeFileSync(shop.config, yaml.replace('source: trusted', `source: ${clock}`));
  const password = Buffer.from(addDevice(readConfig(shop.config), 'b1', 0).secret);
  return { shop, password };
}

/** A button that goes on counting over connections. */
function pressing(password: Buffer) {
  const acknowledged: string[] = [];
  return {
    acknowledged,
    connect: ({ mqtt }: { mqtt: number }) => connected(mqtt, 'b1', { password }),
    press: (client: RawClient) => pressNext(client, acknowledged),
  };
}

/** Presses at the profile store, in the order of their sequence. */
const pressesAt = ({ profiles }: Shop) =>
  committedAt(profiles)
    .filter(({ type }) => type === 'aisle.button.pressed.v1')
    .sort((a, b) => (String(a.sequence) < String(b.sequence) ? -1 : 1)) as (LedgerEvent & { time: string })[];

async function list(shop: Shop, version: number): Promise<void> {
  const records = [agreed([{ kind: 'app', token: TOKEN }])];
  const payload = { storeId: 's1', list: 'full', version, issuedAt: new Date().toISOString(), records };
  await shop.ask('/downlink', { kind: 'consents', payload });
}

const lastSaid = ({ log }: GatewayProcess) =>
  log()
    .split('\n')
    .filter((line) => /recognised/.test(line))
    .at(-1) ?? '';
const isRecognising = (gateway: GatewayProcess) => lastSaid(gateway).includes('who agreed are recognised');

async function walk(http: number): Promise<void> {
  const beacons = [{ ...BEACON, rssi: -60 }];
  const answer = await fetch(`http://127.0.0.1:${http}/api/app/ranged`, {
    method: 'POST',
    body: JSON.stringify({ token: TOKEN, beacons }),
  });
  expect(answer.status).toBe(204);
}

describe.skipIf(!hasFaketime)('F16: the wall clock of the machine jumps', { timeout: 120_000 }, () => {
  it('P3, P13: by −1 h, +1 d and back: order and sequence hold, nothing hangs, back-off goes on', async () => {
    const { shop, password } = await openedShop('trusted');
    const clock = fakedClock();
    const gateway = launchGateway(shop.config, { env: clock.env });
    const { acknowledged, connect, press } = pressing(password);
    const button = await connect(await gateway.runs);
    for (const time of ['+0', '-3600', '+86400', '+0', '-3600']) {
      // A wait of the back-off lies over the jump.
      shop.profiles.faults.away = true;
      await press(button);
      await wait(150);
      clock.set(time);
      await press(button);
      await wait(100);
      await press(button);
      shop.profiles.faults.away = false;
      await until(() => pressesAt(shop).length === acknowledged.length, `all, at ${time}`, 10_000);
      const times = pressesAt(shop)
        .slice(-2)
        .map((event) => Date.parse(event.time));
      // Time goes on for the gateway, at half its speed at least.
      expect((times[1] ?? 0) - (times[0] ?? 0), time).toBeGreaterThan(30);
    }
    const presses = pressesAt(shop);
    expect(presses.map(({ causationid }) => causationid)).toEqual(acknowledged);
    expect(presses.map(({ time }) => time)).toEqual(presses.map(({ time }) => time).sort());
    const committed = committedAt(shop.profiles);
    expect(judge({ acknowledged, committed, waiting: waitingIn(shop.config) })).toEqual([]);
  });

  it('P13: a start in 1970 recognises nobody and loses nothing; once the platform’s clock and ours agree, it does', async () => {
    const { shop, password } = await openedShop('uplink');
    await list(shop, 1);
    const clock = fakedClock('@1970-01-02 00:00:00');
    const gateway = launchGateway(shop.config, { env: clock.env });
    const ports = await gateway.runs;
    const { acknowledged, connect, press } = pressing(password);
    const button = await connect(ports);
    await press(button);
    await walk(ports.http);
    await until(() => pressesAt(shop).length === 1, 'the press');
    expect(pressesAt(shop)[0]).toMatchObject({
      time: expect.stringMatching(/^1970-01-02/),
      timequality: 'unsynced',
    });
    expect(lastSaid(gateway)).toMatch(/nobody is recognised/);

    clock.set('+0');
    await list(shop, 2);
    await until(() => isRecognising(gateway), 'to recognise');
    await walk(ports.http);
    await press(button);
    const visits = () => committedAt(shop.profiles).filter(({ type }) => type === 'aisle.visit.started.v1');
    await until(() => visits().length === 1 && pressesAt(shop).length === 2, 'the visit and the press');
    expect(pressesAt(shop)[1]).toMatchObject({ timequality: 'synced' });
    expect(
      judge({ acknowledged, committed: committedAt(shop.profiles), waiting: waitingIn(shop.config) }),
    ).toEqual([]);
  });

  it('P13: a jump of a day stops recognition within a tick, also when it is taken back, until the clock agrees', async () => {
    const { shop, password } = await openedShop('uplink');
    await list(shop, 1);
    const clock = fakedClock();
    const first = launchGateway(shop.config, { env: clock.env });
    const ports = await first.runs;
    const { acknowledged, connect, press } = pressing(password);
    const button = await connect(ports);
    await until(() => isRecognising(first), 'to recognise');
    await press(button);
    clock.set('+86400');
    await until(() => !isRecognising(first), 'to recognise nobody', 5_000);
    expect(lastSaid(first)).toMatch(/the clock is not synchronised/);
    await press(button);
    // Our own clock never goes back: it stays a day ahead, and unsure, until a start.
    clock.set('+0');
    await list(shop, 2);
    await press(button);
    await wait(1_500);
    expect(isRecognising(first)).toBe(false);
    await first.stop('SIGTERM');

    const second = launchGateway(shop.config, { env: clock.env });
    const again = await connect(await second.runs);
    await list(shop, 3);
    await until(() => isRecognising(second), 'to recognise again');
    await press(again);
    await until(() => pressesAt(shop).length === acknowledged.length, 'all');
    // The order is the sequence's, whatever the times say.
    expect(pressesAt(shop).map(({ causationid }) => causationid)).toEqual(acknowledged);
    expect(
      judge({ acknowledged, committed: committedAt(shop.profiles), waiting: waitingIn(shop.config) }),
    ).toEqual([]);
  });

  it('P6, P13: a jump of four days expires nothing that has waited for a moment', async () => {
    const { shop, password } = await openedShop('trusted');
    await list(shop, 1);
    const clock = fakedClock();
    const gateway = launchGateway(shop.config, { env: clock.env });
    const ports = await gateway.runs;
    const { acknowledged, connect, press } = pressing(password);
    const button = await connect(ports);
    await until(() => gateway.log().includes('taken from the central'), 'the list');
    shop.profiles.faults.away = true;
    await press(button);
    await walk(ports.http);
    const personal = () => waitingIn(shop.config).filter(({ data }) => JSON.stringify(data).includes('p_1'));
    await until(() => personal().length > 0, 'personal events');
    clock.set('+345600');
    await press(button);
    await wait(1_500);
    await press(button);
    expect(personal().length).toBeGreaterThan(0);
    expect(waitingIn(shop.config).filter(({ type }) => type === 'aisle.gateway.gap.v1')).toEqual([]);
    shop.profiles.faults.away = false;
    await until(() => pressesAt(shop).length === acknowledged.length, 'all');
    expect(
      judge({ acknowledged, committed: committedAt(shop.profiles), waiting: waitingIn(shop.config) }),
    ).toEqual([]);
  });
});
