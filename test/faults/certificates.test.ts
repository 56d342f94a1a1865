import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import pino from 'pino';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';
import { waitingIn } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { centralBroker } from '../support/central-broker.ts';
import { authority, type Certificate, certificate } from '../support/certificates.ts';
import { foreignReceiver } from '../support/foreign-receiver.ts';
import { judge, type LedgerEvent } from '../support/ledger.ts';
import { connected, pressNext } from '../support/raw-mqtt.ts';
import { openShop } from '../support/shop.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const SHOP = anonymousShop(['b1']);
/** First octet of a TLS handshake record (RFC 8446 §5.1). */
const HANDSHAKE = 0x16;

let ca: Certificate;
let good: Certificate;
/** What is wrong with each, and what the gateway says of it. */
let bad: [name: string, certificate: Certificate, reason: RegExp][];

beforeAll(async () => {
  ca = await authority();
  good = await certificate(ca);
  bad = [
    ['expired', await certificate(ca, { from: -30, to: -1 }), /expired/],
    ['not yet valid', await certificate(ca, { from: 1, to: 30 }), /not yet valid/],
    ['of another authority', await certificate(await authority()), /signature failure|unable to|self-signed/],
    ['for another host', await certificate(ca, { host: 'elsewhere.example' }), /altnames|does not match/i],
  ];
});

