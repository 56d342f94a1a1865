import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDevice } from '../../../gateway/cli/devices.ts';
import { readConfig } from '../../../gateway/config.ts';
import { seededRandom } from '../../../gateway/seeded-random.ts';
import { connected, connectPacket, octets, publish } from '../../support/raw-mqtt.ts';
import { openShop, type RunningGateway, type Shop } from '../../support/shop.ts';
import { until } from '../../support/until.ts';

/** A gateway process, and connections that mean it no good. */

const YAML = `
store: {id: s1, gateway: g1, timezone: Europe/Paris}
mode: off
map: {}
devices: [{id: b1, kind: smart-button}, {id: b2, kind: smart-button}]
`;
const MB = 1024 * 1024;

let shop: Shop;
let gateway: RunningGateway;
let secret: Buffer;
let evilSecret: Buffer;

beforeAll(async () => {
  shop = await openShop(YAML);
  const config = readConfig(shop.config);
  secret = Buffer.from(addDevice(config, 'b1', 0).secret);
  evilSecret = Buffer.from(addDevice(config, 'b2', 0).secret);
  gateway = await shop.start();
});
afterAll(() => shop.close());

/** Resident memory of the gateway, octets. */
function resident(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(status.match(/VmRSS:\s+(\d+) kB/)?.[1]) * 1024;
}

let seq = 0;
/** A good device is served, by the process that was started. */
async function isUp(): Promise<void> {
  seq += 1;
  const device = await connected(gateway.mqtt, 'b1', { password: secret });
  device.send(publish('devices/b1/pressed', { button: 1, press: 'press', boot: 'b', seq }));
  await device.next('puback');
  device.socket.destroy();
}

async function open(): Promise<Socket> {
  const socket = connect(gateway.mqtt, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

it('holds nothing of packets that announce 250 MB, however much of them is sent', async () => {
  await isUp();
  const before = resident();
  const chunk = Buffer.alloc(MB, 'x');
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = await open();
      socket.write(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x7d]));
      for (let sent = 0; sent < 10 && !socket.destroyed; sent += 1) {
        // `once` rejects where the gateway resets the connection, which is what it should do.
        if (!socket.write(chunk))
          await Promise.race(['drain', 'close'].map((event) => once(socket, event).catch(() => {})));
      }
      socket.destroy();
    }),
  );
  await isUp();
  expect(resident() - before).toBeLessThan(40 * MB);
});

it('keeps nothing of messages that ask to be kept', async () => {
  const before = resident();
  const device = await connected(gateway.mqtt, 'b2', { password: evilSecret });
  const payload = Buffer.alloc(60_000, 'x');
  for (let n = 1; n <= 1_500; n += 1) {
    device.send(publish(`devices/b2/kept-${n}`, payload, { messageId: n, retain: true }));
  }
  await until(() => device.answers('puback').length === 1_500, 'all of them');
  await isUp();
  expect(resident() - before).toBeLessThan(60 * MB);
});

it('serves others while hundreds of connections say half a word and no more', async () => {
  const half = octets(connectPacket('b2', { password: evilSecret })).subarray(0, 12);
  const silent = await Promise.all(Array.from({ length: 300 }, open));
  for (const [i, socket] of silent.entries()) if (i % 2 === 0) socket.write(half);
  await isUp();
  for (const socket of silent) socket.destroy();
});

it('survives packets that are nearly right, from somebody who may connect', { timeout: 60_000 }, async () => {
  const random = seededRandom(20_260_301);
  const packets = [
    octets(publish('devices/b2/pressed', '{"button":1,"press":"press"}', { qos: 2, messageId: 3 })),
    octets(publish('devices/b2/state', 'online', { retain: true })),
    octets({ cmd: 'pubrel', messageId: 3 }),
    octets({ cmd: 'puback', messageId: 3 }),
    octets({ cmd: 'subscribe', messageId: 4, subscriptions: [{ topic: 'devices/b2/commands/+', qos: 2 }] }),
    octets({ cmd: 'unsubscribe', messageId: 5, unsubscriptions: ['devices/b2/commands/+'] }),
    octets({ cmd: 'pingreq' }),
    octets(connectPacket('b2', { password: evilSecret })),
  ];
  const byte = () => random(1)[0] as number;
  /** Some of the packets one after another, with some octets changed, doubled or left out. */
  function nearly(): Buffer {
    const chosen = Buffer.concat(
      Array.from({ length: 1 + (byte() % 5) }, () => packets[byte() % 8] as Buffer),
    );
    const out = [...chosen];
    for (let n = byte() % 6; n > 0; n -= 1) {
      const at = (byte() * 256 + byte()) % out.length;
      if (byte() % 3 === 0) out.splice(at, 1);
      else if (byte() % 2 === 0) out.splice(at, 0, byte());
      else out[at] = byte();
    }
    return Buffer.from(out);
  }
  for (let round = 0; round < 40; round += 1) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = await open();
        const login = octets(connectPacket('b2', { password: evilSecret, clean: byte() % 2 === 0 }));
        if (byte() % 4 > 0) socket.write(login);
        socket.end(nearly());
        socket.resume();
        setTimeout(() => socket.destroy(), 200);
        await once(socket, 'close');
      }),
    );
    if (round % 10 === 9) await isUp();
  }
  expect(gateway.log()).not.toMatch(/aisle: /);
  expect(await gateway.kill('SIGTERM')).toBe(0);
});
