import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agreed } from './support/agreed.ts';
import { openShop, type RunningGateway, type Shop } from './support/shop.ts';

const YAML = `
store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "1", languages: [fr]}}
mode: identify
map:
  zones:
    - {id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}
    - {id: bags, polygon: [[5, 0], [10, 0], [10, 5], [5, 5]]}
  beacons:
    - {id: b7, uuid: f7826da6-4fa2-4e98-8024-bc5b71e0893e, major: 1, minor: 7, zone: shoes}
    - {id: b8, uuid: f7826da6-4fa2-4e98-8024-bc5b71e0893e, major: 1, minor: 8, zone: bags}
  fixtures:
    - {device: shelf-1, zone: shoes, slots: [{slot: 0, sku: SKU-1, unitGrams: 412, capacity: 12}]}
devices:
  - {id: app, kind: shopper-app}
  - {id: shelf-1, kind: connected-shelf, zone: shoes}
  - {id: thermostat-1, kind: thermostat, zone: bags}
`;
const TOKEN = '00112233445566778899aabbccddeeff';
const STRANGER = 'c0ffee00c0ffee00c0ffee00c0ffee00';

interface ReceivedEvent {
  event: { type: string; data: Record<string, unknown>; causationid?: string };
}

const hasClient = existsSync('/usr/bin/mosquitto_pub');

