import { describe, expect, it } from 'vitest';
import { connected, connectPacket, publish, type RawClient, rawClient } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';
import { testBroker } from './broker.ts';

const app = { username: 'app', password: Buffer.from('secret of app') };

describe('a connection', () => {
  // CONNACK codes of MQTT 3.1.1 §3.2.2.3; 6 is aedes' own for a keep alive that is too long.
  it.each([
    ['without credentials', { username: undefined, password: undefined }, 5, 'no credentials: 127.0.0.1'],
    ['without a password', { password: undefined }, 5, 'no credentials: dev-1'],
    ['with a wrong password', { password: Buffer.from('guess') }, 4, 'wrong credentials: dev-1'],
    ['with an empty password', { password: Buffer.alloc(0) }, 4, 'wrong credentials: dev-1'],
    ['of an unknown device', { username: 'nobody' }, 4, 'wrong credentials: nobody'],
    ['with a name that is no id', { username: 'a\nb' }, 4, 'wrong credentials: 127.0.0.1'],
    ['named like an inherited property', { username: '__proto__' }, 4, 'wrong credentials: __proto__'],
    ["under another device's client id", { clientId: 'dev-10' }, 2, 'foreign client id: dev-1'],
    ['under a longer client id', { clientId: 'dev-1-x' }, 2, 'foreign client id: dev-1'],
    ['without a client id', { clientId: '' }, 2, 'foreign client id: dev-1'],
    ['of an app under another name', { ...app, clientId: 'dev-1' }, 2, 'foreign client id: app'],
    ['that never says it is alive', { keepalive: 0 }, 6, 'keep alive: 127.0.0.1'],
    ['that says so once in an hour', { keepalive: 3600 }, 6, 'keep alive: 127.0.0.1'],
    ['of MQTT 5', { protocolVersion: 5 as const }, 1, 'protocol version: 127.0.0.1'],
  ])('%s is refused', async (_what, more, code, refusal) => {
    const { port, refused } = await testBroker();
    const client = await rawClient(port);
    client.send(connectPacket('dev-1', more as object));
    expect((await client.next('connack')).returnCode).toBe(code);
    await client.closed();
    expect(refused).toEqual([refusal]);
  });

  it('of many apps under one entry is accepted, each under a client id of its own', async () => {
    const { port } = await testBroker();
    const first = await connected(port, 'app', { ...app, clientId: 'app-1f' });
    const second = await connected(port, 'app', { ...app, clientId: 'app-2e' });
    second.send({ cmd: 'pingreq' });
    await second.next('pingresp');
    expect(first.isClosed()).toBe(false);
  });

  it('of an app does not push aside a device whose id looks like one of its clients', async () => {
    const { port } = await testBroker();
    const device = await connected(port, 'app-1');
    const intruder = await rawClient(port);
    intruder.send(connectPacket('app', { ...app, clientId: 'app-1' }));
    expect((await intruder.next('connack')).returnCode).toBe(2);
    expect(device.isClosed()).toBe(false);
  });

  it('of the same device takes the place of the older one', async () => {
    const { port } = await testBroker();
    const older = await connected(port, 'dev-1');
    await connected(port, 'dev-1');
    await older.closed();
  });

  it('is ended when the credential is taken back', async () => {
    const { broker, port } = await testBroker();
    const device = await connected(port, 'dev-1');
    const other = await connected(port, 'dev-10');
    broker.disconnect('dev-1');
    await device.closed();
    expect(other.isClosed()).toBe(false);
  });
});

describe('a message', () => {
  it.each([
    'devices/dev-10/pressed',
    'devices/dev/pressed',
    'devices/dev-1',
    'devices/dev-1/commands/setpoint',
    'devices/dev-1/../dev-10/pressed',
    'devices//pressed',
    'devices/dev-1/a/b/c/d/e',
    'devices/dev-1/a//b',
    'other/dev-1/pressed',
    '/devices/dev-1/pressed',
    'Devices/dev-1/pressed',
    '$SYS/broker/new/clients',
    '$share/g/devices/dev-1/pressed',
    'stores/s1/gateways/g1/consents',
    'context/weather',
    `devices/dev-1/${'x'.repeat(300)}`,
    `devices/dev-1/${'/'.repeat(150)}`,
    'devices/dev-1/pressed\0',
    '__proto__/dev-1/pressed',
  ])('to %j is not taken and ends the connection', async (topic) => {
    const { port, taken } = await testBroker();
    const device = await connected(port, 'dev-1');
    device.send(publish(topic, 'x', { messageId: 1 }));
    await device.closed();
    expect(taken).toEqual([]);
    expect(device.answers('puback')).toEqual([]);
  });

  it('to the topics of a bridge with levels of its own is taken', async () => {
    const { port, taken } = await testBroker();
    const device = await connected(port, 'dev-1');
    device.send(publish('devices/dev-1/replies/setpoint', '{}', { messageId: 1 }));
    await device.next('puback');
    expect(taken).toHaveLength(1);
  });

  it('is kept for later subscribers only as a device’s state', async () => {
    const { broker, port, taken } = await testBroker();
    const kept: string[] = [];
    const device = await connected(port, 'dev-1');
    device.send(
      publish('devices/dev-1/pressed', 'x', { messageId: 1, retain: true }),
      publish('devices/dev-1/state', 'online', { messageId: 2, retain: true }),
    );
    await until(() => taken.length === 2, 'both');
    broker.publish('devices/dev-1/commands/frames', 'accept', { retain: true });
    device.send(subscribe('devices/dev-1/commands/+'));
    const { topic } = await device.next('publish');
    kept.push(topic);
    expect(kept).toEqual(['devices/dev-1/commands/frames']);
  });
});

