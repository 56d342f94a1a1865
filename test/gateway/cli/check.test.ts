import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openCredentials } from '../../../gateway/access/credentials.ts';
import { check, type Finding } from '../../../gateway/cli/check.ts';
import { lockFolder } from '../../../gateway/database.ts';
import { openStoreKey } from '../../../gateway/store-key.ts';
import { freePort } from '../../support/free-port.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { press, testStore } from '../outbox/event-store.ts';

/** RFC 8037 appendix A.2. */
const JWK = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k1"}';
const STORE = 'store: {id: s1, gateway: g1, timezone: Europe/Paris}';

/** A folder with an `aisle.yaml` of these lines, beside a free port to listen on. */
async function shop(...lines: string[]) {
  const folder = temporaryFolder();
  const listen = `127.0.0.1:${await freePort()}`;
  const text = [STORE, 'mode: off', 'map: {}', ...lines].join('\n');
  const isListening = text.includes('mqtt: {');
  writeFileSync(
    join(folder, 'aisle.yaml'),
    isListening
      ? text.replace('mqtt: {', `mqtt: {listen: "${listen}", `)
      : `${text}\ninputs: {mqtt: {listen: "${listen}"}}`,
  );
  const write = (name: string, content: string, mode = 0o600) => {
    const file = join(folder, name);
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  };
  return {
    folder,
    data: join(folder, 'data'),
    listen,
    write,
    check: () => check(join(folder, 'aisle.yaml')),
  };
}

const texts = (findings: Finding[], level: Finding['level']) =>
  findings.filter((finding) => finding.level === level).map(({ text }) => text);

it('says what is in order, and that the data folder will be made, and makes nothing', async () => {
  const { folder, check: look } = await shop('uplinks: [{kind: http, url: "https://central.example"}]');
  const { ok, findings } = await look();
  expect(ok).toBe(true);
  expect(texts(findings, 'warning')).toEqual([
    expect.stringMatching(/data is not there yet; the first start makes it$/),
  ]);
  expect(texts(findings, 'ok')).toEqual([
    expect.stringContaining('0 devices, 0 zones'),
    expect.stringMatching(/^inputs\.mqtt\.listen: 127/),
  ]);
  expect(readdirSync(folder)).toEqual(['aisle.yaml']);
});

it('gives every problem of the configuration, with its place', async () => {
  const { check: look } = await shop('clock: {sourc: systemd}', 'uplinks: none');
  const { ok, findings } = await look();
  expect(ok).toBe(false);
  expect(texts(findings, 'error')).toEqual([
    expect.stringMatching(/aisle\.yaml:4:9: clock\.sourc: is not a key of clock; did you mean "source"\?$/),
    expect.stringMatching(/aisle\.yaml:5:1: uplinks: must be a list, it is "none"$/),
  ]);
});

describe('the data folder', () => {
  it.each([
    ['/dev/null', /^data: \/dev\/null is not a folder$/],
    ['/proc/1/aisle', /^data: \/proc\/1 cannot be written by this user/],
  ])('%s is an error', async (folder, expected) => {
    const { check: look } = await shop(`data: ${folder}`);
    expect(texts((await look()).findings, 'error')).toEqual([expect.stringMatching(expected)]);
  });

  it('with a key that others can read is warned of, with one that is none an error', async () => {
    const { data, check: look } = await shop();
    openStoreKey(data);
    chmodSync(join(data, 'store.key'), 0o644);
    expect(texts((await look()).findings, 'warning').join()).toContain('store.key: chmod 600 it');
    writeFileSync(join(data, 'store.key'), 'x');
    expect(texts((await look()).findings, 'error')).toEqual([
      expect.stringMatching(/store\.key: is not a store key .*; restore it from a backup$/),
    ]);
  });

  it('with a database that cannot be read is an error', async () => {
    const { data, check: look } = await shop();
    mkdirSync(data);
    writeFileSync(join(data, 'aisle.db'), 'no database, however long it is looked at'.repeat(40));
    expect(texts((await look()).findings, 'error')).toEqual([
      expect.stringMatching(/aisle\.db cannot be read: file is not a database/),
    ]);
  });

  it('with events for an uplink that is configured no more is warned of', async () => {
    const { data, check: look } = await shop();
    mkdirSync(data);
    const { store } = testStore(['http https://old.example'], data);
    store([press(1), press(2)]);
    expect(texts((await look()).findings, 'warning')).toContain(
      'uplinks: 2 events wait for "http https://old.example", which is not configured any more; they go when it is again; to give them up: aisle outbox forget --uplink "http https://old.example"',
    );
  });

  it('tells of devices without a secret, also before there is a folder', async () => {
    const { data, check: look } = await shop(
      'devices: [{id: b1, kind: smart-button}, {id: b2, kind: smart-button}]',
    );
    const missing = async () =>
      texts((await look()).findings, 'warning').filter((text) => text.startsWith('devices'));
    expect(await missing()).toHaveLength(2);
    const credentials = openCredentials(data, Buffer.alloc(32));
    credentials.issue('b1', 1);
    credentials.close();
    expect(await missing()).toEqual(['devices: b2 has no secret yet: aisle devices add b2 --config …']);
  });
});

