import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { addDevices, type IssuedSecret } from '../../../gateway/cli/devices.ts';
import { type Config, readConfig } from '../../../gateway/config.ts';
import { type Child, launch } from './child.ts';

export const STORE = 's1';
const TOKEN = 'the-store-token';
const ROOT = resolve(import.meta.dirname, '../../..');

/** The devices of a shop, as most benches have them. */
export const BUTTONS: readonly string[] = Array.from({ length: 20 }, (_, i) => `button-${i}`);

/** A shop's folder with its configuration and devices, for a gateway that is a process of its own. */
export interface LoadedShop {
  config: Config;
  secrets: readonly IssuedSecret[];
  /**
   * ms from the start of the process until it runs, and where it listens. `nodeArguments` are Node's own, such
   * as `--cpu-prof`.
   */
  start(nodeArguments?: string): Promise<{ gateway: Child; mqtt: number; startMs: number }>;
  remove(): void;
}

/** `uplinks` as in the configuration. */
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
    config,
    secrets,
    async start(nodeArguments = '') {
      const startedAt = performance.now();
      const given = nodeArguments.split(' ').filter(Boolean);
      const args = ['--import', 'tsx', ...given, join(ROOT, 'gateway/main.ts'), 'run', '--config', file];
      const gateway = launch(process.execPath, args);
      const said = await gateway.line('"aisle runs"');
      return { gateway, mqtt: JSON.parse(said).mqtt.port, startMs: performance.now() - startedAt };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** What a bench ran on, for its line of figures. */
export function machine(): { cpu: string | undefined; node: string } {
  return { cpu: cpus()[0]?.model, node: process.version };
}

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
    ...['--import', 'tsx', main],
    ...['--data', join(folder, 'profiles'), '--token-file', tokenFile, '--listen', `127.0.0.1:${port}`],
  ]);
  const url = JSON.parse(await store.line('"listening"')).listening as string;
  return { store, url, tokenFile };
}
