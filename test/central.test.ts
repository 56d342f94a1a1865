import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { MqttClient } from 'mqtt';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { downlinkKey, queueName, type Shop, shardOf, userName } from '../firmware-sim/central/addresses.ts';
import type { Arrived } from '../firmware-sim/central/arrived.ts';
import { type Central, openCentral } from '../firmware-sim/central/central.ts';
import { account, shopAccount } from '../firmware-sim/central/definitions.ts';
import { enqueue } from '../firmware-sim/central/downlink.ts';
import { ingest } from '../firmware-sim/central/ingest.ts';
import { missingPackages } from '../firmware-sim/central/installed.ts';
import type { RabbitmqNode } from '../firmware-sim/central/rabbitmq-node.ts';
import { profileOf } from '../firmware-sim/central/read.ts';
import { TABLES } from '../firmware-sim/central/schema.ts';
import { createIssuerKey, readIssuerKey } from '../firmware-sim/profile-store/issuer-key.ts';
import { type Books, openBooks } from './central/books.ts';
import { event } from './central/event.ts';
import { gatewayAtCentral } from './central/gateway-at-central.ts';
import { history, PERSON } from './central/history.ts';
import { heardBy, mayPublish, maySubscribe, mqttClient } from './central/mqtt.ts';
import { startPressing } from './central/pressing.ts';
import { agreed } from './support/agreed.ts';
import { acknowledgedBy } from './support/book.ts';
import { judge } from './support/ledger.ts';
import { presser } from './support/presser.ts';
import { until } from './support/until.ts';

/** The nodes come back only after minutes then; `AISLE_MAJORITY=1` kills two of three, too. */
const MAJORITY = process.env.AISLE_MAJORITY === '1';
const SHARDS = 2;
const SHOP = { store: 's1', gateway: 'g1' };
/** Another shop, in the other shard. */
const OTHER = { store: 's3', gateway: 'g1' };
const QUEUE = queueName(shardOf(SHOP.store, SHARDS));
const BUTTONS = ['b1', 'b2', 'b3'];

let folder: string;
let central: Central;
let books: Books;
let startMs: number;
const passwords = new Map<string, string>();