/** A whole shop: the real gateway process, Debian's mosquitto_pub as the devices, the profile store. */
describe.skipIf(!hasClient)('the road from a device to the profile store', () => {
  let shop: Shop;
  let gateway: RunningGateway;

  beforeEach(async () => {
    shop = await openShop(YAML);
    gateway = await shop.start();
  });
  afterEach(() => shop.close());

  function publish(client: string, user: string, secret: string, message: string, payload: object): void {
    const args = ['-p', String(gateway.mqtt), '-i', client, '-u', user, '-P', secret, '-q', '1'];
    execFileSync('mosquitto_pub', [
      ...args,
      '-t',
      `devices/${user}/${message}`,
      '-m',
      JSON.stringify(payload),
    ]);
  }

  function ranged(secret: string, token: string, seq: number, minor: number): void {
    const beacons = [{ uuid: 'f7826da6-4fa2-4e98-8024-bc5b71e0893e', major: 1, minor, rssi: -61 }];
    publish('app-1', 'app', secret, 'ranged', { boot: 'b1', seq, token, beacons });
  }

  const record = agreed([{ kind: 'app', token: TOKEN }]);

  async function agree(version: number, records: object[], previous?: number): Promise<void> {
    const list = previous === undefined ? { list: 'full' } : { list: 'change', previous };
    const issuedAt = new Date().toISOString();
    const before = gateway.log().split('taken from the central platform').length;
    await shop.ask('/downlink', {
      kind: 'consents',
      payload: { storeId: 's1', ...list, version, issuedAt, records },
    });
    await eventually(() => gateway.log().split('taken from the central platform').length > before);
  }

  async function received(type: string): Promise<ReceivedEvent['event'][]> {
    const { events } = (await shop.ask('/events?limit=1000')) as { events: ReceivedEvent[] };
    return events.map(({ event }) => event).filter((event) => event.type === `aisle.${type}.v1`);
  }

  it('shows the visit and zone of a shopper whose app reports a beacon, and one pick from a shelf', async () => {
    const app = shop.addDevice('app');
    const shelf = shop.addDevice('shelf-1');
    await agree(1, [record]);
    ranged(app, TOKEN, 1, 7);
    const profile = await eventually(
      () => shop.ask('/profiles/p_1').catch(() => undefined),
      (found) => 'visits' in (found ?? {}),
    );
    expect(profile).toMatchObject({ visits: [{ zone: 'shoes', zones: [{ zoneId: 'shoes' }] }] });

    publish('shelf-1', 'shelf-1', shelf, 'weight', {
      boot: 'b1',
      seq: 1,
      slots: [{ slot: 0, g: 4120, ok: true }],
    });
    publish('shelf-1', 'shelf-1', shelf, 'weight', {
      boot: 'b1',
      seq: 2,
      slots: [{ slot: 0, g: 3708, ok: true }],
    });
    await eventually(
      () => received('shelf.item.picked'),
      (picks) => picks.length > 0,
    );
    expect(await received('shelf.item.picked')).toMatchObject([
      { causationid: 'shelf-1/b1/2', data: { shelfId: 'shelf-1', sku: 'SKU-1', quantity: 1, deltaG: -412 } },
    ]);
  });

  it('keeps nothing of somebody who did not agree: no event, no byte on disk or in the log', async () => {
    const app = shop.addDevice('app');
    await agree(1, [record]);
    ranged(app, STRANGER, 1, 7);
    ranged(app, TOKEN, 2, 7);
    await eventually(
      () => received('visit.started'),
      (visits) => visits.length > 0,
    );
    expect(await received('visit.started')).toHaveLength(1);
    expect(await gateway.kill('SIGTERM')).toBe(0);
    expect(gateway.log()).not.toContain(STRANGER);
    const data = join(shop.folder, 'data');
    for (const name of readdirSync(data)) {
      const bytes = readFileSync(join(data, name));
      expect(bytes.includes(STRANGER)).toBe(false);
      expect(bytes.includes(Buffer.from(STRANGER, 'hex'))).toBe(false);
    }
  });

  it('ends the visit at once when consent is withdrawn, without a subject, and recognises no more', async () => {
    const app = shop.addDevice('app');
    await agree(1, [record]);
    ranged(app, TOKEN, 1, 7);
    await eventually(
      () => received('zone.entered'),
      (entered) => entered.length > 0,
    );
    await agree(2, [{ ...record, version: 2, state: 'withdrawn', keys: [] }], 1);
    const [ended] = await eventually(
      () => received('visit.ended'),
      (visits) => visits.length > 0,
    );
    expect(ended?.data).toMatchObject({ reason: 'withdrawn', recordId: 'c1' });
    expect(JSON.stringify(ended)).not.toContain('p_1');
    ranged(app, TOKEN, 2, 8);
    expect(await received('visit.started')).toHaveLength(1);
  });

  it('goes on with an open visit after kill -9, without a second start', async () => {
    const app = shop.addDevice('app');
    await agree(1, [record]);
    ranged(app, TOKEN, 1, 7);
    await gateway.kill('SIGKILL');
    gateway = await shop.start();
    ranged(app, TOKEN, 1, 7);
    ranged(app, TOKEN, 2, 8);
    await eventually(
      () => received('zone.entered'),
      (entered) => entered.length >= 2,
    );
    expect(await received('visit.started')).toHaveLength(1);
    expect((await received('zone.entered')).map(({ data }) => data.zoneId)).toEqual(['shoes', 'bags']);
    expect((await received('zone.exited')).map(({ data }) => data.zoneId)).toEqual(['shoes']);
  });

  it("takes a setpoint from the profile store's side to a thermostat, and its reply back", async () => {
    const secret = shop.addDevice('thermostat-1');
    const thermostat = await connectAsync(`mqtt://127.0.0.1:${gateway.mqtt}`, {
      clientId: 'thermostat-1',
      username: 'thermostat-1',
      password: secret,
      reconnectPeriod: 0,
    });
    thermostat.on('message', (_topic, payload) => {
      const { id, setpointC } = JSON.parse(payload.toString());
      thermostat.publish('devices/thermostat-1/replies/setpoint', JSON.stringify({ id, ok: true }), {
        qos: 1,
      });
      thermostat.publish('devices/thermostat-1/thermostat', JSON.stringify({ setpointC, currentC: 19 }), {
        qos: 1,
      });
    });
    await thermostat.subscribeAsync('devices/thermostat-1/commands/+', { qos: 1 });
    const command = {
      id: 'k1',
      storeId: 's1',
      gateway: 'g1',
      action: 'setpoint',
      args: { device: 'thermostat-1', setpointC: 21.5 },
      issuedAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
    };
    await shop.ask('/downlink', { kind: 'command', payload: command });
    await shop.ask('/downlink', {
      kind: 'command',
      payload: { ...command, id: 'k2', args: { device: 'thermostat-1', setpointC: 70 } },
    });
    const completed = await eventually(
      () => received('command.completed'),
      (events) => events.length >= 2,
    );
    await eventually(
      () => received('thermostat.changed'),
      (events) => events.length > 0,
    );
    await thermostat.endAsync();
    const byId = Object.fromEntries(completed.map(({ data }) => [data.id, data]));
    expect(byId.k1).toMatchObject({ action: 'setpoint', device: 'thermostat-1', ok: true, by: 'central' });
    expect(byId.k2).toMatchObject({ ok: false });
    expect(await received('thermostat.changed')).toMatchObject([
      { data: { setpointC: 21.5, changedBy: 'central' } },
    ]);
  });
});

/** Asks again until the answer is what is waited for; the test's own deadline ends it otherwise. */
async function eventually<T>(ask: () => T | Promise<T>, is: (answer: T) => boolean = Boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (is(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