const subscribe = (...filters: string[]) => ({
  cmd: 'subscribe' as const,
  messageId: 1,
  subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
});

async function granted(device: RawClient, ...filters: string[]) {
  device.send(subscribe(...filters));
  return (await device.next('suback')).granted;
}

describe('a subscription', () => {
  it.each([
    '#',
    '+/#',
    '+/dev-1/commands/+',
    'devices/#',
    'devices/+/commands/setpoint',
    'devices/dev-10/commands/+',
    'devices/dev-1/#',
    'devices/dev-1/+',
    'devices/dev-1/+/setpoint',
    'devices/dev-1/pressed',
    'devices/dev-1/state',
    'devices/dev-1/commands',
    'devices/dev-1/commands/a/b',
    'devices/dev-1/../dev-10/commands/+',
    '$SYS/#',
    '$SYS/+/new/clients',
    '$share/g/devices/dev-1/commands/+',
    '$share/g/#',
    'devices/dev-1/commands\0/+',
    `devices/dev-1/commands/${'x'.repeat(300)}`,
  ])('to %j is refused', async (filter) => {
    const { port, refused } = await testBroker();
    const device = await connected(port, 'dev-1');
    expect(await granted(device, filter)).toEqual([0x80]);
    expect(refused).toEqual(['foreign filter: dev-1']);
  });

  it.each(['devices/dev-1/commands/setpoint', 'devices/dev-1/commands/+', 'devices/dev-1/commands/#'])(
    'to %s is granted, and the gateway hears of it',
    async (filter) => {
      const { port, subscribed } = await testBroker();
      expect(await granted(await connected(port, 'dev-1'), filter)).toEqual([1]);
      expect(subscribed).toEqual(['dev-1']);
    },
  );

  it('brings the commands to the device and to nobody else', async () => {
    const { broker, port } = await testBroker();
    const device = await connected(port, 'dev-1');
    const other = await connected(port, 'dev-10');
    await granted(device, 'devices/dev-1/commands/+');
    await granted(other, 'devices/dev-10/commands/+');
    broker.publish('devices/dev-1/commands/setpoint', '{"setpointC":19}');
    broker.publish('devices/dev-10/commands/setpoint', '{"setpointC":20}');
    expect(String((await device.next('publish')).payload)).toBe('{"setpointC":19}');
    expect(String((await other.next('publish')).payload)).toBe('{"setpointC":20}');
    expect([device, other].map(({ heard }) => heard.filter(({ cmd }) => cmd === 'publish').length)).toEqual([
      1, 1,
    ]);
  });

  it('that was refused beside a granted one brings nothing later either', async () => {
    const { broker, port } = await testBroker();
    const session = { clean: false };
    const device = await connected(port, 'dev-1', session);
    expect(await granted(device, 'devices/dev-1/commands/+', '#', 'devices/dev-10/commands/+')).toEqual([
      1, 0x80, 0x80,
    ]);
    device.socket.destroy();
    await device.closed();
    const other = await connected(port, 'dev-10');
    other.send(publish('devices/dev-10/pressed', 'private', { messageId: 1 }));
    await other.next('puback');
    broker.publish('devices/dev-10/commands/setpoint', 'for dev-10');
    broker.publish('devices/dev-1/commands/setpoint', 'for dev-1');
    const again = await connected(port, 'dev-1', session);
    expect(String((await again.next('publish')).payload)).toBe('for dev-1');
    again.send({ cmd: 'pingreq' });
    await again.next('pingresp');
    expect(again.heard.filter(({ cmd }) => cmd === 'publish')).toHaveLength(1);
  });

  it('is granted 20 times for one client, not more', async () => {
    const { port } = await testBroker();
    const device = await connected(port, 'dev-1');
    const filters = Array.from({ length: 25 }, (_, i) => `devices/dev-1/commands/c${i}`);
    const codes = await granted(device, ...filters);
    expect(codes.filter((code) => code === 1)).toHaveLength(20);
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: filters.slice(0, 5) });
    await device.next('unsuback');
    expect(await granted(device, 'devices/dev-1/commands/another')).toEqual([1]);
  });
});
