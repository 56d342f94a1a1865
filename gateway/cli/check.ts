import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { importJWK } from 'jose';
import { openCredentials } from '../access/credentials.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { hostAndPort, readBindKey } from '../gateway.ts';
import { openStoreKey } from '../store-key.ts';

export interface Finding {
  level: 'ok' | 'warning' | 'error';
  text: string;
}

/** Looks at everything that a start needs, changes nothing, and says what to do. */
export async function check(file: string): Promise<{ ok: boolean; findings: Finding[] }> {
  const findings: Finding[] = [];
  const add = (level: Finding['level'], text: string) => void findings.push({ level, text });
  try {
    const config = readConfig(file);
    add('ok', `${file}: ${config.devices.length} devices, ${config.map.zones.length} zones`);
    checkFolder(config, add);
    checkFiles(config, add);
    await checkKeys(config, add);
    checkRecognition(config, add);
    await checkListen(config, add);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) add('error', problem.text);
  }
  return { ok: findings.every(({ level }) => level !== 'error'), findings };
}

type Add = (level: Finding['level'], text: string) => void;

function checkFolder(config: Config, add: Add): void {
  const folder = config.data;
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch {
    return add(
      'error',
      `data: ${place} cannot be written by this user: make it theirs, or set data to a folder that is`,
    );
  }
  if (!existsSync(folder))
    return add('warning', `data: ${folder} is not there yet; the first start makes it`);
  if (!statSync(folder).isDirectory()) return add('error', `data: ${folder} is not a folder`);
  add('ok', `data: ${folder}`);
  if (!existsSync(`${folder}/store.key`)) return;
  const credentials = openCredentials(folder, openStoreKey(folder).derive('device secrets'));
  const issued = new Set(credentials.list().map(({ device }) => device));
  credentials.close();
  for (const { id } of config.devices) {
    if (!issued.has(id))
      add('warning', `devices: ${id} has no secret yet: aisle devices add ${id} --config …`);
  }
}

function checkFiles(config: Config, add: Add): void {
  const files: [string, string | undefined][] = [
    ['inputs.mqtt.tls.cert', config.inputs.mqtt.tls?.cert],
    ['inputs.mqtt.tls.key', config.inputs.mqtt.tls?.key],
    ['inputs.radio.gateway.credentialFile', config.inputs.radio?.gateway.credentialFile],
    ...config.uplinks.flatMap((uplink, i): [string, string | undefined][] => [
      [`uplinks.${i}.ca`, uplink.ca],
      [
        `uplinks.${i}.${uplink.kind === 'http' ? 'tokenFile' : 'passwordFile'}`,
        uplink.kind === 'http' ? uplink.tokenFile : uplink.passwordFile,
      ],
    ]),
  ];
  for (const [name, file] of files) {
    if (file === undefined) continue;
    try {
      readFileSync(file);
      add('ok', `${name}: ${file}`);
    } catch (error) {
      add('error', `${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  for (const { id, keyFile } of config.devices) {
    if (keyFile === undefined) continue;
    try {
      readBindKey(keyFile);
      add('ok', `devices: bind key of ${id}`);
    } catch (error) {
      add('error', `devices: bind key of ${id}: ${(error as Error).message}`);
    }
  }
}

async function checkKeys(config: Config, add: Add): Promise<void> {
  for (const jwk of config.consents.issuerKeys) {
    try {
      await importJWK(jwk, 'EdDSA');
      add('ok', `consents.issuerKeys: ${jwk.kid}`);
    } catch (error) {
      add(
        'error',
        `consents.issuerKeys: ${jwk.kid} is not an Ed25519 public key: ${(error as Error).message}`,
      );
    }
  }
}

function checkRecognition(config: Config, add: Add): void {
  if (config.uplinks.length === 0)
    add('warning', 'uplinks: none; events are kept on this box and go nowhere');
  if (config.mode !== 'identify') return;
  if (!config.store.notice) add('warning', 'store.notice: identify needs a notice to show shoppers');
  if (config.consents.issuerKeys.length === 0) {
    add('warning', 'consents.issuerKeys: none; no consent list can be checked, so nobody is recognised');
  }
  if (config.clock.source === 'trusted')
    add('warning', 'clock.source: trusted; a wrong clock is not noticed');
}

async function checkListen(config: Config, add: Add): Promise<void> {
  const listeners: [string, string | undefined][] = [
    ['inputs.mqtt.listen', config.inputs.mqtt.listen],
    ['dashboard.listen', config.dashboard?.listen],
  ];
  for (const [name, listen] of listeners) {
    if (listen === undefined) continue;
    const error = await tryListen(listen);
    if (!error) add('ok', `${name}: ${listen}`);
    else if (error === 'EADDRINUSE')
      add('error', `${name}: ${listen} is in use by another program (a gateway that runs?)`);
    else add('error', `${name}: ${listen} cannot be listened on (${error})`);
  }
}

function tryListen(listen: string): Promise<string | undefined> {
  const { host, port } = hostAndPort(listen);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
