import { createPrivateKey, X509Certificate } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { devicesWithSecret } from '../access/credentials.ts';
import { readBindKey } from '../bind-key.ts';
import { type Config, ConfigError, readConfig, type UplinkConfig } from '../config.ts';
import { isLocked, readDatabase } from '../database.ts';
import { hostAndPort, isLoopback } from '../host-port.ts';
import { countOptOuts } from '../opt-out.ts';
import { owedByUplink } from '../outbox/counts.ts';
import { foreignOwner, type LogEnvironment, logLevel, startProblems } from '../start-guard.ts';
import { openStoreKey } from '../store-key.ts';
import { isPlatform, uplinkName } from '../uplinks/index.ts';
import { checkConsentDevices, checkKeys, checkRecognition, checkRetention } from './check-consent.ts';
import { checkStorage } from './check-storage.ts';

export interface Finding {
  level: 'ok' | 'warning' | 'error';
  text: string;
}

export type Add = (level: Finding['level'], text: string) => void;

/** Looks at everything that a start needs, changes nothing, and says what to do. */
export async function check(
  file: string,
  environment: LogEnvironment = {},
): Promise<{ ok: boolean; findings: Finding[] }> {
  const findings: Finding[] = [];
  const add: Add = (level, text) => void findings.push({ level, text });
  checkLog(environment, add);
  try {
    const config = readConfig(file);
    add('ok', `${file}: ${config.devices.length} devices, ${config.map.zones.length} zones`);
    for (const problem of startProblems(config)) add('error', problem);
    checkFolder(config, add);
    checkFiles(config, add);
    checkCertificate(config, add);
    await checkKeys(config, add);
    checkConsentDevices(config, add);
    checkRetention(config, add);
    checkStorage(config, add);
    checkUplinks(config, add);
    checkRecognition(config, add);
    await checkListen(config, add);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) add('error', problem.text);
  }
  return { ok: findings.every(({ level }) => level !== 'error'), findings };
}

function checkFolder(config: Config, add: Add): void {
  const folder = config.data;
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  if (!statSync(place).isDirectory()) return add('error', `data: ${place} is not a folder`);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch {
    return add(
      'error',
      `data: ${place} cannot be written by this user: make it theirs, or set data to a folder that is`,
    );
  }
  if (place !== folder) {
    add('warning', `data: ${folder} is not there yet; the first start makes it`);
  } else {
    add('ok', `data: ${folder}${isLocked(folder) ? ', where a gateway runs' : ''}`);
    checkDatabase(config, add);
    checkStoreKey(config, add);
    checkOptOuts(config, add);
  }
  const issued = devicesWithSecret(folder);
  for (const { id } of config.devices) {
    if (!issued.has(id))
      add('warning', `devices: ${id} has no secret yet: aisle devices add ${id} --config …`);
  }
}

function checkDatabase(config: Config, add: Add): void {
  if (!existsSync(join(config.data, 'aisle.db'))) return;
  const configured = new Set(config.uplinks.map(uplinkName));
  let db: ReturnType<typeof readDatabase> | undefined;
  try {
    db = readDatabase(config.data);
    const foreign = foreignOwner(db, config);
    if (foreign !== undefined) add('error', foreign);
    for (const [uplink, events] of owedByUplink(db)) {
      if (!configured.has(uplink))
        add(
          'warning',
          `uplinks: ${events} events wait for "${uplink}", which is not configured any more; they go when it is again; to give them up: aisle outbox forget --uplink "${uplink}"`,
        );
    }
  } catch (error) {
    add('error', `data: ${join(config.data, 'aisle.db')} cannot be read: ${(error as Error).message}`);
  } finally {
    db?.close();
  }
}

function checkLog(environment: LogEnvironment, add: Add): void {
  try {
    logLevel(environment);
  } catch (error) {
    add('error', (error as Error).message);
  }
}

function checkOptOuts({ data }: Config, add: Add): void {
  try {
    const count = countOptOuts(data);
    if (count > 0) add('ok', `data: ${count} objections to being counted`);
  } catch (error) {
    add('error', `data: ${(error as Error).message}`);
  }
}

function checkStoreKey({ data, storeKeyFile }: Config, add: Add): void {
  const file = storeKeyFile ?? join(data, 'store.key');
  if (storeKeyFile === undefined && !existsSync(file)) return;
  try {
    openStoreKey(data, storeKeyFile);
    if (statSync(file).mode & 0o077) add('warning', `data: others can read ${file}: chmod 600 it`);
  } catch (error) {
    add('error', `data: ${(error as Error).message}`);
  }
}