// Nothing is installed by the test itself: `test/support/debian.sh` does that where it can.
describe.skipIf(missingPackages() !== undefined)('a profile store that outgrew one machine', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aisle-central-'));
    const startedAt = performance.now();
    central = await openCentral({ folder, shards: SHARDS, workers: 2 });
    startMs = Math.round(performance.now() - startedAt);
    books = await openBooks(central.database);
    for (const shop of [SHOP, OTHER]) passwords.set(shop.store, (await central.addShop(shop)).password);
  }, 300_000);

  afterAll(async () => {
    await books?.close();
    await central?.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('P1, P2, P3: nothing acknowledged is lost and nothing counts twice, through a killed queue leader, a killed minority, full disks, a rolling restart, and a worker killed between COMMIT and acknowledgement', async () => {
    const home = join(folder, 'shop');
    mkdirSync(home);
    const issuerKey = await createIssuerKey(join(home, 'issuer.jwk'));
    const gateway = gatewayAtCentral({
      ...{ folder: home, shop: SHOP, buttons: BUTTONS, issuerKey },
      uplink: { url: central.mqtt.tlsUrl, ca: central.mqtt.ca, ...loginOf(SHOP) },
    });
    await giveConsents(join(home, 'issuer.jwk'));
    const pressers = BUTTONS.map((id) => presser(id, gateway.secretOf(id)));
    const running = await gateway.start();
    onTestFinished(() => running.kill());
    // Published before the gateway ever subscribed: it comes all the same.
    await until(() => running.log().includes('taken from the central'), 'the consents', 30_000);

    const pressing = startPressing(pressers, running.mqttPort);
    await books.more(150);
    const figures: string[] = [];
    const during = async (what: string, fault: () => Promise<void>) => {
      const from = Date.now();
      await fault();
      figures.push(
        `${what}: ${Math.round((Date.now() - from) / 100) / 10} s, longest stall ${await books.stallMs(from)} ms`,
      );
    };

    await during('queue leader killed', async () => {
      const leader = await central.cluster.leaderOf(QUEUE);
      await leader.kill();
      await books.more(150);
      await leader.start();
    });
    await during('minority killed', async () => {
      const node = await follower();
      await node.kill();
      await books.more(150);
      await node.start();
    });
    if (MAJORITY) {
      await during('majority killed', async () => {
        const killed = central.cluster.nodes.slice(0, 2);
        await Promise.all(killed.map((node) => node.kill()));
        await books.nothingComes();
        await Promise.all(killed.map((node) => node.start()));
        await books.more(150);
      });
    }
    await during("brokers' disks full", async () => {
      await central.cluster.fillDisks(true);
      await books.nothingComes();
      await central.cluster.fillDisks(false);
      await books.more(150);
    });
    await during('rolling restart', async () => {
      for (const node of central.cluster.nodes) {
        await node.stop();
        await books.more(150);
        await node.start();
      }
    });
    await during('workers killed', async () => {
      const before = (await books.workers()).redelivered;
      const armed = central.startWorker('committed');
      await until(() => armed.readyCount() > 0, 'the armed worker');
      await killWorkersBut(armed.name);
      await until(armed.isAtCommitted, 'the worker between COMMIT and acknowledgement', 60_000);
      const next = central.startWorker();
      await until(() => next.readyCount() > 0, 'the next worker');
      await armed.process.stop('SIGKILL');
      await books.until(async () => (await books.workers()).redelivered > before, 'the redelivery');
      await books.more(150);
    });

    await pressing.stop();
    const acknowledged = acknowledgedBy(pressers);
    const presses = async () =>
      (await books.eventsOf(SHOP)).filter(({ causationid }) => causationid !== undefined).length;
    // Where not all come the judge says which.
    await books
      .until(async () => (await presses()) >= acknowledged.length, 'presses', 90_000)
      .catch(() => {});
    await books.until(async () => (await central.cluster.depthOf(QUEUE)) === 0, 'an empty queue');

    const counts = await books.workers();
    const committed = await books.eventsOf(SHOP);
    expect(judge({ acknowledged, committed })).toEqual([]);
    expect(await books.holesOf(SHOP)).toEqual([]);
    expect(await books.deadLetters()).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(1_000);
    expect(counts.duplicates).toBeGreaterThan(0);
    expect(counts.deliveries).toBe(committed.length + counts.duplicates);
    tell([
      `ready in ${startMs} ms; the nodes have ${residentMiB()} MiB in memory`,
      `acknowledged ${acknowledged.length}, committed ${committed.length}, delivered ${counts.deliveries} (redelivered ${counts.redelivered}, without effect ${counts.duplicates}), lost 0, doubled 0`,
      ...figures,
    ]);
  }, 600_000);

  it('P9: what is no event is set aside with the reason, acknowledged, and blocks nothing', async () => {
    const shop = await clientOf(OTHER);
    const address = 'stores/s3/gateways/g1/events/button-pressed';
    const good = event(OTHER, 1);
    const bad: [body: string | Buffer, reason: string][] = [
      ['not JSON', 'the message is not JSON in UTF-8'],
      [Buffer.from([0xff, 0xfe]), 'the message is not JSON in UTF-8'],
      ['[]', 'an event must be a JSON object'],
      [JSON.stringify({ ...event(OTHER, 2), id: 'x' }), "'id' must be '<epoch>-<sequence>'"],
      [
        JSON.stringify({ ...event(OTHER, 2), type: 'aisle.climate.measured.v1' }),
        "'type' is not that of its address",
      ],
      [
        JSON.stringify({ ...event(OTHER, 2), data: { text: '\u0000' } }),
        'PostgreSQL cannot hold it (SQLSTATE 22P05)',
      ],
      [
        JSON.stringify({ ...event(OTHER, 2), data: { text: 'x'.repeat(70_000) } }),
        'an event has at most 65536 octets',
      ],
      [
        JSON.stringify({ ...good, data: { ...good.data, press: 'long_press' } }),
        'another event has this source and id',
      ],
    ];
    await shop.publishAsync(address, JSON.stringify(good), { qos: 1 });
    for (const [body] of bad) await shop.publishAsync(address, body, { qos: 1 });
    await shop.publishAsync(address, JSON.stringify(event(OTHER, 2)), { qos: 1 });

    await books.until(async () => (await books.eventsOf(OTHER)).length === 2, 'the good ones');
    const dead = await books.deadLetters();
    expect(dead.map(({ reason }) => reason).sort()).toEqual(bad.map(([, reason]) => reason).sort());
    expect(new Set(dead.map(({ address }) => address))).toEqual(new Set([address.replaceAll('/', '.')]));
    const queue = queueName(shardOf(OTHER.store, SHARDS));
    await books.until(async () => (await central.cluster.depthOf(queue)) === 0, 'an empty queue');
    expect(judge({ acknowledged: [], committed: await books.eventsOf(OTHER) })).toEqual([]);
  }, 60_000);

  it("one shop cannot write or read under another's address, nor write in its name under its own", async () => {
    const before = await books.count();
    const deadBefore = (await books.deadLetters()).length;
    for (const address of [
      'stores/s1/gateways/g1/events/button-pressed',
      'stores/s3/gateways/g2/events/button-pressed',
      'stores/s3/gateways/g1/consents',
      'stores/s3/gateways/g1/events/button-pressed/more',
      'elsewhere',
    ]) {
      const intruder = await clientOf(OTHER);
      const isPublished = await mayPublish(intruder, address, JSON.stringify(event(SHOP, 900_001)));
      expect(`${address} ${isPublished}`).toBe(`${address} false`);
    }
    for (const filter of ['stores/s1/gateways/g1/consents', 'stores/#', '#']) {
      const intruder = await clientOf(OTHER, 'aisle-s3.g1-down');
      await expect(maySubscribe(intruder, filter)).resolves.toBe(false);
    }
    // The address is its own, the name in the event is not.
    const shop = await clientOf(OTHER);
    await shop.publishAsync(
      'stores/s3/gateways/g1/events/button-pressed',
      JSON.stringify(event(SHOP, 900_002)),
      { qos: 1 },
    );
    await books.until(async () => (await books.deadLetters()).length > deadBefore, 'the dead letter');
    expect((await books.deadLetters()).at(-1)?.reason).toBe("'source' is not that of its address");
    expect(await books.count()).toBe(before);
    const guessed = { userName: userName(SHOP), password: 'guessed' };
    await expect(mqttClient(central.mqtt.url, guessed)).rejects.toThrow();
    await expect(mqttClient(central.mqtt.url, {})).rejects.toThrow();
  }, 60_000);

  it('what is published where no queue is bound is acknowledged and gone: so queues come before accounts', async () => {
    const before = await books.count();
    // An account that is made by hand, for an address that no shard takes.
    const nowhere = { store: 'nowhere', gateway: 'g1' };
    passwords.set('nowhere', 'by hand');
    await central.cluster.define(shopAccount(nowhere, 'by hand'));
    const client = await clientOf(nowhere);
    const address = 'stores/nowhere/gateways/g1/events/button-pressed';
    await client.publishAsync(address, JSON.stringify(event(nowhere, 1)), { qos: 1 });
    passwords.set('nowhere', (await central.addShop(nowhere)).password);
    const again = await clientOf(nowhere);
    await again.publishAsync(address, JSON.stringify(event(nowhere, 2)), { qos: 1 });
    await books.until(async () => (await books.count()) > before, 'the second');
    expect((await books.eventsOf(nowhere)).map(({ sequence }) => Number(sequence))).toEqual([2]);
    // The hole in the sequence tells of it.
    expect(await books.holesOf(nowhere)).toEqual([{ first: 1, last: 1 }]);
  }, 60_000);

  it('P3, F14: the same events in any order of arrival, some twice, give the same profile and the same states', async () => {
    const told = history();
    await books.client.query('CREATE DATABASE any_order');
    const client = new pg.Client({ ...central.database, database: 'any_order' });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query(TABLES);
    const arrive = async (all: readonly Arrived[], batch: number) => {
      await client.query('TRUNCATE events, epochs, states');
      for (let at = 0; at < all.length; at += batch) await ingest(client, 'w', all.slice(at, at + batch));
      const states = await client.query('SELECT kind, key, value FROM current_states ORDER BY kind, key');
      return { profile: await profileOf(client, PERSON), states: states.rows };
    };
    const inOrder = await arrive(told, told.length);
    expect(inOrder.profile?.visits).toMatchObject([
      { visitId: 'v1', reason: 'exit' },
      { visitId: 'v2', zone: 'shoes' },
    ]);
    expect(inOrder.states).toContainEqual({ kind: 'thermostat', key: 't1', value: { setpointC: 18.5 } });
    expect(inOrder.states).toContainEqual({
      kind: 'stock',
      key: 'shelf-1/0',
      value: { sku: 'a', level: 'ok' },
    });
    expect(inOrder.states).toContainEqual({ kind: 'place', key: 'v1', value: {} });

    const whole = fc.shuffledSubarray(told, { minLength: told.length });
    const again = fc.shuffledSubarray(told);
    const property = fc.asyncProperty(
      whole,
      again,
      fc.integer({ min: 1, max: 7 }),
      async (first, second, batch) => {
        expect(await arrive([...first, ...second], batch)).toEqual(inOrder);
        const { rows } = await client.query('SELECT count(*)::int AS n FROM events');
        expect(rows).toEqual([{ n: told.length }]);
      },
    );
    await fc.assert(property, { numRuns: 30 });

    expect((await client.query('SELECT * FROM twins')).rows).toEqual([]);
    // The morning's box is a copy and goes on beside the afternoon's.
    const late = { epoch: 'ffff0000', recordedtime: '2026-11-22T13:30:00Z' };
    const sequence = '13'.padStart(20, '0');
    const twin = event(SHOP, 13, { ...late, sequence, id: `ffff0000-${sequence}` });
    const address = 'stores.s1.gateways.g1.events.button-pressed';
    await ingest(client, 'w', [{ address, body: Buffer.from(JSON.stringify(twin)), redelivered: false }]);
    expect((await client.query('SELECT epoch FROM twins')).rows).toEqual([{ epoch: 'ffff0000' }]);
  }, 60_000);

  it('a retained message stays on the node that took it, and a shared subscription is granted and gets nothing', async () => {
    const all = { configure: '.*', write: '.*', read: '.*' };
    await central.cluster.define(account('anybody', 'anything', all));
    const at = async (node: number) => {
      const port = central.cluster.nodes[node]?.ports.mqtt;
      const login = { userName: 'anybody', password: 'anything' };
      const client = await mqttClient(`mqtt://127.0.0.1:${port}`, login);
      return { client, heard: heardBy(client) };
    };
    const [one, two, wild, shared] = [await at(0), await at(1), await at(0), await at(0)];
    await one.client.publishAsync('shop/note', 'kept', { qos: 1, retain: true });
    const [granted] = await shared.client.subscribeAsync('$share/group/shop/+', { qos: 1 });
    expect(granted?.qos).toBe(1);
    for (const { client } of [one, two]) await client.subscribeAsync('shop/note', { qos: 1 });
    await wild.client.subscribeAsync('shop/#', { qos: 1 });
    await one.client.publishAsync('shop/note', 'now', { qos: 1 });
    await until(() => [one, two, wild].every(({ heard }) => heard.includes('now')), 'the message of now');
    expect(one.heard).toEqual(['kept', 'now']);
    expect([two.heard, wild.heard]).toEqual([['now'], ['now']]);
    expect(shared.heard).toEqual([]);
  }, 60_000);
});

