import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { type ServerProcess, startServer } from './central/server-process.ts';
import { lowPorts } from './ports.ts';

const PROGRAM = '/usr/bin/influxd';
/** Whether Debian's InfluxDB is here: package `influxdb`. */
export const hasInfluxdb = existsSync(PROGRAM);

const START_MS = 30_000;

export interface InfluxdbOptions {
  /** Files of PEM; HTTPS where they are given. */
  tls?: { cert: string; key: string };
  /** Octets of a request's body. */
  maxBody?: number;
}

/** InfluxDB 1.6.7 with authentication on, on 127.0.0.1 alone. */
export interface Influxdb {
  url: string;
  /** `passwordFile` holds the password, as `aisle influx setup` reads it. */
  admin: { name: string; password: string; passwordFile: string };
  pid(): number;
  /** By SIGTERM, or another signal; resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Again, on the same folder and ports. */
  start(): Promise<void>;
}

/**
 * Debian's influxd in `folder`, which is new and keeps everything of it, with an administrator of its own; it ends with
 * this process. Ports that no outgoing connection takes, so that it comes back on them.
 * @throws with a sentence where it does not answer.
 */
export async function startInfluxdb(folder: string, options: InfluxdbOptions = {}): Promise<Influxdb> {
  if (!hasInfluxdb) throw new Error(`InfluxDB needs Debian's package: apt-get install -y influxdb`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [http = 0, rpc = 0] = await lowPorts(2);
  const config = join(folder, 'influxdb.conf');
  writeFileSync(config, configuration(folder, http, rpc, options), { mode: 0o600 });
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${http}`;
  const passwordFile = join(folder, 'admin.password');
  const admin = { name: 'admin', password: randomBytes(18).toString('base64url'), passwordFile };
  writeFileSync(passwordFile, `${admin.password}\n`, { mode: 0o600 });
  let server: ServerProcess;

  async function start(): Promise<void> {
    const logFile = join(folder, 'influxd.log');
    server = startServer({ command: PROGRAM, args: ['-config', config], logFile, cwd: folder });
    await answers(url, server, logFile);
  }

  await start();
  await makeAdministrator(url, admin);
  return {
    url,
    admin,
    pid: () => server.pid,
    start,
    stop: (signal) => server.stop(signal),
  };
}

/** Nothing listens or reports beyond this machine, and nothing but what it is asked is in its log. */
function configuration(folder: string, http: number, rpc: number, { tls, maxBody }: InfluxdbOptions): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  auth-enabled = true
  log-enabled = false
  pprof-enabled = false
  ping-auth-enabled = false
  max-body-size = ${maxBody ?? 25_000_000}
${tls ? `  https-enabled = true\n  https-certificate = "${tls.cert}"\n  https-private-key = "${tls.key}"` : ''}
[continuous_queries]
  log-enabled = false
[logging]
  level = "warn"
  suppress-logo = true
`;
}

async function answers(url: string, server: ServerProcess, logFile: string): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    if (!server.isRunning()) throw new Error(`influxd ended: see ${logFile}`);
    if (await isThere(url)) return;
    await wait(20);
  }
  throw new Error(`influxd does not answer at ${url}: see ${logFile}`);
}

async function isThere(url: string): Promise<boolean> {
  return ask(`${url}/ping`).then(
    ({ statusCode }) => statusCode === 204,
    () => false,
  );
}

/** The first one needs no credentials, and without one nothing else is allowed. */
async function makeAdministrator(url: string, { name, password }: Influxdb['admin']): Promise<void> {
  const q = `CREATE USER "${name}" WITH PASSWORD '${password}' WITH ALL PRIVILEGES`;
  const { statusCode } = await ask(`${url}/query`, new URLSearchParams({ q }).toString());
  if (statusCode !== 200) throw new Error(`influxd at ${url} takes no administrator: HTTP ${statusCode}`);
}

/** TLS is not judged here: whether a client trusts the certificate is the client's. */
async function ask(url: string, body?: string): Promise<{ statusCode: number }> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  try {
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await request(url, { method, dispatcher, headers, body: body ?? null });
    await answer.body.dump();
    return answer;
  } finally {
    await dispatcher.destroy();
  }
}
