import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { acknowledgedBy, committedAt, drained, judgeShop, waitingIn } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { centralBroker } from '../support/central-broker.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { presser, pressMore } from '../support/presser.ts';
import { openShop } from '../support/shop.ts';
import { lineToProfiles } from '../support/spoilt-line.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** An uplink that does not answer is given up after so long (`gateway/uplinks/http.ts`, `mqtt.ts`), ms. */
const DEADLINE = 15_000;
/** Octets of an event of this test, at most. */
const EVENT = 700;
const SHOP = anonymousShop(['b1']);

it('F10: uplinks that accept and never answer: noticed in 15 s, two batches on their way at most, P1 goes on', {
  timeout: 90_000,
}, async () => {
  const shop = await openShop(SHOP);
  onTestFinished(() => shop.close());
  const central = await centralBroker();
  const seen = await central.subscribe('stores/#');
  const lines = { http: await lineToProfiles(shop), mqtt: await tcpProxy(central.port) };
  const mqtt = { kind: 'mqtt', url: `mqtt://127.0.0.1:${lines.mqtt.port}`, ...central.settings };
  const yaml = readFileSync(shop.config, 'utf8');
  writeFileSync(shop.config, yaml.replace(/^uplinks: \[(.*)\]$/m, `uplinks: [$1, ${JSON.stringify(mqtt)}]`));
  const button = presser('b1', addDevice(readConfig(shop.config), 'b1', 0).secret);
  const gateway = await shop.start();
  const press = (count: number) => pressMore(button, gateway.mqtt, count);
  await press(20);
  await drained(shop, [button]);
  // Half a batch answered would be progress, and noticed only with the next.
  await until(() => waitingIn(shop.config).length === 0, 'those before, by both');

  for (const line of [lines.http, lines.mqtt]) line.set('swallow');
  const startedAt = performance.now();
  await press(1_000);
  // Devices do not feel it.
  expect(performance.now() - startedAt).toBeLessThan(DEADLINE / 2);
  const given = () =>
    gateway
      .log()
      .split('\n')
      .filter((text) => text.includes('the uplink takes nothing; events wait'));
  await until(() => given().length === 2, 'both to be given up', DEADLINE + 5_000);
  expect(performance.now() - startedAt).toBeGreaterThan(DEADLINE - 1_000);
  const reasons = given().map((text) => JSON.parse(text) as { uplink: string; reason: string });
  expect(reasons).toContainEqual(
    expect.objectContaining({ uplink: expect.stringContaining('http'), reason: 'no answer in 15 s' }),
  );
  expect(reasons).toContainEqual(
    expect.objectContaining({ reason: 'the broker acknowledged nothing, or not in time' }),
  );
  for (const line of [lines.http, lines.mqtt]) {
    expect(line.swallowed()).toBeGreaterThan(0);
    expect(line.swallowed()).toBeLessThan(2 * 100 * EVENT);
  }

  for (const line of [lines.http, lines.mqtt]) {
    line.set('pass');
    // What was tried again meanwhile lies in the hole for another 15 s otherwise.
    line.cut();
  }
  await press(10);
  await drained(shop, [button]);
  await until(
    () => new Set(presses(seen).map(({ id }) => id)).size >= button.sent.size,
    'all, by MQTT',
    30_000,
  );
  expect(judgeShop(shop, [button])).toEqual([]);
  const byId = new Map(
    seen.map(({ payload }) => JSON.parse(payload) as LedgerEvent).map((one) => [one.id, one]),
  );
  expect(judge({ acknowledged: acknowledgedBy([button]), committed: [...byId.values()] })).toEqual([]);
  // What came twice came octet for octet.
  expect(new Set(seen.map(({ payload }) => payload)).size).toBe(byId.size);
  expect(committedAt(shop.profiles).length).toBeGreaterThan(1_000);
});

const presses = (seen: readonly { topic: string; payload: string }[]): LedgerEvent[] =>
  seen.filter(({ topic }) => topic.endsWith('/button-pressed')).map(({ payload }) => JSON.parse(payload));
