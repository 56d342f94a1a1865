import { expect, it } from 'vitest';
import { connected, publish } from '../../support/raw-mqtt.ts';
import { until } from '../../support/until.ts';
import { testBroker } from './broker.ts';

const will = (topic: string) => ({ topic, payload: Buffer.from('offline'), qos: 1 as const, retain: true });

it('takes the will of a client that was killed', async () => {
  const { port, taken } = await testBroker();
  const device = await connected(port, 'dev-1', { will: will('devices/dev-1/state') });
  device.socket.resetAndDestroy();
  await until(() => taken.length === 1, 'the will');
  expect(taken[0]).toMatchObject({ topic: 'devices/dev-1/state', device: 'dev-1', text: 'offline' });
});

it('takes the will of a client that was ended for what it sent', async () => {
  const { port, taken, refused } = await testBroker();
  const device = await connected(port, 'dev-1', { will: will('devices/dev-1/state') });
  device.send(publish('devices/dev-10/pressed', 'not mine'));
  await until(() => taken.length === 1, 'the will');
  expect(taken[0]?.text).toBe('offline');
  expect(refused).toEqual(['foreign topic: dev-1']);
});

it('takes no will of a client that took its leave', async () => {
  const { port, taken } = await testBroker();
  const device = await connected(port, 'dev-1', { will: will('devices/dev-1/state') });
  device.send({ cmd: 'disconnect' });
  await device.closed();
  const other = await connected(port, 'dev-10', { will: will('devices/dev-10/state') });
  other.socket.destroy();
  await until(() => taken.length === 1, 'the will of the other');
  expect(taken[0]?.device).toBe('dev-10');
});

it.each(['devices/dev-10/state', '$SYS/x/new/clients', 'devices/dev-1/commands/setpoint'])(
  'turns a will to %s away',
  async (topic) => {
    const { port, taken, refused } = await testBroker();
    const device = await connected(port, 'dev-1', { will: will(topic) });
    device.socket.destroy();
    await until(() => refused.length > 0, 'the refusal');
    expect(refused).toEqual(['foreign topic: dev-1']);
    expect(taken).toEqual([]);
  },
);

it('takes no wills when the gateway itself ends: the devices have not gone', async () => {
  const { broker, port, taken } = await testBroker();
  const device = await connected(port, 'dev-1', { will: will('devices/dev-1/state') });
  await broker.close();
  await device.closed();
  expect(taken).toEqual([]);
});
