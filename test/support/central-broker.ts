import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { generate } from 'selfsigned';
import { onTestFinished } from 'vitest';
import { freePort, listening } from './free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

const PROGRAM = '/usr/sbin/mosquitto';
const USER = 'gateway';
const PASSWORD = 'a broker password';

/** A message as `mosquitto_sub` saw it. */
export interface SeenMessage {
  topic: string;
  qos: number;
  payload: string;
}

/** Debian's broker as the central platform's: one user, a password, TLS where asked for. */
export interface CentralBroker {
  port: number;
  /** As the configuration names them. */
  settings: { userName: string; passwordFile: string; ca?: string };
  scheme: 'mqtt' | 'mqtts';
  /** What Debian's `mosquitto_sub` receives from here on, in order. */
  subscribe(topic: string): Promise<SeenMessage[]>;
  /** Publishes by Debian's `mosquitto_pub`, QoS 1; returns once it is acknowledged. */
  publish(topic: string, payload: string): void;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL; all that it held in memory is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export async function centralBroker({ tls = false } = {}): Promise<CentralBroker> {
  const folder = temporaryFolder();
  const file = (name: string) => join(folder, name);
  const port = await freePort();
  writeFileSync(file('password'), PASSWORD, { mode: 0o600 });
  writeFileSync(file('users'), '', { mode: 0o600 });
  execFileSync('mosquitto_passwd', ['-b', file('users'), USER, PASSWORD], { stdio: 'ignore' });
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous false',
    `password_file ${file('users')}`,
    // What it acknowledged is on disk at once: the near-durable mode it has.
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_on_changes true',
    'autosave_interval 1',
    // Started by root it would become another user, who cannot read this folder.
    'user root',
  ];
  if (tls) {
    const pem = await generate([{ name: 'commonName', value: 'central' }], {
      algorithm: 'sha256',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    writeFileSync(file('cert.pem'), pem.cert);
    writeFileSync(file('key.pem'), pem.private, { mode: 0o600 });
    lines.push(`certfile ${file('cert.pem')}`, `keyfile ${file('key.pem')}`);
  }
  writeFileSync(file('mosquitto.conf'), `${lines.join('\n')}\n`);
  const login = ['-h', '127.0.0.1', '-p', `${port}`, '-u', USER, '-P', PASSWORD];
  if (tls) login.push('--cafile', file('cert.pem'));

  let broker: ChildProcess;
  async function start(): Promise<void> {
    broker = spawn(PROGRAM, ['-c', file('mosquitto.conf')], { stdio: 'ignore' });
    await listening(port);
  }
  async function kill(): Promise<void> {
    if (broker.exitCode !== null || broker.signalCode !== null) return;
    broker.kill('SIGKILL');
    await once(broker, 'exit');
  }
  await start();
  onTestFinished(kill);

  return {
    port,
    settings: { userName: USER, passwordFile: file('password'), ...(tls && { ca: file('cert.pem') }) },
    scheme: tls ? 'mqtts' : 'mqtt',
    async subscribe(topic) {
      const seen: SeenMessage[] = [];
      // A retained message of its own comes with the subscription, and says that it holds.
      execFileSync('mosquitto_pub', [...login, '-r', '-t', 'ready', '-q', '1', '-m', 'yes']);
      const child = spawn('mosquitto_sub', [...login, '-t', topic, '-t', 'ready', '-q', '1', '-F', '%j'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      let isSubscribed = false;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const message = JSON.parse(line) as SeenMessage;
        if (message.topic === 'ready') isSubscribed = true;
        else seen.push(message);
      });
      await until(() => isSubscribed, 'mosquitto_sub');
      return seen;
    },
    publish(topic, payload) {
      execFileSync('mosquitto_pub', [...login, '-t', topic, '-q', '1', '-m', payload]);
    },
    signal: (name) => void broker.kill(name),
    kill,
    start,
  };
}
