import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { NoRoom } from '../../../gateway/intake.ts';
import { connected, octets, publish, type RawClient } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';
import { testBroker } from './broker.ts';

/** Writes so long as the connection takes it, without an end; the function that comes back ends it. */
function flood({ socket }: RawClient, packet: Buffer): () => number {
  const chunk = Buffer.concat(Array.from({ length: Math.ceil(65_536 / packet.length) }, () => packet));
  let written = 0;
  let isOver = false;
  const write = () => {
    while (!isOver && socket.write(chunk)) written += chunk.length;
  };
  socket.on('drain', write);
  write();
  return () => {
    isOver = true;
    return written;
  };
}

/** Publish to PUBACK of a device that says something every 20 ms, ms. */
async function delays(device: RawClient, topic: string, count: number): Promise<number[]> {
  const delays: number[] = [];
  for (let messageId = 1; messageId <= count; messageId += 1) {
    const from = performance.now();
    device.send(publish(topic, { n: messageId }, { messageId }));
    await device.next('puback');
    delays.push(performance.now() - from);
    await wait(20);
  }
  return delays;
}

it.each([
  ['of 64 KB', 64_000],
  ['of a few octets', 20],
])('P11, F18: a flood by one device %s does not hold up another, and is not refused', async (_what, size) => {
  const slowed: string[] = [];
  const { port, taken, refused } = await testBroker('at once', { slowed: (device) => slowed.push(device) });
  const flooder = await connected(port, 'dev-1');
  const other = await connected(port, 'dev-10');
  const packet = octets(publish('devices/dev-1/pressed', 'x'.repeat(size), { qos: 0 }));
  const stop = flood(flooder, packet);
  await until(() => slowed.length > 0, 'the flood to be slowed down');
  const from = { at: performance.now(), taken: taken.length };
  const measured = (await delays(other, 'devices/dev-10/pressed', 50)).sort((a, b) => a - b);
  const rate = ((taken.length - from.taken - 50) * 1_000) / (performance.now() - from.at);
  stop();
  // A turn of the flood's at most: generous, since flood and measure are one process here.
  expect(measured.at(-1)).toBeLessThan(1_500);
  expect(measured[25]).toBeLessThan(250);
  // What one chunk of a socket brings is taken at once: a little over the share.
  expect(rate).toBeLessThan(5_000);
  expect(slowed.every((device) => device === 'dev-1')).toBe(true);
  expect(flooder.isClosed()).toBe(false);
  expect(refused).toEqual([]);
});

it('P11: who connects anew brings no new share', async () => {
  const slowed: string[] = [];
  const { port, taken } = await testBroker('at once', { slowed: (device) => slowed.push(device) });
  const packet = publish('devices/dev-1/pressed', 'x', { qos: 0 });
  const first = await connected(port, 'dev-1');
  first.send(...Array.from({ length: 2_100 }, () => packet));
  await until(() => taken.length === 2_100, 'all of them');
  first.socket.destroy();
  const second = await connected(port, 'dev-1');
  const before = slowed.length;
  second.send(...Array.from({ length: 1_000 }, () => packet));
  await until(() => slowed.length > before, 'the second to be slowed down');
});

it('P11, F19: a subscriber that reads nothing holds others up for less than five seconds, and is ended', async () => {
  const { broker, port, refused } = await testBroker();
  const frozen = await connected(port, 'dev-1');
  frozen.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: 'devices/dev-1/commands/#', qos: 0 }],
  });
  await frozen.next('suback');
  frozen.socket.pause();
  const other = await connected(port, 'dev-10');
  const command = 'x'.repeat(60_000);
  for (let n = 0; n < 400; n += 1) broker.publish('devices/dev-1/commands/setpoint', command);
  const measured = await delays(other, 'devices/dev-10/pressed', 30);
  expect(Math.max(...measured)).toBeLessThan(5_000);
  await until(() => refused.some((line) => line === 'broken connection: dev-1'), 'the end of the frozen one');
});

it('P4, P5: what there is no room for ends its connection, after the answers before it', async () => {
  const { port, taken, refused } = await testBroker('by the test');
  const device = await connected(port, 'dev-1');
  for (const messageId of [1, 2, 3]) device.send(publish('devices/dev-1/pressed', 'x', { messageId }));
  await until(() => taken.length === 3, 'the three');
  taken[1]?.settle(new NoRoom('full'));
  taken[2]?.settle();
  taken[0]?.settle();
  await device.closed();
  expect(device.answers('puback')).toEqual([1]);
  // Told by who refuses, once for all devices.
  expect(refused).toEqual([]);
});
