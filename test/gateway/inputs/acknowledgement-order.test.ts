import { expect, it } from 'vitest';
import { connected, connectPacket, publish, rawClient } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';
import { testBroker } from './broker.ts';

const topic = 'devices/dev-1/pressed';

/** By now a broker that wrote an answer would have been heard: another connection was. */
async function laterThanAnAnswer(port: number): Promise<void> {
  const other = await connected(port, 'shelf-1');
  other.send({ cmd: 'pingreq' });
  await other.next('pingresp');
}

it('answers in the order of arrival although commits settle in another', async () => {
  const { port, taken } = await testBroker('by the test');
  const device = await connected(port, 'dev-1');
  device.send(...[1, 2, 3, 4, 5].map((messageId) => publish(topic, `${messageId}`, { messageId })));
  await until(() => taken.length === 5, 'five messages');
  for (const i of [4, 2, 1, 3]) taken[i]?.settle();
  await laterThanAnAnswer(port);
  expect(device.answers('puback')).toEqual([]);
  taken[0]?.settle();
  await until(() => device.answers('puback').length === 5, 'five answers');
  expect(device.answers('puback')).toEqual([1, 2, 3, 4, 5]);
});

it('answers QoS 2 in the order of arrival too', async () => {
  const { port, taken } = await testBroker('by the test');
  const device = await connected(port, 'dev-1');
  device.send(...[1, 2, 3].map((messageId) => publish(topic, `${messageId}`, { messageId, qos: 2 })));
  await until(() => taken.length === 3, 'three messages');
  for (const i of [2, 0, 1]) taken[i]?.settle();
  await until(() => device.answers('pubrec').length === 3, 'three answers');
  expect(device.answers('pubrec')).toEqual([1, 2, 3]);
});

const FOREIGN = publish('devices/dev-10/pressed', 'not mine', { messageId: 3 });
const TOO_LARGE = publish(topic, Buffer.alloc(64 * 1024 + 1, 'x'), { messageId: 3 });

it.each([
  ['to a foreign topic', FOREIGN],
  ['over 64 KiB', TOO_LARGE],
  ['to nothing that is ours', publish('$SYS/x/new/clients', 'dev-10', { messageId: 3 })],
])('acknowledges what came before a message %s, and takes nothing after it', async (_what, refused) => {
  const { port, taken } = await testBroker('by the test');
  const device = await connected(port, 'dev-1');
  device.send(
    publish(topic, 'one', { messageId: 1 }),
    publish(topic, 'two', { messageId: 2 }),
    refused,
    publish(topic, 'four', { messageId: 4 }),
    publish(topic, 'five', { messageId: 5 }),
  );
  await until(() => taken.length >= 2, 'the two before');
  expect(device.isClosed()).toBe(false);
  taken[1]?.settle();
  taken[0]?.settle();
  await device.closed();
  expect(device.answers('puback')).toEqual([1, 2]);
  expect(taken.map(({ text }) => text)).toEqual(['one', 'two']);
});

it('acknowledges nothing after a message that the gateway refused late', async () => {
  const { port, taken } = await testBroker('by the test');
  const device = await connected(port, 'dev-1');
  device.send(...[1, 2, 3].map((messageId) => publish(topic, `${messageId}`, { messageId })));
  await until(() => taken.length === 3, 'three messages');
  taken[2]?.settle();
  taken[1]?.settle(new Error('too much waits'));
  device.send(publish(topic, 'later', { messageId: 4 }));
  taken[0]?.settle();
  await device.closed();
  expect(device.answers('puback')).toEqual([1]);
  expect(taken.map(({ text }) => text)).not.toContain('later');
});

it('lets the other connections go on when one is refused', async () => {
  const { port, taken } = await testBroker();
  const good = await connected(port, 'dev-10');
  const bad = await connected(port, 'dev-1');
  bad.send(FOREIGN);
  await bad.closed();
  good.send(publish('devices/dev-10/pressed', 'mine', { messageId: 9 }));
  expect((await good.next('puback')).messageId).toBe(9);
  expect(taken).toHaveLength(1);
});

it.each([
  ['of 60,000 octets', 60_000, 40],
  ['of a few octets', 40, 6_000],
])(
  'P11: of messages %s no more is read than may wait; the rest is when those are answered',
  async (_what, octets, count) => {
    const { port, taken, refused } = await testBroker('by the test');
    const device = await connected(port, 'dev-1');
    const ids = Array.from({ length: count }, (_, i) => i + 1);
    device.send(...ids.map((messageId) => publish(topic, Buffer.alloc(octets, 'x'), { messageId })));
    await until(() => taken.length > 0, 'the first');
    for (let n = 0; n < 3; n += 1) await laterThanAnAnswer(port);
    // Beyond a crowd only what the socket had brought already.
    expect(taken.length * octets).toBeLessThan(1024 * 1024);
    expect(taken.length).toBeLessThan(Math.min(count, 4_096));
    let settled = 0;
    const settleAll = () => {
      for (const each of taken.slice(settled)) each.settle();
      settled = taken.length;
      return settled === count;
    };
    await until(settleAll, 'all of them');
    await until(() => device.answers('puback').length === count, 'the answers');
    expect(device.answers('puback')).toEqual(ids);
    expect(refused).toEqual([]);
  },
);

it('has no more to say to a connection that went before its messages were on disk', async () => {
  const { port, taken, refused } = await testBroker('by the test');
  const device = await connected(port, 'dev-1');
  device.send(...[1, 2].map((messageId) => publish(topic, `${messageId}`, { messageId })));
  await until(() => taken.length === 2, 'both messages');
  device.socket.destroy();
  await laterThanAnAnswer(port);
  for (const each of taken) each.settle();
  await laterThanAnAnswer(port);
  expect(refused).toEqual([]);
});

it('takes what was sent with CONNECT in one write', async () => {
  const { port, taken } = await testBroker();
  const device = await rawClient(port);
  device.send(connectPacket('dev-1'), publish(topic, Buffer.alloc(20_000, 'x'), { messageId: 7 }));
  expect((await device.next('connack')).returnCode).toBe(0);
  expect((await device.next('puback')).messageId).toBe(7);
  expect(taken).toHaveLength(1);
});
