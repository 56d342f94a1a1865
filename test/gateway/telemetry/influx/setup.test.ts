import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Influxdb } from '../../../../firmware-sim/influxdb.ts';
import { influxSetup } from '../../../../gateway/cli/influx.ts';
import { influxSchema } from '../../../../gateway/config-influx.ts';
import { influxSink } from '../../../../gateway/telemetry/influx/sink.ts';
import { influxSource } from '../../../../gateway/telemetry/influx/source.ts';
import { MEASUREMENTS } from '../../../../gateway/telemetry/measurements.ts';
import { hasInflux, influxCli, openInfluxShop } from '../../../support/influxd.ts';
import { quiet } from '../../../support/quiet.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';
import { aisle } from '../../cli/command.ts';

const OWN = { store: 'lyon-1', gateway: 'g1' };

/** What `aisle influx setup` says, a line each. */
async function setUp(influx: object, options: Parameters<typeof influxSetup>[1] = {}): Promise<string[]> {
  const lines: string[] = [];
  await influxSetup({ influx: influxSchema.parse(influx) }, options, (line) => lines.push(line));
  return lines;
}

describe.skipIf(!hasInflux)('aisle influx setup', () => {
  let server: Influxdb;
  let folder: string;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const shop = await openInfluxShop();
    ({ server, folder, close: stop } = shop);
  });
  afterAll(() => stop());

  const by = () => ({ adminUser: server.admin.name, adminPasswordFile: server.admin.passwordFile });
  const password = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const policies = (database: string) => influxCli(server, `SHOW RETENTION POLICIES ON ${database}`);

  it('makes the database, and changes nothing the second time', async () => {
    const influx = {
      url: server.url,
      database: 'twice',
      userName: 'twice',
      passwordFile: password('twice', 'one'),
    };
    const made = await setUp(influx, by());
    expect(made).toContain('made            database twice');
    expect(made).toContain('made            user twice');
    expect(made.at(-1)).toBe('12 of 12 made or altered');
    expect(await policies('twice')).toEqual([
      'name,duration,shardGroupDuration,replicaN,default',
      'raw,336h0m0s,24h0m0s,1,true',
      'long,9600h0m0s,168h0m0s,1,false',
    ]);
    expect(await influxCli(server, 'SHOW GRANTS FOR twice')).toContain('twice,ALL PRIVILEGES');
    const again = await setUp(influx, by());
    expect(again.at(-1)).toBe('nothing was changed');
    expect(again.slice(0, -1).every((line) => line.startsWith('was there'))).toBe(true);
  });

  it('brings durations and the password of the user to what the configuration says', async () => {
    const influx = {
      url: server.url,
      database: 'altered',
      userName: 'u',
      passwordFile: password('u', 'one'),
    };
    await setUp({ ...influx, rawDays: 200, keepDays: 400 }, by());
    password('u', 'two');
    const said = await setUp({ ...influx, rawDays: 1, keepDays: 30 }, by());
    expect(said.filter((line) => line.startsWith('altered'))).toEqual([
      'altered         retention policy raw, 1 days',
      'altered         retention policy long, 30 days',
      'altered         user u',
    ]);
    expect((await policies('altered')).slice(1)).toEqual([
      'raw,24h0m0s,1h0m0s,1,true',
      'long,720h0m0s,24h0m0s,1,false',
    ]);
    const asUser = { ...server, admin: { ...server.admin, name: 'u', password: 'two' } };
    expect(await influxCli(asUser, 'SHOW MEASUREMENTS ON altered')).toEqual([]);
  });

  it('takes over a database that somebody made, and a continuous query that was another', async () => {
    await influxCli(server, 'CREATE DATABASE theirs');
    await influxCli(
      server,
      'CREATE CONTINUOUS QUERY aisle_climate_5m ON theirs BEGIN SELECT max(a) INTO b FROM c GROUP BY time(1h) END',
    );
    const said = await setUp({ url: server.url, database: 'theirs' }, by());
    expect(said.slice(0, 4)).toEqual([
      'was there       database theirs',
      'made            retention policy raw, 14 days',
      'made            retention policy long, 400 days',
      'altered         continuous query aisle_climate_5m, by 5 minutes',
    ]);
    expect((await policies('theirs')).filter((line) => line.endsWith('true'))).toEqual([
      'raw,336h0m0s,24h0m0s,1,true',
    ]);
    expect((await setUp({ url: server.url, database: 'theirs' }, by())).at(-1)).toBe('nothing was changed');
  });

  it("prints statements that Debian's influx takes as they are, without a password", async () => {
    const influx = { url: server.url, database: 'printed', userName: 'p', passwordFile: '/etc/aisle/influx' };
    const printed = await setUp(influx, { print: true });
    expect(printed.filter((line) => line.startsWith('--'))).toEqual([
      `-- with the password of /etc/aisle/influx: CREATE USER "p" WITH PASSWORD '…';`,
      '-- GRANT ALL ON "printed" TO "p";',
    ]);
    expect(await pipedIntoInflux(server, printed.join('\n'))).not.toMatch(/ERR|error/);
    const { userName: _, passwordFile: __, ...noUser } = influx;
    expect((await setUp(noUser, by())).at(-1)).toBe('nothing was changed');
  });

  it('says in a sentence what is wrong', async () => {
    const influx = { url: server.url };
    await expect(setUp(influx)).rejects.toThrow(`InfluxDB at ${server.url} asks for its administrator`);
    const wrong = { adminUser: 'admin', adminPasswordFile: password('wrong', 'no') };
    await expect(setUp(influx, wrong)).rejects.toThrow('refuses admin with that password');
    const missing = { adminUser: 'admin', adminPasswordFile: join(folder, 'nothing') };
    await expect(setUp(influx, missing)).rejects.toThrow('nothing cannot be read (ENOENT)');
    const nobody = { ...by(), adminUser: 'nobody' };
    await expect(setUp(influx, nobody)).rejects.toThrow('refuses nobody with that password');
    await expect(setUp({ url: 'http://127.0.0.1:9' }, by())).rejects.toThrow(
      'InfluxDB cannot be reached: connect ECONNREFUSED 127.0.0.1:9 (http://127.0.0.1:9)',
    );
    await setUp({ url: server.url, userName: 'plain', passwordFile: password('plain', 'p') }, by());
    const plain = { adminUser: 'plain', adminPasswordFile: join(folder, 'plain') };
    await expect(setUp({ url: server.url, database: 'more' }, plain)).rejects.toThrow(
      'plain is no administrator',
    );
    const half = { url: server.url, userName: 'plain' };
    await expect(setUp(half, by())).rejects.toThrow('influx.userName has no influx.passwordFile');
    const two = { ...half, passwordFile: password('two', 'a secret\n of lines') };
    await expect(setUp(two, by())).rejects.toThrow(/two has more than one line$/);
    await expect(influxSetup({}, by(), () => {})).rejects.toThrow('the configuration has no influx');
  });

  it('is a command that says what it did, and fails with a sentence', async () => {
    const shop = temporaryFolder();
    const config = join(shop, 'aisle.yaml');
    const zone = '{id: shoes, kind: entrance, polygon: [[0, 0], [1, 0], [1, 1]]}';
    writeFileSync(
      config,
      `store: {id: lyon-1, gateway: g1, timezone: Europe/Paris}
mode: anonymous
map: {zones: [${zone}]}
data: data
influx: {url: "${server.url}", database: command}
`,
    );
    const args = ['influx', 'setup', '--config', config, '--json', '--admin-user', 'admin'];
    const made = await aisle(...args, '--admin-password-file', server.admin.passwordFile);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(made.stdout)).toMatchObject({ changed: 10 });
    const refused = await aisle(...args, '--admin-password-file', config);
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr: `aisle: InfluxDB at ${server.url} refuses admin with that password\n`,
    });
  });

  it('sums five minutes up as the page would, in what is kept for long', async () => {
    const influx = { url: server.url, database: 'summed' };
    await setUp(influx, by());
    const config = influxSchema.parse({
      ...influx,
      userName: 'admin',
      passwordFile: server.admin.passwordFile,
    });
    const FIVE = 300_000;
    const at = Math.floor(Date.now() / FIVE) * FIVE - 2 * FIVE;
    const sink = influxSink(config, OWN, { log: quiet, lingerMs: 0 });
    const all = MEASUREMENTS.map((measurement) => ({
      measurement,
      tags: Object.fromEntries(measurement.tags.map((tag) => [tag.replace('?', ''), 'one'])),
    }));
    for (const [n, value] of [3, 8, 4].entries()) {
      sink.take(
        all.map(({ measurement: { name, fields }, tags }) => ({
          measurement: name,
          tags,
          fields: Object.fromEntries(fields.map((field) => [field.name, value])),
          at: at + n * 10_000,
        })),
      );
    }
    await until(() => sink.state().waiting === 0, 'InfluxDB to have all');
    await sink.close();
    // It goes over the last two hours when it starts, and then every five minutes.
    await server.stop('SIGTERM');
    await server.start();
    const sources = [0, 15 * 86_400_000].map((later) =>
      influxSource(config, OWN, { now: () => Date.now() + later }),
    );
    for (const { measurement, tags } of all) {
      for (const { name: field } of measurement.fields) {
        const query = { measurement: measurement.name, field, tags, from: at, to: at + FIVE, stepS: 300 };
        const [raw = [], long = []] = await Promise.all(sources.map((source) => settledQuery(source, query)));
        expect(raw).toHaveLength(1);
        expect(long).toEqual(raw);
      }
    }
    const { length } = await influxCli(server, 'SELECT * FROM summed.long./.*/ GROUP BY *');
    expect(length).toBe(2 * MEASUREMENTS.length);
  });
});

/** Asked until there is something: continuous queries run within a second or two of the start. */
async function settledQuery(
  source: ReturnType<typeof influxSource>,
  query: Parameters<ReturnType<typeof influxSource>['query']>[0],
) {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const lines = await source.query(query);
    if (lines.length > 0 || performance.now() > deadline) return lines;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function pipedIntoInflux({ url, admin }: Influxdb, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const env = { PATH: process.env.PATH, INFLUX_USERNAME: admin.name, INFLUX_PASSWORD: admin.password };
  return new Promise((resolve) => {
    const child = spawn('influx', ['-host', hostname, '-port', port], { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    child.on('close', () => resolve(said));
    child.stdin.end(text);
  });
}
