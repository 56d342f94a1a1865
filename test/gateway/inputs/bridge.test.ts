import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { connected, publish } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';
import { testBroker } from './broker.ts';

/** Another maker's gateway at the shop's broker: `dev-1` speaks under topics of its own. */
const TOPICS = {
  filters: ['home/omg/BTtoMQTT/#'],
  asides: ['home/omg/#'],
  commands: ['home/omg/commands/#'],
};
const SCAN = 'home/omg/BTtoMQTT/AABBCCDDEEFF';

function bridgeBroker() {
  return testBroker('at once', { bridge: (device) => (device === 'dev-1' ? TOPICS : undefined) });
}

const subscribe = (...filters: string[]) => ({
  cmd: 'subscribe' as const,
  messageId: 9,
  subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
});

describe('a bridge', () => {
  it.each(['0', '1', '2'])('delivers under its own topics by QoS %s', async (qos) => {
    const { port, taken } = await bridgeBroker();
    const login = [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-i',
      'dev-1',
      '-u',
      'dev-1',
      '-P',
      'secret of dev-1',
    ];
    await promisify(execFile)('mosquitto_pub', [...login, '-t', SCAN, '-m', '{"rssi":-60}', '-q', qos], {
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    await until(() => taken.length === 1, 'the message');
    expect(taken[0]).toMatchObject({ topic: SCAN, device: 'dev-1', text: '{"rssi":-60}' });
  });

  it('may say of itself what it likes: it is acknowledged and let go', async () => {
    const { port, taken, refused } = await bridgeBroker();
    const will = { topic: 'home/omg/LWT', payload: Buffer.from('offline'), qos: 1 as const, retain: true };
    const bridge = await connected(port, 'dev-1', { will });
    bridge.send(
      publish('home/omg/LWT', 'online', { messageId: 1, retain: true }),
      publish('home/omg/SYStoMQTT', '{"uptime":1}', { messageId: 2 }),
    );
    await until(() => bridge.answers('puback').length === 2, 'both answers');
    bridge.socket.destroy();
    const next = await connected(port, 'dev-1');
    next.send(publish(SCAN, '{}', { messageId: 3 }));
    await next.next('puback');
    expect(taken.map(({ topic }) => topic)).toEqual([SCAN]);
    expect(refused).toEqual([]);
  });

  it.each([
    'home/other/BTtoMQTT/AABBCCDDEEFF',
    'home/omg/commands/MQTTtoBT/config',
    'homeassistant/sensor/AABBCCDDEEFF/config',
    'devices/dev-1/advertisements',
    'devices/dev-10/pressed',
    'stores/s1/gateways/g1/consents',
  ])('is not heard at %s, and stays connected', async (topic) => {
    const { port, taken, refused } = await bridgeBroker();
    const bridge = await connected(port, 'dev-1');
    bridge.send(publish(topic, 'x', { messageId: 1 }), publish(SCAN, '{}', { messageId: 2 }));
    await until(() => bridge.answers('puback').length === 2, 'both answers');
    expect(taken.map((message) => message.topic)).toEqual([SCAN]);
    expect(refused).toEqual(['foreign topic: dev-1']);
  });

  it('does not lend its topics to another device', async () => {
    const { port, taken } = await bridgeBroker();
    const device = await connected(port, 'dev-10');
    device.send(publish(SCAN, '{}', { messageId: 1 }));
    await device.closed();
    expect(taken).toEqual([]);
  });

  it.each([SCAN, 'home/omg/BTtoMQTT/#', 'home/#', '#', '+/+/BTtoMQTT/+', '$share/g/home/omg/BTtoMQTT/#'])(
    'R26: nobody reads what it hears: %s',
    async (filter) => {
      const { port, taken } = await bridgeBroker();
      const [bridge, other] = [await connected(port, 'dev-1'), await connected(port, 'dev-10')];
      for (const client of [bridge, other]) {
        client.send(subscribe(filter));
        expect((await client.next('suback')).granted).toEqual([128]);
      }
      bridge.send(publish(SCAN, '{"id":"aa:bb:cc:dd:ee:ff"}', { messageId: 1, retain: true }));
      await bridge.next('puback');
      expect(taken).toHaveLength(1);
      const late = await connected(port, 'shelf-1');
      late.send(subscribe(filter), { cmd: 'pingreq' });
      await late.next('pingresp');
      for (const client of [bridge, other, late]) {
        expect(client.heard.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
      }
    },
  );

  it('R26: keeps nothing for a client that asked while it was there and is away', async () => {
    const { port } = await bridgeBroker();
    const session = { clean: false };
    const other = await connected(port, 'dev-10', session);
    other.send(subscribe('home/omg/BTtoMQTT/#', 'devices/dev-10/commands/+'));
    expect((await other.next('suback')).granted).toEqual([128, 1]);
    other.socket.destroy();
    const bridge = await connected(port, 'dev-1');
    bridge.send(publish(SCAN, '{"id":"aa:bb:cc:dd:ee:ff"}', { messageId: 1 }));
    await bridge.next('puback');
    const back = await connected(port, 'dev-10', session);
    back.send({ cmd: 'pingreq' });
    await back.next('pingresp');
    expect(back.heard.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
  });

  it('listens for its own orders, where nobody may give any', async () => {
    const { port, refused } = await bridgeBroker();
    const bridge = await connected(port, 'dev-1');
    bridge.send(subscribe('home/omg/commands/#'));
    expect((await bridge.next('suback')).granted).toEqual([1]);
    const other = await connected(port, 'dev-10');
    other.send(publish('home/omg/commands/MQTTtoBT/config', '{}', { messageId: 1 }));
    await other.closed();
    bridge.send({ cmd: 'pingreq' });
    await bridge.next('pingresp');
    expect(bridge.heard.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
    expect(refused).toEqual(['foreign topic: dev-10']);
  });
});
