import { expect, it } from 'vitest';
import { connected, connectPacket, publish, type RawClient, rawClient } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';
import { testBroker } from './broker.ts';

const topic = 'devices/dev-1/pressed';
const once = (text: string, messageId: number, dup = false) =>
  publish(topic, text, { messageId, qos: 2, dup });

/** A connection whose session the broker keeps. */
const kept = (port: number): Promise<RawClient> => connected(port, 'dev-1', { clean: false });

async function released(device: RawClient, messageId: number): Promise<void> {
  device.send({ cmd: 'pubrel', messageId });
  await until(() => device.answers('pubcomp').includes(messageId), 'PUBCOMP');
}

it('takes a QoS 2 message once that is sent again before it is on disk', async () => {
  const { port, taken } = await testBroker('by the test');
  const device = await connected(port, 'dev-1');
  device.send(once('a', 1), once('a', 1, true), publish(topic, 'b', { messageId: 2 }));
  await until(() => taken.some(({ text }) => text === 'b'), 'the message after it');
  expect(taken.map(({ text }) => text)).toEqual(['a', 'b']);
  for (const each of taken) each.settle();
  await device.next('pubrec');
  await device.next('pubrec');
});

it('takes a QoS 2 message once that is sent again after PUBREC', async () => {
  const { port, taken } = await testBroker();
  const device = await connected(port, 'dev-1');
  device.send(once('a', 1));
  await device.next('pubrec');
  device.send(once('a', 1, true));
  await device.next('pubrec');
  expect(taken).toHaveLength(1);
});

it('takes a QoS 2 message once over a reconnect, where the session is kept', async () => {
  const { port, taken } = await testBroker('by the test');
  const first = await kept(port);
  first.send(once('a', 1));
  await until(() => taken.length === 1, 'the message');
  first.socket.destroy();
  await first.closed();
  const second = await kept(port);
  second.send(once('a', 1, true));
  taken[0]?.settle();
  expect((await second.next('pubrec')).messageId).toBe(1);
  expect(taken).toHaveLength(1);
});

it('does not count the DUP flag: the same id and content is the same message', async () => {
  // MQTT.js sends again without the flag (notes on reliability, fact 23).
  const { port, taken } = await testBroker();
  const first = await kept(port);
  first.send(once('a', 1));
  await first.next('pubrec');
  first.socket.destroy();
  await first.closed();
  const second = await kept(port);
  second.send(once('a', 1, false));
  await second.next('pubrec');
  expect(taken).toHaveLength(1);
});

it('takes the next message under an id that was released', async () => {
  const { port, taken } = await testBroker();
  const device = await connected(port, 'dev-1');
  device.send(once('a', 1));
  await device.next('pubrec');
  await released(device, 1);
  device.send(once('a', 1));
  await device.next('pubrec');
  expect(taken).toHaveLength(2);
});

it('takes what a device says that lost its memory and begins again at the same ids', async () => {
  const { port, taken } = await testBroker();
  const before = await kept(port);
  before.send(once('before', 1));
  await before.next('pubrec');
  before.socket.destroy();
  await before.closed();
  const after = await kept(port);
  after.send(once('after', 1));
  await after.next('pubrec');
  await released(after, 1);
  expect(taken.map(({ text }) => text)).toEqual(['before', 'after']);
});

it('takes what comes in a new session under an id of the old one', async () => {
  const { port, taken } = await testBroker();
  const old = await kept(port);
  old.send(once('same words', 1));
  await old.next('pubrec');
  old.socket.destroy();
  await old.closed();
  const fresh = await connected(port, 'dev-1', { clean: true });
  fresh.send(once('same words', 1));
  await fresh.next('pubrec');
  expect(taken).toHaveLength(2);
});

it('takes a QoS 2 message that comes again after an earlier one of its connection was refused', async () => {
  const { port, taken } = await testBroker();
  const first = await kept(port);
  first.send(publish('devices/dev-10/pressed', 'foreign', { messageId: 1 }), once('a', 2));
  await first.closed();
  expect(taken).toEqual([]);
  const second = await kept(port);
  second.send(once('a', 2, true));
  expect((await second.next('pubrec')).messageId).toBe(2);
  expect(taken).toHaveLength(1);
});

it('keeps no session for an entry that stands for clients without number', async () => {
  const { port } = await testBroker();
  const login = { clientId: 'app-77', username: 'app', password: Buffer.from('secret of app'), clean: false };
  const first = await connected(port, 'app', login);
  first.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: 'devices/app/commands/+', qos: 1 }],
  });
  await first.next('suback');
  first.socket.destroy();
  await first.closed();
  const second = await rawClient(port);
  second.send(connectPacket('app', login));
  expect(await second.next('connack')).toMatchObject({ returnCode: 0, sessionPresent: false });
});

it('takes QoS 0 without an answer', async () => {
  const { port, taken } = await testBroker();
  const device = await connected(port, 'dev-1');
  device.send(publish(topic, 'a', { qos: 0 }), publish(topic, 'b', { messageId: 5 }));
  expect((await device.next('puback')).messageId).toBe(5);
  expect(taken.map(({ text }) => text)).toEqual(['a', 'b']);
  expect(device.heard).toHaveLength(2);
});