function checkFiles(config: Config, add: Add): void {
  const { mqtt, radio } = config.inputs;
  const files: [string, string | undefined][] = [
    ['inputs.mqtt.tls.cert', mqtt.tls?.cert],
    ['inputs.mqtt.tls.key', mqtt.tls?.key],
    ['inputs.radio.gateway.credentialFile', radio?.gateway.credentialFile],
    ['inputs.radio.gateway.ca', radio?.gateway.ca],
    ['influx.passwordFile', config.influx?.passwordFile],
    ['influx.ca', config.influx?.ca],
    ...config.devices.map(({ id, credentialFile }): [string, string | undefined] => [
      `devices: credentialFile of ${id}`,
      credentialFile,
    ]),
    ...config.uplinks.flatMap((uplink, i): [string, string | undefined][] => {
      const [key, file] = secretOf(uplink);
      return [
        [`uplinks.${i}.ca`, uplink.ca],
        [`uplinks.${i}.${key}`, file],
      ];
    }),
  ];
  for (const [name, file] of files) if (file !== undefined) checkFile(name, file, add);
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

/** The key of an uplink's entry that names the file of its secret, and that file. */
function secretOf(uplink: UplinkConfig): [key: string, file: string | undefined] {
  switch (uplink.kind) {
    case 'http':
      return ['tokenFile', uplink.tokenFile];
    case 'mqtt':
      return ['passwordFile', uplink.passwordFile];
    case 'segment':
      return ['writeKeyFile', uplink.writeKeyFile];
    case 'unomi':
      return ['keyFile', uplink.keyFile];
  }
}

function checkFile(name: string, file: string, add: Add): void {
  try {
    if (readFileSync(file, 'utf8').trim() === '') add('error', `${name}: ${file} is empty`);
    else add('ok', `${name}: ${file}`);
  } catch (error) {
    add('error', `${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function checkCertificate(config: Config, add: Add): void {
  const { tls } = config.inputs.mqtt;
  if (!tls || !existsSync(tls.cert) || !existsSync(tls.key)) return;
  try {
    const certificate = new X509Certificate(readFileSync(tls.cert));
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(tls.key)))) {
      add('error', `inputs.mqtt.tls: ${tls.key} is not the key of ${tls.cert}`);
    }
    if (Date.parse(certificate.validTo) < Date.now()) {
      add('error', `inputs.mqtt.tls.cert: ${tls.cert} expired on ${certificate.validTo}`);
    }
  } catch (error) {
    add('error', `inputs.mqtt.tls: cert and key must be PEM files: ${(error as Error).message}`);
  }
}

function checkUplinks(config: Config, add: Add): void {
  const { uplinks, clock } = config;
  if (uplinks.length === 0) add('warning', 'uplinks: none; events are kept on this box and go nowhere');
  for (const [i, { url }] of uplinks.entries()) {
    if (/^(http|mqtt):/.test(url) && !isThisMachine(url)) {
      add('warning', `uplinks.${i}.url: ${url} is not encrypted: who is on the line reads shoppers' events`);
    }
  }
  if (uplinks.length > 0 && !uplinks.some(isPlatform)) {
    add('warning', 'uplinks: none of http or mqtt; consent lists, commands and erasures come by those alone');
  }
  if (uplinks.length > 0 && uplinks.every(({ kind }) => kind === 'unomi')) {
    add(
      'warning',
      "uplinks: unomi takes events of persons alone; the shop's own, withdrawals and erasures go nowhere",
    );
  }
  for (const [i, uplink] of uplinks.entries()) {
    if (uplink.kind === 'unomi' && !uplink.confirm) {
      add(
        'warning',
        `uplinks.${i}.confirm: Unomi says 200 to events that it leaves out: give it the rule of docs/uplinks.md and set this`,
      );
    }
  }
  if (clock.source === 'uplink' && !uplinks.some(({ kind }) => kind === 'http')) {
    add('error', 'clock.source: uplink needs an http uplink, whose answers carry the time');
  }
}

function isThisMachine(url: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(url).hostname);
}

async function checkListen(config: Config, add: Add): Promise<void> {
  const listeners: [string, string | undefined][] = [
    ['inputs.mqtt.listen', config.inputs.mqtt.listen],
    ['dashboard.listen', config.dashboard?.listen],
  ];
  for (const [name, listen] of listeners) {
    if (listen === undefined) continue;
    if (name === 'dashboard.listen' && !isLoopback(listen)) {
      add(
        'warning',
        `${name}: ${listen} is open to other machines without TLS, and codes pass there: put a proxy before it`,
      );
    }
    const error = await tryListen(listen);
    if (!error) add('ok', `${name}: ${listen}`);
    else if (error !== 'EADDRINUSE') add('error', `${name}: ${listen} cannot be listened on (${error})`);
    else if (isLocked(config.data)) add('ok', `${name}: ${listen}, in use, as a gateway runs on this data`);
    else add('error', `${name}: ${listen} is in use by another program: stop it, or set another port`);
  }
}

function tryListen(listen: string): Promise<string | undefined> {
  const { host, port } = hostAndPort(listen);
  return new Promise((resolve) => {
    const server = createServer();
    const failed = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message);
    server.once('error', failed);
    try {
      server.listen(port, host, () => server.close(() => resolve(undefined)));
    } catch (error) {
      failed(error as NodeJS.ErrnoException);
    }
  });
}
