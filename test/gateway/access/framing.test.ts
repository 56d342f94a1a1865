import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { guardFraming } from '../../../gateway/access/framing.ts';
import { connectPacket, octets, publish } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';

interface Guarded {
  client: Socket;
  guarded: Duplex;
  /** What came through. */
  passed(): Buffer;
  /** Why the guard ended the connection. */
  why(): string | undefined;
}

/** A real connection with the guard at its server end. */
async function guard(deadline?: number): Promise<Guarded> {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const chunks: Buffer[] = [];
  let why: string | undefined;
  const guarded = guardFraming(socket, deadline);
  guarded.on('error', (error) => {
    why = error.message;
  });
  guarded.on('readable', () => {
    for (let chunk = guarded.read(); chunk !== null; chunk = guarded.read()) chunks.push(chunk);
  });
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  return { client, guarded, passed: () => Buffer.concat(chunks), why: () => why };
}

const CONNECT = octets(connectPacket('dev-1'));
const PRESS = octets(publish('devices/dev-1/pressed', '{}'));

/** A fixed header with this remaining length, MQTT 3.1.1 §2.2.3. */
function header(type: number, length: number): Buffer {
  const out = [type];
  for (let left = length; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...out, left]);
    out.push((left % 128) | 0x80);
  }
}

it.each([1, 2, 3, 7, 1000])('lets packets through as they are, in pieces of %i octets', async (piece) => {
  const { client, passed } = await guard();
  const bytes = Buffer.concat([CONNECT, PRESS, octets({ cmd: 'pingreq' }), PRESS]);
  for (let i = 0; i < bytes.length; i += piece) {
    client.write(bytes.subarray(i, i + piece));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => passed().length === bytes.length, 'all octets');
  expect(passed().equals(bytes)).toBe(true);
});

it.each([
  ['a CONNECT of 250 MB', header(0x10, 250 * 1024 * 1024), /262144000 octets, over the limit of 4096/],
  ['a CONNECT of 4 KiB and one', header(0x10, 4097), /4097 octets/],
  ['a length that never ends', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]), /remaining length/],
  ['PUBLISH before CONNECT', PRESS, /not CONNECT/],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /not CONNECT/],
])('ends %s at its header', async (_what, bytes, reason) => {
  const { client, passed, why } = await guard();
  client.write(bytes);
  await once(client, 'close');
  expect(why()).toMatch(reason);
  expect(passed()).toHaveLength(0);
});

it('ends a connection whose packet announces more than a message may have', async () => {
  const { client, passed, why } = await guard();
  client.write(CONNECT);
  await until(() => passed().equals(CONNECT), 'CONNECT');
  client.write(header(0x32, 70_000));
  await once(client, 'close');
  expect(why()).toMatch(/70000 octets, over the limit of 69632/);
  expect(passed().equals(CONNECT)).toBe(true);
});

it('takes as long as it likes between packets', async () => {
  const { client, passed } = await guard(40);
  client.write(CONNECT);
  await new Promise((resolve) => setTimeout(resolve, 120));
  client.write(PRESS);
  await until(() => passed().length === CONNECT.length + PRESS.length, 'both');
});

it('ends a packet that dribbles in, however often an octet comes', async () => {
  const { client, why } = await guard(100);
  client.write(CONNECT);
  const dribble = setInterval(() => client.write(Buffer.from([0x30])), 10);
  onTestFinished(() => clearInterval(dribble));
  client.write(header(0x30, 60_000));
  await once(client, 'close');
  expect(why()).toMatch(/not completed in time/);
});

it('does not count the time in which nobody reads', async () => {
  const { client, guarded, passed, why } = await guard(50);
  guarded.removeAllListeners('readable');
  const message = octets(publish('devices/dev-1/x', Buffer.alloc(65_000, 'x')));
  const all = Buffer.concat([CONNECT, message, message, message]);
  client.write(all.subarray(0, -10));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(why()).toBeUndefined();
  const chunks: Buffer[] = [];
  guarded.on('data', (chunk: Buffer) => chunks.push(chunk));
  client.write(all.subarray(-10));
  await until(() => Buffer.concat(chunks).length + passed().length === all.length, 'all octets');
});

it('never throws and never lets more than one limit through, whatever comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), async (bytes) => {
      const { client, passed, why } = await guard();
      client.end(Buffer.from(bytes));
      await once(client, 'close');
      expect(why() !== undefined || passed().equals(Buffer.from(bytes))).toBe(true);
    }),
    { numRuns: 60 },
  );
});