function loginOf(shop: Shop) {
  return { userName: userName(shop), password: passwords.get(shop.store) ?? '' };
}

function clientOf(shop: Shop, clientId?: string): Promise<MqttClient> {
  return mqttClient(central.mqtt.url, { ...loginOf(shop), ...(clientId !== undefined && { clientId }) });
}

async function giveConsents(issuerKeyFile: string): Promise<void> {
  const issuer = await readIssuerKey(issuerKeyFile);
  const records = [agreed([{ kind: 'app', token: '00112233445566778899aabbccddeeff' }])];
  const list = { storeId: SHOP.store, list: 'full', version: 1, issuedAt: new Date().toISOString(), records };
  await enqueue(books.client, downlinkKey(SHOP, 'consents'), await issuer.sign('consents', list));
}

async function follower(): Promise<RabbitmqNode> {
  const leader = await central.cluster.leaderOf(QUEUE);
  const other = central.cluster.nodes.find(({ name, pid }) => name !== leader.name && pid() !== undefined);
  if (!other) throw new Error('no other node runs');
  return other;
}

async function killWorkersBut(name: string): Promise<void> {
  for (const worker of central.workers()) if (worker.name !== name) await worker.process.stop('SIGKILL');
}

/** What the nodes have in memory, MiB. */
function residentMiB(): number {
  const kiB = central.cluster.nodes.map((node) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.pid()}/status`, 'utf8'))?.[1]),
  );
  return Math.round(kiB.reduce((sum, one) => sum + one, 0) / 1024);
}

function tell(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
