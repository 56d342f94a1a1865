import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CompactSign, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { openDatabase } from '../../gateway/database.ts';
import { BEACON, buttonShop } from '../support/button-shop.ts';
import { aisle } from '../support/gateway-process.ts';
import { connected, connectPacket, publish, rawClient } from '../support/raw-mqtt.ts';
import { openShop, type RunningGateway, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** What comes in that should not, and what it gets. */

const TOKEN = '00112233445566778899aabbccddeeff';
const YAML = buttonShop(['b1', 'b2'], '  - {id: c1, kind: climate-sensor, zone: shoes}\n');
const NESTED = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;

describe('a running gateway', () => {
  let shop: Shop;
  let gateway: RunningGateway;
  const secrets = new Map<string, Buffer>();
  let seq = 0;

  beforeAll(async () => {
    shop = await openShop(YAML);
    const config = readConfig(shop.config);
    for (const { id } of config.devices) secrets.set(id, Buffer.from(addDevice(config, id, 0).secret));
    gateway = await shop.start();
  });
  afterAll(() => shop.close());

  const login = (id: string) => ({ password: secrets.get(id) ?? Buffer.alloc(0) });

  /** How often each kind of refusal and of malformed message was counted. */
  async function counted(): Promise<{ dropped: Record<string, number>; refused: Record<string, number> }> {
    const token = readFileSync(join(shop.folder, 'data', 'dashboard.token'), 'utf8');
    const url = `http://127.0.0.1:${gateway.http}/api/status`;
    return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).json() as never;
  }

  const grown = (after: Record<string, number>, before: Record<string, number>) =>
    Object.fromEntries(Object.entries(after).filter(([what, n]) => n !== (before[what] ?? 0)));

  /** A good press is acknowledged and arrives: the gateway is up, and so is the road. */
  async function isUp(): Promise<void> {
    seq += 1;
    const device = await connected(gateway.mqtt, 'b2', login('b2'));
    device.send(publish('devices/b2/pressed', { button: 1, press: 'press', boot: 'up', seq }));
    await device.next('puback');
    device.socket.destroy();
    const arrived = () =>
      shop.profiles.store.events(0, 1_000).some(({ event }) => event.causationid === `b2/up/${seq}`);
    await until(arrived, 'the press at the profile store');
  }

  describe('acknowledges, drops and counts', () => {
    const button = (message: string) => `devices/b1/${message}`;
    it.each<[what: string, topic: string, payload: string | Buffer, countedAs: string]>([
      ['JSON that breaks off', button('pressed'), '{"button":1,', 'not JSON'],
      ['nothing', button('pressed'), '', 'not JSON'],
      ['octets that are no text', button('pressed'), Buffer.from([0xff, 0xfe, 0x00]), 'not JSON'],
      ['NaN', 'devices/c1/climate', '{"temperatureC":NaN}', 'not JSON'],
      ['a number without end', 'devices/c1/climate', '{"temperatureC":1e999}', 'wrong form'],
      ['text for a number', button('pressed'), '{"button":"one","press":"press"}', 'wrong form'],
      ['a word that is none', button('pressed'), '{"button":1,"press":"tap"}', 'wrong form'],
      ['a list for an object', button('pressed'), '[1,2]', 'wrong form'],
      ['null', button('pressed'), 'null', 'wrong form'],
      [
        'a seq below zero',
        button('pressed'),
        '{"button":1,"press":"press","boot":"b","seq":-1}',
        'wrong form',
      ],
      ['lists in lists in lists', button('pressed'), NESTED, 'wrong form'],
      ['a message of another kind of device', button('weight'), '{"slots":[]}', 'unknown message'],
      ['a message that nobody knows', button('dance'), '{}', 'unknown message'],
      ['a message named like an inherited property', button('constructor'), '{}', 'unknown message'],
      ['a state that is none', button('state'), 'perhaps', 'wrong form'],
      ['a reply to nothing', button('replies/setpoint'), '{"ok":true}', 'wrong form'],
    ])('%s', async (_what, topic, payload, countedAs) => {
      const before = await counted();
      const id = topic.split('/')[1] ?? '';
      const device = await connected(gateway.mqtt, id, login(id));
      device.send(publish(topic, payload, { messageId: 9 }));
      expect((await device.next('puback')).messageId).toBe(9);
      expect(device.isClosed()).toBe(false);
      const after = await counted();
      expect(Object.keys(grown(after.dropped, before.dropped))).toEqual([countedAs]);
      expect(grown(after.refused, before.refused)).toEqual({});
      await isUp();
    });
  });

  describe('takes nothing of, ends the connection of, and counts', () => {
    it.each<[what: string, topic: string, payload: string | Buffer, countedAs: string]>([
      ['a message over 64 KiB', 'devices/b1/pressed', Buffer.alloc(65_537, ' '), 'over 64 KiB'],
      ['a message of 10 MB', 'devices/b1/pressed', Buffer.alloc(10_000_000, ' '), 'broken connection'],
      [
        "a message to somebody else's topic",
        'devices/b2/pressed',
        '{"button":1,"press":"press"}',
        'foreign topic',
      ],
      ['a message to a topic of nobody', 'shop/b1/pressed', '{}', 'foreign topic'],
      ['a command in the name of the gateway', 'devices/b1/commands/setpoint', '{}', 'foreign topic'],
      ['a message to the broker itself', '$SYS/broker/new/clients', 'b2', 'foreign topic'],
    ])('%s', async (_what, topic, payload, countedAs) => {
      const before = await counted();
      const device = await connected(gateway.mqtt, 'b1', login('b1'));
      device.send(publish(topic, payload, { messageId: 9 }));
      await device.closed();
      expect(device.answers('puback')).toEqual([]);
      const after = await counted();
      expect(Object.keys(grown(after.refused, before.refused))).toEqual([countedAs]);
      await isUp();
    });
  });

  describe('refuses, ends and counts a connection', () => {
    it.each([
      ['with a wrong password', { password: Buffer.from('guess') }, 4, 'wrong credentials'],
      ['of an unknown device', { username: 'b9', clientId: 'b9' }, 4, 'wrong credentials'],
      ['without credentials', { username: undefined, password: undefined }, 5, 'no credentials'],
      ["under another's client id", { clientId: 'b2' }, 2, 'foreign client id'],
    ])('%s', async (_what, more, code, countedAs) => {
      const before = await counted();
      const device = await rawClient(gateway.mqtt);
      device.send(connectPacket('b1', { ...login('b1'), ...(more as object) }));
      expect((await device.next('connack')).returnCode).toBe(code);
      await device.closed();
      expect(Object.keys(grown((await counted()).refused, before.refused))).toEqual([countedAs]);
      await isUp();
    });

    it.each<[what: string, octets: Buffer]>([
      ['that speaks HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')],
      ['that speaks TLS', Buffer.from('160301020001000001fc0303', 'hex')],
      ['that announces 250 MB', Buffer.from([0x10, 0x80, 0x80, 0x80, 0x7d])],
      ['that begins with nothing but zeros', Buffer.alloc(5_000)],
    ])('%s', async (_what, octets) => {
      const device = await rawClient(gateway.mqtt);
      device.send(octets);
      await device.closed();
      expect(device.heard).toEqual([]);
      await isUp();
    });

    it('not that asks for what is not its own: it is told so, and stays', async () => {
      const device = await connected(gateway.mqtt, 'b1', login('b1'));
      device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/#', qos: 1 }] });
      expect((await device.next('suback')).granted).toEqual([0x80]);
      await isUp();
      expect(device.isClosed()).toBe(false);
    });
  });

  describe('keeps the consent list that it has instead of', () => {
    const record = {
      recordId: 'r1',
      version: 1,
      subjectRef: 'p_1',
      purposes: ['recognition'],
      state: 'given',
      validFrom: '2026-01-01T00:00:00Z',
      noticeVersion: '1',
      stores: ['s1'],
      keys: [{ kind: 'app', token: TOKEN }],
    };
    const list = (more: object = {}) => ({
      storeId: 's1',
      list: 'full',
      version: 100,
      issuedAt: new Date().toISOString(),
      records: [record],
      ...more,
    });
    const say = (payload: object) => shop.ask('/downlink', { kind: 'consents', payload });
    const logged = (words: string) => until(() => gateway.log().includes(words), `"${words}" in the log`);

    beforeAll(async () => {
      await say(list({ version: 10, records: [] }));
      await logged('shoppers who agreed are recognised');
    });

    it.each<[what: string, more: object, reason: string]>([
      ['one of another store', { storeId: 's2' }, 'the list is for store s2'],
      ['an older one', { version: 9 }, 'list 9 is not newer than 10'],
      ['the same again', { version: 10 }, 'list 10 is not newer than 10'],
      ['one of tomorrow', { issuedAt: '2099-01-01T00:00:00Z' }, 'list 100 is issued in the future'],
      ['one without a version', { version: 'new' }, 'consent list: version:'],
      ['one with a record that makes no sense', { records: [{ ...record, purposes: ['all'] }] }, 'purposes'],
      [
        'a change that does not follow',
        { list: 'change', previous: 5, version: 11 },
        'a full list is needed',
      ],
    ])('%s', async (_what, more, reason) => {
      await say(list(more));
      await logged(reason);
      await isUp();
    });

    it('one that is forged, one that is signed by nobody, and one that is no list at all', async () => {
      const stranger = await generateKeyPair('EdDSA');
      const { kid } = JSON.parse(readFileSync(join(shop.folder, 'issuer.jwk'), 'utf8'));
      const payload = Buffer.from(JSON.stringify(list()));
      const typ = 'aisle-consents';
      const forged = await new CompactSign(payload)
        .setProtectedHeader({ alg: 'EdDSA', kid, typ })
        .sign(stranger.privateKey);
      const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const unsigned = `${base64({ alg: 'none', kid, typ })}.${payload.toString('base64url')}.x`;
      const before = gateway.log().split('not a valid signed message').length;
      for (const jws of [forged, unsigned, 'no.list.atall']) await shop.ask('/downlink', { jws });
      await until(
        () => gateway.log().split('not a valid signed message').length === before + 3,
        'three lines',
      );
      await isUp();
    });

    it('and recognises nobody by one that is too old', async () => {
      await say(list({ version: 101, issuedAt: new Date(Date.now() - 25 * 3_600_000).toISOString() }));
      await logged('the consent list is too old');
      const app = await connected(gateway.mqtt, 'app', login('app'));
      const beacons = [{ ...BEACON, rssi: -60 }];
      app.send(publish('devices/app/ranged', { boot: 'a', seq: 1, token: TOKEN, beacons }));
      await app.next('puback');
      await isUp();
      const types = shop.profiles.store.events(0, 1_000).map(({ event }) => event.type);
      expect(types).not.toContain('aisle.visit.started.v1');
      expect(gateway.log()).not.toContain(TOKEN);
    });
  });
});

