import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { IssuedSecret } from '../../../gateway/cli/devices.ts';
import { addDevices } from '../../../gateway/cli/devices.ts';
import { type Config, readConfig } from '../../../gateway/config.ts';
import { type Child, launch } from './child.ts';

export const STORE = 's1';
export const TOKEN = 'the-store-token';
const ROOT = resolve(import.meta.dirname, '../../..');

/** A shop's folder with its configuration and devices, for a gateway that is a process of its own. */
export interface LoadedShop {
  folder: string;
  config: Config;
  secrets: readonly IssuedSecret[];
  /** ms from the start of the process until it runs, and where it listens. */
  start(env?: Record<string, string>): Promise<{ gateway: Child; mqtt: number; startMs: number }>;
  remove(): void;
}

/** `uplinks` as in the configuration; `token` is a file with the profile store's. */
export function loadedShop(
  folder: string,
  buttons: readonly string[],
  uplinks: readonly object[],
): LoadedShop {
  const file = join(folder, 'aisle.yaml');
  const square = [
    [0, 0],
    [9, 0],
    [9, 9],
    [0, 9],
  ];
  const yaml = {
    store: { id: STORE, gateway: 'g1', timezone: 'UTC' },
    mode: 'anonymous',
    map: { zones: [{ id: 'z', polygon: square }] },
    devices: buttons.map((id) => ({ id, kind: 'smart-button', zone: 'z' })),
    clock: { source: 'trusted' },
    inputs: { mqtt: { listen: '127.0.0.1:0' } },
    retention: { quotaMiB: 30_000 },
    uplinks,
  };
  writeFileSync(file, JSON.stringify(yaml));
  const config = readConfig(file);
  const secrets = addDevices(config, buttons, 0);
  return {
    folder,
    config,
    secrets,
    async start(env = {}) {
      const startedAt = performance.now();
      const args = ['--import', 'tsx', ...given(env), join(ROOT, 'gateway/main.ts'), 'run', '--config', file];
      const gateway = launch(process.execPath, args);
      const said = await gateway.line('"aisle runs"');
      return { gateway, mqtt: JSON.parse(said).mqtt.port, startMs: performance.now() - startedAt };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Node's own options for the gateway, such as `--cpu-prof`. */
const given = ({ NODE_ARGUMENTS = '' }: Record<string, string>) => NODE_ARGUMENTS.split(' ').filter(Boolean);

export function newFolder(): string {
  return mkdtempSync(join(process.env.AISLE_BENCH_FOLDER ?? tmpdir(), 'aisle-bench-'));
}

/** A file with the profile store's token. */
export function tokenIn(folder: string): string {
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
  return tokenFile;
}

/** The stand-in profile store as a process of its own, its database in `<folder>/profiles`. */
export async function profileStore(
  folder: string,
  port = 0,
): Promise<{ store: Child; url: string; tokenFile: string }> {
  const tokenFile = tokenIn(folder);
  const main = join(ROOT, 'firmware-sim/profile-store.ts');
  const store = launch(process.execPath, [
    ...['--import', 'tsx', ...(process.env.STORE_ARGUMENTS ?? '').split(' ').filter(Boolean), main],
    ...['--data', join(folder, 'profiles'), '--token-file', tokenFile, '--listen', `127.0.0.1:${port}`],
  ]);
  const url = JSON.parse(await store.line('"listening"')).listening as string;
  return { store, url, tokenFile };
}
