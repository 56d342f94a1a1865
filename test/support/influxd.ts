import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  hasInfluxdb,
  type Influxdb,
  type InfluxdbOptions,
  startInfluxdb,
} from '../../firmware-sim/influxdb.ts';
import { type InfluxConfig, influxSchema } from '../../gateway/config-influx.ts';
import { setUpInflux } from '../../gateway/telemetry/influx/setup.ts';

/** Whether Debian's InfluxDB and its command line are here; `test/support/debian.sh` installs them where it can. */
export const hasInflux = hasInfluxdb && existsSync('/usr/bin/influx');

/** Debian's InfluxDB in a folder of its own, set up as `aisle influx setup` does it. */
export interface InfluxShop {
  server: Influxdb;
  folder: string;
  config: InfluxConfig;
  /** Once more. */
  setUp(): Promise<unknown>;
  /** Gone, with its folder. */
  close(): Promise<void>;
}

export const GATEWAY_PASSWORD = 'it\'s a "gateway\'s" \\ own';

/** `before` gets the folder that the server's own will be in. */
export async function openInfluxShop(
  options: InfluxdbOptions = {},
  more: object = {},
  before?: (folder: string) => void,
): Promise<InfluxShop> {
  const folder = mkdtempSync(join(tmpdir(), 'influxdb-'));
  const disk = join(folder, 'disk');
  before?.(disk);
  const server = await startInfluxdb(join(disk, 'server'), options);
  const passwordFile = join(folder, 'gateway.password');
  writeFileSync(passwordFile, `${GATEWAY_PASSWORD}\n`, { mode: 0o600 });
  const config = influxSchema.parse({ url: server.url, userName: 'gateway', passwordFile, ...more });
  const administrator = { userName: server.admin.name, passwordFile: server.admin.passwordFile };
  const setUp = () => setUpInflux(config, administrator);
  await setUp();
  return {
    server,
    folder,
    config,
    setUp,
    async close() {
      await server.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What Debian's `influx` says to a query, as CSV with milliseconds, a line each; as the administrator. */
export async function influxCli({ url, admin }: Influxdb, query: string): Promise<string[]> {
  const { hostname, port } = new URL(url);
  const where = ['-host', hostname, '-port', port, '-database', 'aisle'];
  const how = ['-format', 'csv', '-precision', 'ms', '-execute', query];
  const env = { PATH: process.env.PATH, INFLUX_USERNAME: admin.name, INFLUX_PASSWORD: admin.password };
  const { stdout, stderr } = await promisify(execFile)('influx', [...where, ...how], {
    env,
    timeout: 20_000,
  });
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  if (lines.some((line) => line.startsWith('ERR'))) throw new Error(lines.join(' '));
  return lines;
}