describe('the start', () => {
  const root = mkdtempSync(join(tmpdir(), 'aisle-bad-'));
  let occupied: Server;
  let port = 0;
  const STORE = 'store: {id: s1, gateway: g1, timezone: Europe/Paris}\nmode: off\nmap: {}\n';
  const LISTEN = 'inputs: {mqtt: {listen: "127.0.0.1:0"}}\n';

  beforeAll(async () => {
    occupied = createServer().listen(0, '127.0.0.1');
    await once(occupied, 'listening');
    ({ port } = occupied.address() as AddressInfo);
  });
  afterAll(() => {
    occupied.close();
    rmSync(root, { recursive: true });
  });

  /** Exit code and what was said; the process is ended if it runs. */
  async function run(args: string[]): Promise<{ code: number | null; said: string }> {
    const child = spawn(process.execPath, aisle(args), { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => String(chunk).includes('aisle runs') && child.kill('SIGTERM'));
    const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, said };
  }

  /** Writes `aisle.yaml` and what it needs into a folder of its own, and starts the gateway on it. */
  function start(name: string, yaml: string, arrange: (folder: string) => void = () => {}) {
    const folder = join(root, name.replaceAll(/\W+/g, '-'));
    mkdirSync(join(folder, 'data'), { recursive: true });
    writeFileSync(join(folder, 'aisle.yaml'), yaml.replaceAll('PORT', String(port)));
    arrange(folder);
    return run(['run', '--config', join(folder, 'aisle.yaml')]);
  }

  const write = (name: string, content: string) => (folder: string) =>
    writeFileSync(join(folder, name), content);

  it.concurrent.each<[what: string, yaml: string, sentence: RegExp, arrange?: (folder: string) => void]>([
    [
      'a key with a typo',
      `${STORE}inputs: {mqtt: {lsiten: "127.0.0.1:0"}}\n`,
      /^\S+aisle\.yaml:4:17: inputs\.mqtt\.lsiten: is not a key of inputs\.mqtt; did you mean "listen"\?$/,
    ],
    ['something that is not YAML', 'store: [', /^\S+aisle\.yaml:1:9: not YAML: /],
    [
      'a port in use',
      `${STORE}inputs: {mqtt: {listen: "127.0.0.1:PORT"}}\n`,
      /^aisle: 127\.0\.0\.1:\d+ is in use by another program: stop it, or set inputs\.mqtt\.listen$/,
    ],
    [
      'an address of another machine',
      `${STORE}inputs: {mqtt: {listen: "192.0.2.1:1883", plaintext: true}}\n`,
      /^aisle: 192\.0\.2\.1:1883 is not an address of this machine: set inputs\.mqtt\.listen to one that is$/,
    ],
    [
      'a data folder that is a file',
      `${STORE}${LISTEN}data: aisle.yaml\n`,
      /^aisle: data: \S+aisle\.yaml cannot be made or is not a folder \(EEXIST\): set data to a folder /,
    ],
    [
      'a data folder that cannot be written',
      `${STORE}${LISTEN}data: /proc/self\n`,
      /^aisle: data: \/proc\/self cannot be written \(\w+\): set data to a folder /,
    ],
    [
      "a newer version's database",
      `${STORE}${LISTEN}`,
      /^aisle: \S+aisle\.db: is of a newer Aisle \(version 99, this one knows \d+\): install that one again$/,
      (folder) => {
        const db = openDatabase(join(folder, 'data'));
        db.pragma('user_version = 99');
        db.close();
      },
    ],
    [
      'a store key that is none',
      `${STORE}${LISTEN}`,
      /^aisle: \S+store\.key: is not a store key \(32 bytes, base64url\); restore it from a backup$/,
      write('data/store.key', 'short'),
    ],
    [
      'a certificate that is none',
      `${STORE}inputs: {mqtt: {listen: "127.0.0.1:0", tls: {cert: aisle.yaml, key: aisle.yaml}}}\n`,
      /^aisle: inputs\.mqtt\.tls: .*: cert and key must be PEM files and belong together$/,
    ],
    [
      'a certificate that is not there',
      `${STORE}inputs: {mqtt: {listen: "127.0.0.1:0", tls: {cert: none.pem, key: none.pem}}}\n`,
      /^aisle: .*ENOENT.*none\.pem/,
    ],
    [
      'a bind key that is none',
      `${STORE}${LISTEN}devices: [{id: b1, kind: smart-button, address: "a1:b2:c3:d4:e5:f6", keyFile: key}]\n`,
      /^aisle: \S+key: must be a bind key of 32 hex digits$/,
      write('key', 'no key'),
    ],
  ])('with %s is refused with one sentence and exit code 1', async (what, yaml, sentence, arrange) => {
    const { code, said } = await start(what, yaml, arrange);
    expect(said.trimEnd()).toMatch(sentence);
    expect(said.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
  });

  it.concurrent('without the configuration that it was given is refused, with exit code 1', async () => {
    const { code, said } = await run(['run', '--config', join(root, 'none.yaml')]);
    expect(said).toMatch(/^\S+none\.yaml: cannot be read: ENOENT/);
    expect(code).toBe(1);
  });

  it.concurrent('without --config is wrong use, with exit code 2', async () => {
    const { code, said } = await run(['run']);
    expect(said).toContain("required option '--config <file>' not specified");
    expect(code).toBe(2);
  });

  it.concurrent('with a data folder that is not there makes it, for its user alone', async () => {
    const { code, said } = await start('a new folder', `${STORE}${LISTEN}data: made/here\n`);
    expect([code, said]).toEqual([0, '']);
    expect(readFileSync(join(root, 'a-new-folder', 'made', 'here', 'store.key'), 'utf8')).toHaveLength(43);
  });
});
