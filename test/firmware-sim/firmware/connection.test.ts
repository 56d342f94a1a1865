import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openConnection } from '../../../firmware-sim/firmware/connection.ts';
import { until } from '../../support/until.ts';

/** A broker that is not ours; `hold` keeps what comes from being acknowledged. */
async function broker() {
  const heard: { topic: string; payload: Record<string, unknown> }[] = [];
  let isHolding = false;
  const aedes = await Aedes.createBroker({
    authorizePublish: (client, { topic, payload }, done) => {
      if (client && !topic.endsWith('/state')) heard.push({ topic, payload: JSON.parse(String(payload)) });
      if (!isHolding || topic.endsWith('/state')) done(null);
    },
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const drop = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  onTestFinished(() => {
    drop();
    server.close();
    aedes.close();
  });
  return {
    heard,
    aedes,
    drop,
    hold: (on: boolean) => {
      isHolding = on;
    },
    gateway: {
      url: `mqtt://127.0.0.1:${typeof bound === 'object' && bound ? bound.port : 0}`,
      secret: Promise.resolve('secret'),
      ca: '',
    },
  };
}

const seqs = (heard: { payload: Record<string, unknown> }[]) => heard.map(({ payload }) => payload.seq);

describe("a device's connection", () => {
  it('numbers its messages and counts those that are acknowledged', async () => {
    const { gateway, heard } = await broker();
    const sent: string[] = [];
    const acked: string[] = [];
    const connection = openConnection({
      ...{ device: 'b1', boot: 'k1', gateway },
      onSent: (cause, name) => void sent.push(`${name} ${cause}`),
      onAcked: (cause) => void acked.push(cause),
    });
    connection.send('pressed', { press: 'press' });
    connection.send('pressed', { press: 'press' });
    await until(() => acked.length === 2, 'two acknowledgements');
    expect(sent).toEqual(['pressed b1/k1/1', 'pressed b1/k1/2']);
    expect(heard[0]).toMatchObject({
      topic: 'devices/b1/pressed',
      payload: { press: 'press', seq: 1, boot: 'k1' },
    });
    expect(connection.counters()).toEqual({ sent: 2, acked: 2, waiting: 0 });
    await connection.close();
  });

  it('sends again, in order and under the same number, what was not acknowledged before the line broke', async () => {
    const { gateway, heard, hold, drop } = await broker();
    const connection = openConnection({ device: 'b1', boot: 'k1', gateway });
    hold(true);
    for (let i = 0; i < 3; i += 1) connection.send('pressed', { press: 'press' });
    await until(() => heard.length >= 1, 'the first of them');
    hold(false);
    drop();
    await until(() => connection.counters().acked === 3, 'all acknowledged on the next connection');
    expect(seqs(heard).slice(-3)).toEqual([1, 2, 3]);
    expect(connection.counters()).toEqual({ sent: 3, acked: 3, waiting: 0 });
    await connection.close();
  });

  it('keeps what it has to say until it is enrolled', async () => {
    const { gateway, heard } = await broker();
    let enrol: (secret: string) => void = () => {};
    const secret = new Promise<string>((resolve) => {
      enrol = resolve;
    });
    const connection = openConnection({ device: 'b1', boot: 'k1', gateway: { ...gateway, secret } });
    connection.send('pressed', { press: 'press' });
    expect(connection.counters()).toEqual({ sent: 0, acked: 0, waiting: 1 });
    enrol('secret');
    await until(() => connection.counters().acked === 1, 'the acknowledgement');
    expect(seqs(heard)).toEqual([1]);
    await connection.close();
  });

  it('hears its commands', async () => {
    const { gateway, aedes } = await broker();
    const commands: unknown[] = [];
    const connection = openConnection({
      ...{ device: 't1', boot: 'k1', gateway, commands: ['setpoint'] },
      onCommand: (name, payload) => void commands.push([name, payload]),
    });
    const subscribed = new Promise<void>((resolve) => aedes.once('subscribe', () => resolve()));
    await subscribed;
    const topic = 'devices/t1/commands/setpoint';
    for (const payload of ['not JSON', '{"id":"c1"}']) {
      aedes.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => {});
    }
    await until(() => commands.length === 1, 'the command');
    expect(commands).toEqual([['setpoint', { id: 'c1' }]]);
    await connection.close();
  });

  it('ends at once where it never was enrolled', async () => {
    const { gateway } = await broker();
    const secret = new Promise<string>(() => {});
    const connection = openConnection({ device: 'b1', boot: 'k1', gateway: { ...gateway, secret } });
    connection.send('pressed', {});
    await connection.close();
    expect(connection.counters().sent).toBe(0);
  });
});
