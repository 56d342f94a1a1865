import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generate } from 'selfsigned';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { testBroker } from './broker.ts';

/** Debian's mosquitto clients as devices. */

const login = (port: number, id: string, password = `secret of ${id}`) => [
  ...['-h', '127.0.0.1', '-p', String(port)],
  ...['-i', id, '-u', id, '-P', password],
];

/** Exit code and what it said, stderr included. */
async function mosquittoPub(args: string[]): Promise<{ code: number; said: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)('mosquitto_pub', args);
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, said: stderr };
  }
}

function mosquittoSub(args: string[]) {
  const child = spawn('mosquitto_sub', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let heard = '';
  child.stdout.on('data', (chunk) => {
    heard += chunk;
  });
  return { child, heard: () => heard };
}

describe('mosquitto_pub', () => {
  it.each([
    ['0', 'mqttv311'],
    ['1', 'mqttv311'],
    ['2', 'mqttv311'],
    ['1', 'mqttv31'],
  ])('delivers by QoS %s over %s, and ends well', async (qos, version) => {
    const { port, taken } = await testBroker();
    const message = ['-t', 'devices/dev-1/pressed', '-m', '{"button":1}', '-q', qos, '-V', version];
    expect(await mosquittoPub([...login(port, 'dev-1'), ...message])).toEqual({ code: 0, said: '' });
    await until(() => taken.length === 1, 'the message');
    expect(taken[0]).toMatchObject({ topic: 'devices/dev-1/pressed', device: 'dev-1', text: '{"button":1}' });
  });

  it('is kept waiting until the message is on disk', async () => {
    const { port, taken } = await testBroker('by the test');
    const message = ['-t', 'devices/dev-1/pressed', '-m', '{}', '-q', '1'];
    let hasEnded = false;
    const publishing = mosquittoPub([...login(port, 'dev-1'), ...message]).then((result) => {
      hasEnded = true;
      return result;
    });
    await until(() => taken.length === 1, 'the message');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(hasEnded).toBe(false);
    taken[0]?.settle();
    expect((await publishing).code).toBe(0);
  });

  it('delivers many lines in their order', async () => {
    const { port, taken } = await testBroker();
    const child = spawn('mosquitto_pub', [
      ...login(port, 'dev-1'),
      '-t',
      'devices/dev-1/pressed',
      '-l',
      '-q',
      '1',
    ]);
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
    child.stdin.end(`${lines.join('\n')}\n`);
    await once(child, 'exit');
    expect(taken.map(({ text }) => text)).toEqual(lines);
  });

  it.each([
    ['with a wrong password', ['dev-1', 'guess'], 'mqttv311', /not authorised|bad user name or password/i],
    ['as an unknown device', ['nobody'], 'mqttv311', /not authorised|bad user name or password/i],
    ['over MQTT 5', ['dev-1'], 'mqttv5', /protocol version/i],
  ])('%s is told why', async (_what, [id = '', password], version, reason) => {
    const { port, taken } = await testBroker();
    const message = ['-t', `devices/${id}/pressed`, '-m', '{}', '-q', '1', '-V', version];
    const { code, said } = await mosquittoPub([...login(port, id, password), ...message]);
    expect(code).toBeGreaterThan(0);
    expect(said).toMatch(reason);
    expect(taken).toEqual([]);
  });

  it.each([
    [64 * 1024, 1],
    [64 * 1024 + 1, 0],
  ])('of a message with %i octets has %i taken', async (octets, count) => {
    const { port, taken } = await testBroker();
    const file = join(temporaryFolder(), 'payload');
    writeFileSync(file, 'x'.repeat(octets));
    const child = spawn('mosquitto_pub', [
      ...login(port, 'dev-1'),
      ...['-t', 'devices/dev-1/pressed', '-f', file, '-q', '1'],
    ]);
    onTestFinished(() => void child.kill('SIGKILL'));
    if (count > 0) await once(child, 'exit');
    // It connects and sends again for ever: what it is refused once it is refused each time.
    else await new Promise((resolve) => setTimeout(resolve, 300));
    expect(taken).toHaveLength(count);
  });
});

describe('mosquitto_sub', () => {
  it('has the command that is kept for it, and each that comes', async () => {
    const { broker, port, subscribed } = await testBroker();
    broker.publish('devices/dev-1/commands/frames', 'kept', { retain: true });
    broker.publish('devices/dev-10/commands/frames', 'not yours', { retain: true });
    const { heard } = mosquittoSub([
      ...login(port, 'dev-1'),
      '-t',
      'devices/dev-1/commands/#',
      '-q',
      '1',
      '-v',
    ]);
    await until(() => heard().includes('frames kept'), 'the command that was kept');
    expect(subscribed).toEqual(['dev-1']);
    broker.publish('devices/dev-1/commands/setpoint', 'now');
    await until(() => heard().includes('setpoint now'), 'the command');
    expect(heard()).toBe('devices/dev-1/commands/frames kept\ndevices/dev-1/commands/setpoint now\n');
  });

  it('killed in the middle leaves its will', async () => {
    const { port, taken, subscribed } = await testBroker();
    const will = [
      '--will-topic',
      'devices/dev-1/state',
      '--will-payload',
      'offline',
      '--will-qos',
      '1',
      '--will-retain',
    ];
    const { child } = mosquittoSub([...login(port, 'dev-1'), '-t', 'devices/dev-1/commands/#', ...will]);
    await until(() => subscribed.length === 1, 'the subscription');
    child.kill('SIGKILL');
    await until(() => taken.length === 1, 'the will');
    expect(taken[0]).toMatchObject({ topic: 'devices/dev-1/state', text: 'offline' });
  });

  it('that asks for everything hears nothing', async () => {
    const { broker, port, refused } = await testBroker();
    const { heard } = mosquittoSub([
      ...login(port, 'dev-1'),
      ...['-t', '#', '-t', '$SYS/#', '-t', '+/+/commands/+', '-q', '1'],
    ]);
    await until(() => refused.length === 3, 'the refusals');
    broker.publish('devices/dev-10/commands/setpoint', 'not yours');
    const message = ['-t', 'devices/dev-10/pressed', '-m', 'not yours', '-q', '1'];
    await mosquittoPub([...login(port, 'dev-10'), ...message]);
    expect(heard()).toBe('');
  });
});

describe('over TLS', () => {
  async function tlsBroker() {
    const folder = temporaryFolder();
    const pem = await generate([{ name: 'commonName', value: 'shop' }], {
      algorithm: 'sha256',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    writeFileSync(join(folder, 'ca.pem'), pem.cert);
    const tls = { cert: pem.cert, key: pem.private };
    return { ...(await testBroker('at once', { tls })), ca: join(folder, 'ca.pem') };
  }
  const message = ['-t', 'devices/dev-1/pressed', '-m', '{}', '-q', '1'];

  it('a client that trusts the certificate delivers', async () => {
    const { port, ca, taken } = await tlsBroker();
    const { code } = await mosquittoPub([...login(port, 'dev-1'), ...message, '--cafile', ca]);
    expect(code).toBe(0);
    expect(taken).toHaveLength(1);
  });

  it('a client that speaks in the clear is not heard', async () => {
    const { port, taken } = await tlsBroker();
    const { code } = await mosquittoPub([...login(port, 'dev-1'), ...message]);
    expect(code).toBeGreaterThan(0);
    expect(taken).toEqual([]);
  });

  it('a connection that never begins its handshake does not hold up the end', async () => {
    const { broker, port } = await tlsBroker();
    const idle = connect(port, '127.0.0.1');
    idle.on('error', () => {});
    await once(idle, 'connect');
    const startedAt = performance.now();
    await broker.close();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