describe('files', () => {
  it('that are missing or empty are errors, by the key that names them', async () => {
    const { write, check: look } = await shop(
      'uplinks: [{kind: http, url: "https://a", tokenFile: token}, {kind: mqtt, url: "mqtts://b", passwordFile: none, ca: none}]',
    );
    write('token', ' \n');
    expect(texts((await look()).findings, 'error')).toEqual([
      expect.stringMatching(/^uplinks\.0\.tokenFile: .*token is empty$/),
      expect.stringMatching(/^uplinks\.1\.ca: .*none cannot be read \(ENOENT\)$/),
      expect.stringMatching(/^uplinks\.1\.passwordFile: .*none cannot be read \(ENOENT\)$/),
    ]);
    write('token', 'a token');
    expect(texts((await look()).findings, 'ok').join()).toContain('uplinks.0.tokenFile');
  });

  it('of bind keys are read', async () => {
    const { write, check: look } = await shop(
      'devices: [{id: b1, kind: smart-button, address: "a1:b2:c3:d4:e5:f6", keyFile: key}]',
    );
    write('key', 'not hex');
    expect(texts((await look()).findings, 'error')).toEqual([
      expect.stringMatching(/^devices: bind key of b1: .*key: must be a bind key of 32 hex digits$/),
    ]);
    write('key', '00112233445566778899aabbccddeeff\n');
    expect(texts((await look()).findings, 'ok')).toContain('devices: bind key of b1');
  });

  it('of a certificate must belong together, and be in time', async () => {
    const { write, check: look } = await shop('inputs: {mqtt: {tls: {cert: cert, key: key}}}');
    const attributes = [{ name: 'commonName', value: 'shop' }];
    const [one, two] = await Promise.all([generate(attributes), generate(attributes)]);
    const old = await generate(attributes, {
      notBeforeDate: new Date(0),
      notAfterDate: new Date(86_400_000),
    });
    const errors = async () => texts((await look()).findings, 'error');
    write('cert', 'no PEM');
    write('key', one.private);
    expect(await errors()).toEqual([
      expect.stringMatching(/^inputs\.mqtt\.tls: cert and key must be PEM files/),
    ]);
    write('cert', two.cert);
    expect(await errors()).toEqual([
      expect.stringMatching(/^inputs\.mqtt\.tls: .*key is not the key of .*cert$/),
    ]);
    write('cert', old.cert);
    write('key', old.private);
    expect(await errors()).toEqual([
      expect.stringMatching(/^inputs\.mqtt\.tls\.cert: .* expired on Jan {2}2/),
    ]);
    write('cert', one.cert);
    write('key', one.private);
    expect(await errors()).toEqual([]);
  });
});

