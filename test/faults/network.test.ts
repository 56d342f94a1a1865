import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { seededRandom } from '../../firmware-sim/shop-floor/seeded-random.ts';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { broker, events, profileStore } from '../gateway/uplinks/receivers.ts';
import { acknowledgedBy, committedAt, drained, judgeShop } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { foreignReceiver } from '../support/foreign-receiver.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { type Presser, presser, pressMore } from '../support/presser.ts';
import { connected, pressNext } from '../support/raw-mqtt.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { lineToProfiles, sendThrough } from '../support/spoilt-line.ts';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** Any number draws the same faults again: `AISLE_SEED=5`. */
const SEED = Number(process.env.AISLE_SEED ?? Date.now() % 100_000);
/** How long the weather lasts; minutes by `AISLE_WEATHER_MS=120000`. */
const WEATHER_MS = Number(process.env.AISLE_WEATHER_MS ?? 3_000);
const BUTTONS = ['b1', 'b2', 'b3'];
const SHOP = anonymousShop(BUTTONS);
const never = new AbortController().signal;

async function openedShop(): Promise<{ shop: Shop; secrets: string[]; pressers: Presser[] }> {
  const shop = await openShop(SHOP);
  onTestFinished(() => shop.close());
  const config = readConfig(shop.config);
  const secrets = BUTTONS.map((id) => addDevice(config, id, 0).secret);
  return { shop, secrets, pressers: BUTTONS.map((id, i) => presser(id, secrets[i] ?? '')) };
}

/** So many presses more of each, acknowledged. */
const pressed = ({ mqtt }: { mqtt: number }, pressers: readonly Presser[], count: number) =>
  Promise.all(
    pressers.map(async (button) => {
      const enough = button.acknowledged.size + count;
      await pressMore(button, mqtt, count);
      expect(button.acknowledged.size).toBeGreaterThanOrEqual(enough);
    }),
  );

describe('F11: a line of 1 kB/s', { timeout: 120_000 }, () => {
  it('P1: holds no acknowledgement up, and brings everything, slowly', async () => {
    const { shop, secrets } = await openedShop();
    const line = await lineToProfiles(shop);
    line.slow({ octetsPerSecond: 1_000 });
    const gateway = await shop.start();
    const button = await connected(gateway.mqtt, 'b1', { password: Buffer.from(secrets[0] ?? '') });
    const startedAt = performance.now();
    const acknowledged: string[] = [];
    for (let n = 0; n < 2; n += 1) await pressNext(button, acknowledged);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await until(() => committedAt(shop.profiles).some(({ causationid }) => causationid === 'b1/b1/2'), 'all');
    // Two requests of some 700 octets each.
    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
    expect(judge({ acknowledged, committed: committedAt(shop.profiles) })).toEqual([]);
  });

  it.each([
    ['HTTP', profileStore],
    ['MQTT', broker],
  ])(
    'P12: a batch that is too much for the deadline goes in parts: %s',
    { timeout: 120_000 },
    async (_name, open) => {
      // 15 s on 1 kB/s, thirty times as fast.
      const receiver = await open();
      receiver.line.slow({ octetsPerSecond: 30_000 });
      const uplink = receiver.uplink({ deadline: 500 });
      onTestFinished(() => uplink.close());
      const batch = events(1, 100);
      let left = batch;
      let sends = 0;
      for (; left.length > 0; sends += 1) {
        const { accepted } = await uplink.send(left, never).catch(() => ({ accepted: [] as string[] }));
        left = left.filter(({ id }) => !accepted.includes(id));
        expect(sends).toBeLessThan(30);
      }
      await until(() => receiver.taken().length === batch.length, 'all of them');
      expect(
        judge({ acknowledged: [], committed: receiver.taken().map((body) => JSON.parse(body)) }),
      ).toEqual([]);
    },
  );
});

describe('F13: answers that are lost after the commit', { timeout: 120_000 }, () => {
  it('P2: the same is sent again, under the same ids, and has one effect', async () => {
    const { shop, pressers } = await openedShop();
    const line = await lineToProfiles(shop);
    const gateway = await shop.start();
    for (let round = 1; round <= 4; round += 1) {
      line.endAfter('down', round % 2 === 0 ? 0 : 40);
      await pressed(gateway, pressers, 3);
    }
    await drained(shop, pressers);
    expect(judgeShop(shop, pressers)).toEqual([]);
    const { duplicates, doubledEffects } = (await shop.ask('/stats')) as Record<string, number>;
    expect(duplicates).toBeGreaterThan(0);
    expect(doubledEffects).toBe(0);
  });

  it('P2: over MQTT likewise: the broker has some twice, octet for octet', async () => {
    const receiver = await broker();
    const uplink = receiver.uplink({ deadline: 400 });
    onTestFinished(() => uplink.close());
    await uplink.send(events(1, 1), never);
    receiver.line.set('lose answers');
    await expect(uplink.send(events(2, 11), never)).rejects.toThrow('acknowledged nothing, or not in time');
    receiver.line.set('pass');
    expect((await uplink.send(events(2, 11), never)).accepted).toHaveLength(10);
    // `taken` has each different body once: what came twice was the same.
    await until(() => receiver.taken().length === 11, 'all of them');
    expect(receiver.taken()).toEqual(events(1, 11).map(({ body }) => body));
  });
});

