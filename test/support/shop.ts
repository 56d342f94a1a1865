import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { createIssuerKey } from '../../firmware-sim/profile-store/issuer-key.ts';
import { openProfileStore, type ProfileStore } from '../../firmware-sim/profile-store/server.ts';
import { aisle, spawnGateway } from './gateway-process.ts';

const TOKEN = 'the-store-token';

export interface RunningGateway {
  pid: number;
  /** Port of its broker and of its HTTP listener. */
  mqtt: number;
  http: number;
  /** Everything it wrote to stdout and stderr so far. */
  log(): string;
  /** Exit code, or the signal that ended it. */
  kill(signal: NodeJS.Signals): Promise<number | string>;
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
  const { pid, runs, log, stop } = spawnGateway(config);
  return { pid, ...(await runs), log, kill: stop };
}
