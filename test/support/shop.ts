import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { JWK } from 'jose';
import { createIssuerKey } from '../../firmware-sim/profile-store/issuer-key.ts';
import { openProfileStore, type ProfileStore } from '../../firmware-sim/profile-store/server.ts';

const MAIN = resolve(import.meta.dirname, '../../gateway/main.ts');
const TOKEN = 'the-store-token';

/** The command line as a process of its own, without a shell or npm between. */
export function aisle(args: string[]): string[] {
  return ['--import', 'tsx', MAIN, ...args];
}

export interface RunningGateway {
  pid: number;
  /** Port of its broker and of its HTTP listener. */
  mqtt: number;
  http: number;
  /** Everything it wrote to stdout and stderr so far. */
  log(): string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** A shop with a real gateway process and the stand-in profile store, in a folder of its own. */
export interface Shop {
  folder: string;
  config: string;
  profiles: ProfileStore;
  /** A GET or POST to the profile store, its answer as JSON. */
  ask(path: string, body?: unknown): Promise<never>;
  start(): Promise<RunningGateway>;
  /** Makes a device's secret by the command line. */
  addDevice(id: string): string;
  close(): Promise<void>;
}

/** `yaml` is everything of `aisle.yaml` beside keys, listeners, data folder and uplink. */
export async function openShop(yaml: string): Promise<Shop> {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-shop-'));
  const file = (name: string) => join(folder, name);
  const issuer = await createIssuerKey(file('issuer.jwk'));
  const profiles = await openProfileStore({
    data: file('profiles'),
    token: TOKEN,
    issuerKeyFile: file('issuer.jwk'),
  });
  writeFileSync(file('token'), TOKEN, { mode: 0o600 });
  writeFileSync(file('aisle.yaml'), configuration(yaml, issuer, profiles.url));
  const running: RunningGateway[] = [];
  return {
    folder,
    config: file('aisle.yaml'),
    profiles,
    async ask(path, body) {
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
      const answer = await fetch(
        `${profiles.url}${path}`,
        body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) },
      );
      return (await answer.json()) as never;
    },
    async start() {
      const gateway = await startGateway(file('aisle.yaml'));
      running.push(gateway);
      return gateway;
    },
    addDevice(id) {
      const args = aisle(['devices', 'add', id, '--config', file('aisle.yaml'), '--json']);
      return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })).secret;
    },
    async close() {
      for (const gateway of running) await gateway.kill('SIGKILL');
      await profiles.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function configuration(yaml: string, issuer: JWK, url: string): string {
  return `${yaml}
data: data
clock: {source: trusted}
consents: {issuerKeys: [${JSON.stringify(issuer)}]}
inputs: {mqtt: {listen: "127.0.0.1:0"}}
uplinks: [{kind: http, url: "${url}", tokenFile: token}]
dashboard: {listen: "127.0.0.1:0"}
`;
}

/** Starts the gateway and waits until it says that it runs. */
async function startGateway(config: string): Promise<RunningGateway> {
  const child = spawn(process.execPath, aisle(['run', '--config', config]), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (chunk) => (log += chunk));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const runs = new Promise<{ mqtt: { port: number }; dashboard: { port: number } }>((done, fail) => {
    lines.on('line', (line) => {
      log += `${line}\n`;
      const said = JSON.parse(line);
      if (said.msg === 'aisle runs') done(said);
    });
    child.once('exit', (code) => fail(new Error(`the gateway ended with ${code}: ${log}`)));
  });
  const { mqtt, dashboard } = await runs;
  return {
    pid: child.pid as number,
    mqtt: mqtt.port,
    http: dashboard.port,
    log: () => log,
    kill: (signal) => stopChild(child, signal),
  };
}

async function stopChild(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}