describe('F14: what arrives twice, late and out of order', { timeout: 120_000 }, () => {
  it('P2, P3: has one effect, and `sequence` gives the order back', async () => {
    const random = seededRandom(SEED, 'network').next;
    const { shop, pressers } = await openedShop();
    // Somebody between who brings each event on its own, in any order, some twice, and all again much later.
    const between = await foreignReceiver();
    const seen: LedgerEvent[] = [];
    const bring = async (some: readonly LedgerEvent[]) => {
      for (const one of shuffled(some, random)) await bringOne(shop, one);
    };
    between.answer = ({ events: batch, response }) => {
      seen.push(...batch);
      const twice = batch.filter(() => random() < 0.3);
      void bring([...batch, ...twice]).then(() => response.writeHead(204).end());
      return true;
    };
    sendThrough(shop, between.port);
    await pressed(await shop.start(), pressers, 20);
    await drained(shop, pressers);
    await bring(seen);
    const { duplicates } = (await shop.ask('/stats')) as Record<string, number>;
    expect(duplicates).toBeGreaterThan(seen.length);
    const inOrder = committedAt(shop.profiles).sort((a, b) =>
      String(a.sequence) < String(b.sequence) ? -1 : 1,
    );
    const acknowledged = acknowledgedBy(pressers);
    expect(judge({ acknowledged, committed: inOrder }), `AISLE_SEED=${SEED}`).toEqual([]);
  });
});

describe('F11: resets and half-closed lines in the middle of packets, jitter, both ends at once', {
  timeout: 120_000,
}, () => {
  it(`P1, P2, P3: loses nothing, doubles nothing (AISLE_SEED=${SEED})`, {
    timeout: 60_000 + 2 * WEATHER_MS,
  }, async () => {
    const random = seededRandom(SEED, 'network').next;
    const { shop, pressers } = await openedShop();
    const uplink = await lineToProfiles(shop);
    const gateway = await shop.start();
    const devices = await tcpProxy(gateway.mqtt);
    const endsAt = performance.now() + WEATHER_MS;
    const isOver = () => performance.now() > endsAt;
    const pressing = pressers.map(async (button) => {
      while (!isOver()) await button.press(devices.port, isOver);
    });
    while (!isOver()) {
      for (const line of [uplink, devices]) spoil(line, random);
      await wait(50 + random() * 250);
    }
    for (const line of [uplink, devices]) mend(line);
    await Promise.all(pressing);
    await Promise.all(pressers.map((button) => button.press(gateway.mqtt, () => true)));
    for (const { sent, acknowledged } of pressers) expect(acknowledged.size).toBe(sent.size);
    await drained(shop, pressers);
    expect(judgeShop(shop, pressers)).toEqual([]);
    expect(acknowledgedBy(pressers).length).toBeGreaterThan(50);
  });
});

function spoil(line: TcpProxy, random: () => number): void {
  const direction = random() < 0.5 ? 'up' : 'down';
  line.endAfter(direction, Math.floor(random() * 3_000), random() < 0.7 ? 'reset' : 'half-close');
  const slow = { octetsPerSecond: 200_000, delayMs: 1, jitterMs: 20, random };
  line.slow(random() < 0.3 ? slow : undefined);
  line.set(random() < 0.1 ? 'refuse' : 'pass');
}

function mend(line: TcpProxy): void {
  line.set('pass');
  line.slow();
  line.endAfter('up', Number.POSITIVE_INFINITY);
  // A half-closed line would go on for ever.
  line.cut();
}

function shuffled<T>(all: readonly T[], random: () => number): T[] {
  return all
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

async function bringOne({ profiles, folder }: Shop, event: LedgerEvent): Promise<void> {
  const authorization = `Bearer ${readFileSync(join(folder, 'token'), 'utf8')}`;
  const headers = { authorization, 'content-type': 'application/cloudevents-batch+json' };
  const answer = await fetch(`${profiles.url}/events`, {
    method: 'POST',
    headers,
    body: JSON.stringify([event]),
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  await answer.text();
}
