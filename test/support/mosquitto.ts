import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { freePort, listening } from './free-port.ts';

const PROGRAM = '/usr/sbin/mosquitto';
/** Whether Debian's broker is here; `test/support/debian.sh` installs it where it can. */
export const hasMosquitto = existsSync(PROGRAM);

export interface Mosquitto {
  url: string;
  /** PEM file to trust its certificate by. */
  ca: string;
  stop(): Promise<void>;
}

/**
 * Debian's broker with TLS on 127.0.0.1, a broker that is not ours: each user may read and write
 * `devices/<user name>/#` only, `watcher` (with the password `watcher`) everything.
 */
export async function startMosquitto(users: Record<string, string>): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const file = (name: string) => join(folder, name);
  const altNames = [{ type: 7 as const, ip: '127.0.0.1' }];
  const pem = await generate([{ name: 'commonName', value: 'shop' }], {
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames }],
  });
  writeFileSync(file('cert.pem'), pem.cert);
  writeFileSync(file('key.pem'), pem.private);
  writeFileSync(file('passwords'), '');
  for (const [user, password] of Object.entries({ ...users, watcher: 'watcher' })) {
    execFileSync('mosquitto_passwd', ['-b', file('passwords'), user, password], { stdio: 'ignore' });
  }
  writeFileSync(file('acl'), 'user watcher\ntopic readwrite #\npattern readwrite devices/%u/#\n');
  const port = await freePort();
  const lines = [
    `listener ${port} 127.0.0.1`,
    `certfile ${file('cert.pem')}`,
    `keyfile ${file('key.pem')}`,
    'allow_anonymous false',
    `password_file ${file('passwords')}`,
    `acl_file ${file('acl')}`,
    // Started by root it would become another user, who cannot read this folder.
    'user root',
  ];
  writeFileSync(file('mosquitto.conf'), `${lines.join('\n')}\n`);
  for (const name of ['key.pem', 'passwords', 'acl']) chmodSync(file(name), 0o600);
  const broker = spawn(PROGRAM, ['-c', file('mosquitto.conf')], { stdio: 'ignore' });
  await listening(port);
  return {
    url: `mqtts://127.0.0.1:${port}`,
    ca: file('cert.pem'),
    async stop() {
      if (broker.exitCode === null && broker.signalCode === null) {
        broker.kill('SIGTERM');
        await once(broker, 'exit');
      }
      rmSync(folder, { recursive: true });
    },
  };
}
