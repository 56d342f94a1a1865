import { setTimeout as wait } from 'node:timers/promises';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { parseConfig, readConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';
import { agreed } from '../support/agreed.ts';
import { judgeShop } from '../support/book.ts';
import { BEACON, buttonShop } from '../support/button-shop.ts';
import { type CentralBroker, centralBroker, type SeenMessage } from '../support/central-broker.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { presser, pressMore } from '../support/presser.ts';
import { connected, publish } from '../support/raw-mqtt.ts';
import { openShop } from '../support/shop.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { platform } from './downlink/platform.ts';

const TOKEN = '00112233445566778899aabbccddeeff';
const SHOP = buttonShop(['b1', 'b2', 'b3']);
/** How long the other end is away; a minute and more by `AISLE_AWAY_MS=60000`. */
const AWAY_MS = Number(process.env.AISLE_AWAY_MS ?? 2_500);

describe('while the profile store is away', () => {
  it('F9, P1, P2, P12: devices are acknowledged; when it is back all arrives, live events first', {
    timeout: 120_000 + 2 * AWAY_MS,
  }, async () => {
    const shop = await openShop(SHOP);
    onTestFinished(() => shop.close());
    const config = readConfig(shop.config);
    const pressers = ['b1', 'b2'].map((id) => presser(id, addDevice(config, id, 0).secret));
    const late = presser('b3', addDevice(config, 'b3', 0).secret);
    const gateway = await shop.start();
    const found: { row: number; cause: string }[] = [];
    /** Every event at the profile store, in the order of its coming. */
    const rows = () => {
      for (;;) {
        const page = shop.profiles.store.events(found.at(-1)?.row ?? 0, 1_000);
        for (const { row, event } of page) found.push({ row, cause: String(event.causationid) });
        if (page.length < 1_000) return found;
      }
    };
    const arrived = () => rows().filter(({ cause }) => cause.includes('/b1/')).length;

    /** So many presses of each, acknowledged. */
    const press = (count: number) =>
      Promise.all(pressers.map((button) => pressMore(button, gateway.mqtt, count)));

    await press(100);
    await until(() => arrived() >= 100, 'the first presses');
    shop.profiles.faults.away = true;
    await press(1_000);
    await wait(AWAY_MS);
    await press(100);
    expect(arrived()).toBeLessThan(1_000);

    const arrivedBefore = arrived();
    shop.profiles.faults.delayMs = 200;
    shop.profiles.faults.away = false;
    await until(() => arrived() > arrivedBefore, 'the first of the backlog', 70_000);
    let pressed = 0;
    await late.press(gateway.mqtt, () => ++pressed > 1);
    await until(() => rows().some(({ cause }) => cause === 'b3/b1/1'), 'the live press');
    shop.profiles.faults.delayMs = 0;
    const sent = [...pressers, late].reduce((sum, button) => sum + button.sent.size, 0);
    await until(() => arrived() >= sent, 'all presses', 60_000);
    expect(arrived()).toBe(sent);
    const liveRow = rows().find(({ cause }) => cause === 'b3/b1/1')?.row ?? 0;
    const backlogAfterIt = rows().filter(({ row, cause }) => row > liveRow && !cause.startsWith('b3/'));
    expect(backlogAfterIt.length).toBeGreaterThan(0);
    expect(judgeShop(shop, [...pressers, late])).toEqual([]);
  });
});

/** A gateway in this process whose central platform is Debian's mosquitto, for both directions. */
async function mqttShop(central: CentralBroker, via = central.port) {
  const { jwk, issuer } = await platform();
  const url = `mqtt://127.0.0.1:${via}`;
  const config = parseConfig(
    `${SHOP}
data: ${temporaryFolder()}
clock: {source: trusted}
consents: {issuerKeys: [${JSON.stringify(jwk)}]}
inputs: {mqtt: {listen: "127.0.0.1:0"}}
uplinks: [${JSON.stringify({ kind: 'mqtt', url, ...central.settings })}]
`,
    'aisle.yaml',
  );
  const secretOf = (id: string) => Buffer.from(addDevice(config, id, 0).secret);
  const secrets = { app: secretOf('app'), b1: secretOf('b1') };
  const gateway = await startGateway({ config, log: pino({ level: 'silent' }) });
  onTestFinished(() => gateway.close());
  return { port: gateway.mqtt.port, secrets, issuer };
}

describe('over mosquitto', () => {
  it('a list that comes down is in force, and the visit by it goes up', async () => {
    const central = await centralBroker();
    const seen = await central.subscribe('stores/s1/gateways/g1/events/#');
    const { port, secrets, issuer } = await mqttShop(central);
    const app = await connected(port, 'app', { clientId: 'app-1', password: secrets.app });
    const list = {
      storeId: 's1',
      list: 'full',
      version: 1,
      issuedAt: new Date().toISOString(),
      records: [agreed([{ kind: 'app', token: TOKEN }])],
    };
    const jws = await issuer.sign('consents', list);
    const names = () => seen.map(({ topic }) => topic.split('/').at(-1));
    const beacons = [{ ...BEACON, rssi: -60 }];
    for (let seq = 1; !names().includes('zone-entered'); seq += 1) {
      // Again until the gateway's subscription holds: the broker keeps nothing before its first.
      central.publish('stores/s1/gateways/g1/consents', jws);
      app.send(publish('devices/app/ranged', { boot: 'a', seq, token: TOKEN, beacons }));
      await app.next('puback');
      await wait(50);
    }
    expect(names().filter((name) => name === 'visit-started')).toHaveLength(1);
    const started = seen.find(({ topic }) => topic.endsWith('/visit-started'));
    expect(JSON.parse(started?.payload ?? '')).toMatchObject({
      type: 'aisle.visit.started.v1',
      data: { subject: { ref: 'p_1' }, consent: { recordId: 'c1' }, method: 'app' },
    });
  });

  it('F9, P1, P2: a broker that is killed costs nothing: devices are acknowledged, and all arrives', async () => {
    const central = await centralBroker();
    const before = await central.subscribe('stores/s1/gateways/g1/events/#');
    const line = await tcpProxy(central.port);
    const { port, secrets } = await mqttShop(central, line.port);
    const device = await connected(port, 'b1', { password: secrets.b1 });
    const press = async (seq: number) => {
      device.send(
        publish('devices/b1/pressed', { button: 1, press: 'press', boot: 'b', seq }, { messageId: seq }),
      );
      await device.next('puback');
    };
    for (let seq = 1; seq <= 20; seq += 1) await press(seq);
    await until(() => causes(before).size === 20, 'those before');
    // The line opens again once somebody listens: this broker keeps nothing for who comes later.
    line.set('refuse');
    await central.kill();
    for (let seq = 21; seq <= 60; seq += 1) await press(seq);
    await central.start();
    const after = await central.subscribe('stores/s1/gateways/g1/events/#');
    line.set('pass');
    await press(61);
    await until(() => causes([...before, ...after]).size === 61, 'all of them', 30_000);
    // What came twice is the same, octet for octet: the receiver's unique key takes it once.
    const payloads = new Set([...before, ...after].map(({ payload }) => payload));
    const committed = [...payloads].map((payload) => JSON.parse(payload) as LedgerEvent);
    const acknowledged = Array.from({ length: 61 }, (_, i) => `b1/b/${i + 1}`);
    expect(judge({ acknowledged, committed })).toEqual([]);
  });
});

/** What the presses among them were caused by. */
const causes = (seen: readonly SeenMessage[]) =>
  new Set(
    seen
      .filter(({ topic }) => topic.endsWith('/button-pressed'))
      .map(({ payload }) => String(JSON.parse(payload).causationid)),
  );
