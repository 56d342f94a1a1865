import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Influxdb, startInfluxdb } from '../influxdb.ts';
import { aisle } from './command.ts';

/** InfluxDB beside the shop, for `--influx`. */
export interface TimeSeries {
  /** `influx` of `aisle.yaml`. */
  settings: { url: string; userName: string; passwordFile: string };
  /** As an integrator sets it up: by `aisle influx setup`. */
  setUp(config: string): Promise<void>;
  /** How to look at it with Debian's client. */
  command: string;
  close(): Promise<void>;
}

/** In a folder of its own below `root`. Throws a sentence where InfluxDB is not installed. */
export async function openTimeSeries(root: string): Promise<TimeSeries> {
  const server: Influxdb = await startInfluxdb(join(root, 'influxdb'));
  const { name, passwordFile: adminFile } = server.admin;
  const passwordFile = join(root, 'influxdb', 'gateway.password');
  writeFileSync(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
  return {
    settings: { url: server.url, userName: 'aisle', passwordFile },
    async setUp(config) {
      const admin = ['--admin-user', name, '--admin-password-file', adminFile];
      await aisle('influx', 'setup', '--config', config, ...admin);
    },
    command: `influx -port ${new URL(server.url).port} -username ${name} -password "$(cat ${adminFile})" -database aisle -precision rfc3339`,
    close: () => server.stop(),
  };
}
