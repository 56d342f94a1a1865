import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { aisle } from '../support/gateway-process.ts';
import { fill } from './loaded-shop/fill.ts';
import { liveLoad, pubackMs } from './loaded-shop/live.ts';
import { BUTTONS, loadedShop, newFolder, tokenIn } from './loaded-shop/shop.ts';

/*
 * What devices feel of a backup beside a gateway with a backlog that goes nowhere:
 *
 *   npx tsx test/bench/backup.ts [--waiting 1000000] [--live 1000]
 *
 * Gateway and backup are processes of their own. One line at the end: publish to PUBACK (ms) without and with it.
 */

const { values } = parseArgs({
  options: {
    waiting: { type: 'string', default: '1000000' },
    live: { type: 'string', default: '1000' },
  },
});
const folder = newFolder();
const away = { kind: 'http', url: 'http://127.0.0.1:9', tokenFile: tokenIn(folder) };
const shop = loadedShop(folder, BUTTONS, [away]);
await fill(shop.config, Number(values.waiting));
const { gateway, mqtt, startMs } = await shop.start();
const journal = join(shop.config.data, 'aisle.db-wal');
const load = await liveLoad(mqtt, shop.secrets, Number(values.live));

await wait(1_000);
const quiet = Date.now();
await wait(10_000);
const begun = Date.now();
const file = join(folder, 'shop.backup');
const config = join(folder, 'aisle.yaml');
const args = aisle(['backup', file, '--config', config, '--json']);
const { stdout } = await promisify(execFile)(process.execPath, args);
const ended = Date.now();
const journalMB = Math.round(statSync(journal).size / 1e6);

const presses = await load.stop();
await gateway.stop('SIGTERM');
const between = (from: number, to: number) =>
  pubackMs(presses.filter(({ publishedAt }) => publishedAt >= from && publishedAt < to));
const { bytes, rows } = JSON.parse(stdout);
shop.remove();
process.stdout.write(
  `${JSON.stringify({
    waiting: Number(values.waiting),
    live: Number(values.live),
    startMs: Math.round(startMs),
    backupS: (ended - begun) / 1_000,
    backupMB: Math.round(bytes / 1e6),
    events: rows.events,
    withoutMs: between(quiet, begun),
    withMs: between(begun, ended),
    journalMB,
  })}\n`,
);