/** TLS in front of a server that speaks none; its certificate can be changed while it runs. */
async function tlsDoor(target: number, shown: Certificate) {
  const server = createServer({ cert: shown.cert, key: shown.key }, (client) => {
    const far = connect(target, '127.0.0.1');
    client.pipe(far).pipe(client);
    client.on('error', () => far.destroy());
    far.on('error', () => client.destroy());
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    show: ({ cert, key }: Certificate) => server.setSecureContext({ cert, key }),
  };
}

describe('F15', () => {
  it('P1, P2: uplinks with a certificate that is no good get nothing, nothing goes in plain text, all waits, and arrives once it is mended', {
    timeout: 120_000,
  }, async () => {
    const shop = await openShop(SHOP);
    onTestFinished(() => shop.close());
    const receiver = await foreignReceiver({ cert: good.cert, key: good.key });
    const central = await centralBroker();
    const seen = await central.subscribe('stores/s1/gateways/g1/events/button-pressed');
    const door = await tlsDoor(central.port, good);
    const lines = [await tcpProxy(receiver.port), await tcpProxy(door.port)];
    const caFile = join(shop.folder, 'ca.pem');
    writeFileSync(caFile, ca.cert);
    const uplinks = [
      { kind: 'http', url: `https://127.0.0.1:${lines[0]?.port}`, tokenFile: 'token', ca: caFile },
      { kind: 'mqtt', url: `mqtts://127.0.0.1:${lines[1]?.port}`, ...central.settings, ca: caFile },
    ];
    const yaml = readFileSync(shop.config, 'utf8');
    writeFileSync(shop.config, yaml.replace(/^uplinks: .*$/m, `uplinks: ${JSON.stringify(uplinks)}`));
    const password = Buffer.from(addDevice(readConfig(shop.config), 'b1', 0).secret);
    const gateway = await shop.start();
    const button = await connected(gateway.mqtt, 'b1', { password });
    const acknowledged: string[] = [];
    const press = () => pressNext(button, acknowledged);
    const over = (events: readonly LedgerEvent[]) =>
      new Set(events.map(({ causationid }) => causationid)).size;
    const byMqtt = () => seen.map(({ payload }) => JSON.parse(payload) as LedgerEvent);
    const pressesAt = () => receiver.taken().filter(({ type }) => type.startsWith('aisle.button'));
    const allArrived = () =>
      over(pressesAt()) === acknowledged.length && over(byMqtt()) === acknowledged.length;

    await press();
    await until(allArrived, 'the first');
    for (const [name, shown, reason] of bad) {
      const said = gateway.log().length;
      receiver.show(shown);
      door.show(shown);
      // Connections that were made before live on; the line ends them.
      for (const line of lines) line.cut();
      await press();
      const reasons = () =>
        gateway
          .log()
          .slice(said)
          .split('\n')
          .filter((line) => line.includes('takes nothing') && reason.test(line));
      await until(() => new Set(reasons().map((line) => JSON.parse(line).uplink)).size === 2, name);
      expect([over(pressesAt()), over(byMqtt())]).toEqual([acknowledged.length - 1, acknowledged.length - 1]);
      expect(judge({ acknowledged, committed: receiver.taken(), waiting: waitingIn(shop.config) })).toEqual(
        [],
      );
      receiver.show(good);
      door.show(good);
      await until(allArrived, `all, after ${name}`);
    }
    expect(judge({ acknowledged, committed: receiver.taken() })).toEqual([]);
    for (const octets of lines.flatMap((line) => line.beginnings())) {
      if (octets.length > 0) expect(octets[0]).toBe(HANDSHAKE);
      expect(octets.includes('Bearer') || octets.includes('aisle')).toBe(false);
    }
    expect(lines.every((line) => line.beginnings().length > bad.length)).toBe(true);
  });

  it('a device of others trusts no listener whose certificate is no good, and tells it nothing; mended, it does', {
    timeout: 120_000,
  }, async () => {
    const shop = await openShop(SHOP);
    onTestFinished(() => shop.close());
    const file = (name: string) => join(shop.folder, name);
    writeFileSync(file('ca.pem'), ca.cert);
    const yaml = readFileSync(shop.config, 'utf8');
    const tls = 'listen: "127.0.0.1:0", tls: {cert: cert.pem, key: key.pem}';
    writeFileSync(shop.config, yaml.replace('listen: "127.0.0.1:0"', tls));
    const { secret } = addDevice(readConfig(shop.config), 'b1', 0);
    const pub = (port: number, seq: number) => {
      const payload = JSON.stringify({ boot: 'b1', seq, button: 1, press: 'press' });
      const login = ['-i', 'b1', '-u', 'b1', '-P', secret, '--cafile', file('ca.pem')];
      const args = [
        '-h',
        '127.0.0.1',
        '-p',
        `${port}`,
        ...login,
        '-q',
        '1',
        '-t',
        'devices/b1/pressed',
        '-m',
        payload,
      ];
      return promisify(execFile)('mosquitto_pub', args).then(
        () => 'acknowledged',
        (error: { stderr: string }) => error.stderr,
      );
    };
    const presses = () => waitingIn(shop.config).filter(({ causationid }) => causationid !== undefined);
    shop.profiles.faults.away = true;
    for (const [name, shown] of bad) {
      writeFileSync(file('cert.pem'), shown.cert);
      writeFileSync(file('key.pem'), shown.key);
      const gateway = await startGateway({ config: readConfig(shop.config), log: pino({ level: 'silent' }) });
      const line = await tcpProxy(gateway.mqtt.port);
      expect(await pub(line.port, 1), name).toMatch(/[Cc]ertificate|TLS|host name/);
      // Nor does who speaks no TLS get in by another way.
      await expect(connected(gateway.mqtt.port, 'b1', { password: Buffer.from(secret) })).rejects.toThrow();
      await gateway.close();
      expect(line.beginnings().some((octets) => octets.includes(secret))).toBe(false);
      expect(presses()).toEqual([]);
    }
    writeFileSync(file('cert.pem'), good.cert);
    writeFileSync(file('key.pem'), good.key);
    const gateway = await startGateway({ config: readConfig(shop.config), log: pino({ level: 'silent' }) });
    onTestFinished(() => gateway.close());
    expect(await pub(gateway.mqtt.port, 1)).toBe('acknowledged');
    expect(presses().map(({ causationid }) => causationid)).toEqual(['b1/b1/1']);
  });
});