describe('recognition and uplinks', () => {
  it.each([
    ['uplinks: []', 'warning', 'uplinks: none; events are kept on this box and go nowhere'],
    [
      'uplinks: [{kind: http, url: "http://central.example"}]',
      'warning',
      'uplinks.0.url: http://central.example is not encrypted',
    ],
    [
      'uplinks: [{kind: mqtt, url: "mqtt://central.example"}]',
      'warning',
      'uplinks.0.url: mqtt://central.example is not encrypted',
    ],
    ['clock: {source: uplink}', 'error', 'clock.source: uplink needs an http uplink'],
    [
      'consents: {issuerKeys: [{kty: OKP, crv: Ed25519, x: short, kid: k9}]}',
      'error',
      'consents.issuerKeys: k9 is not an Ed25519 public key',
    ],
    [`consents: {issuerKeys: [${JWK}]}`, 'ok', 'consents.issuerKeys: k1'],
  ] as const)('%s: %s', async (line, level, expected) => {
    const { check: look } = await shop(line);
    expect(texts((await look()).findings, level).join('\n')).toContain(expected);
  });

  it('on this machine need no encryption', async () => {
    const { check: look } = await shop('uplinks: [{kind: http, url: "http://127.0.0.1:9000"}]');
    expect(texts((await look()).findings, 'warning').join()).not.toContain('not encrypted');
  });

  it('of shoppers need a notice, keys to check lists by, and a clock that is watched', async () => {
    const { folder } = await shop();
    const file = join(folder, 'identify.yaml');
    writeFileSync(file, `${STORE}\nmode: identify\nmap: {}\nclock: {source: trusted}\n`);
    const warnings = texts((await check(file)).findings, 'warning');
    expect(warnings).toContain(
      'store.notice: identify needs one to show shoppers; without it nobody is recognised',
    );
    expect(warnings).toContain(
      'consents.issuerKeys: none; no consent list can be checked, so nobody is recognised',
    );
    expect(warnings).toContain('clock.source: trusted; a wrong clock is not noticed');
  });
});

describe('a port', () => {
  const occupy = async (listen: string) => {
    const server = createServer().listen(Number(listen.split(':')[1]), '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return (server.address() as AddressInfo).port;
  };

  it('in use by another program is an error', async () => {
    const { listen, check: look } = await shop();
    await occupy(listen);
    expect(texts((await look()).findings, 'error')).toEqual([
      `inputs.mqtt.listen: ${listen} is in use by another program: stop it, or set another port`,
    ]);
  });

  it('in use while a gateway runs on this data is as it should be', async () => {
    const { data, listen, check: look } = await shop();
    await occupy(listen);
    onTestFinished(lockFolder(data));
    const { ok, findings } = await look();
    expect(ok).toBe(true);
    expect(texts(findings, 'ok')).toContain(
      `inputs.mqtt.listen: ${listen}, in use, as a gateway runs on this data`,
    );
  });

  it('on an address that this machine has not is an error', async () => {
    const { folder } = await shop();
    const file = join(folder, 'elsewhere.yaml');
    writeFileSync(
      file,
      `${STORE}\nmode: off\nmap: {}\ninputs: {mqtt: {listen: "192.0.2.1:1883", plaintext: true}}\n`,
    );
    expect(texts((await check(file)).findings, 'error')).toEqual([
      'inputs.mqtt.listen: 192.0.2.1:1883 cannot be listened on (EADDRNOTAVAIL)',
    ]);
  });
});

describe('what a shop offers for consent', () => {
  const reader = '{id: door, kind: check-in, zone: z}';
  const zone = (devices: string) => `devices: [${devices}]`;
  it.each<[string, string, Finding['level'], string]>([
    [
      'a button to agree without one to withdraw',
      `${reader}, {id: b1, kind: smart-button, intents: {press: consent-grant}}`,
      'error',
      'no button has the intent consent-withdraw',
    ],
    [
      'a mistyped intent',
      `{id: b1, kind: smart-button, intents: {press: consent-grnat}}`,
      'error',
      'did you mean "consent-grant"?',
    ],
    [
      'a button without a reader',
      `{id: b1, kind: smart-button, intents: {press: consent-withdraw}}`,
      'warning',
      'needs a reader',
    ],
    ['a reader without a zone', '{id: door, kind: check-in}', 'warning', 'door has no zone'],
  ])('R7: %s is noticed', async (_, devices, level, text) => {
    const { check: look } = await shop(zone(devices.replaceAll(', zone: z', '')));
    expect(texts((await look()).findings, level).join('\n')).toContain(text);
  });

  it('an issuer key with its private half, or twice, is an error', async () => {
    const key = '{kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo, kid: k1';
    const { check: look } = await shop(
      `consents: {issuerKeys: [${key}, d: secret}, ${key}}], maxAgeHours: 9999}`,
    );
    const { findings } = await look();
    expect(texts(findings, 'error').join('\n')).toMatch(
      /k1 has its private half[\s\S]*k1 stands there twice/,
    );
    expect(texts(findings, 'warning').join('\n')).toContain('consents.maxAgeHours: 9999');
  });
});
