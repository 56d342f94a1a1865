import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addDevice } from '../../../gateway/cli/devices.ts';
import { forget, outboxStatus, redrive, showDead } from '../../../gateway/cli/outbox.ts';
import { type Config, readConfig } from '../../../gateway/config.ts';
import { uplinkName } from '../../../gateway/uplinks/index.ts';
import { acknowledgedBy, committedAt, waitingIn } from '../../support/book.ts';
import { anonymousShop } from '../../support/button-shop.ts';
import { freePort } from '../../support/free-port.ts';
import { judge } from '../../support/ledger.ts';
import { type Presser, presser } from '../../support/presser.ts';
import { openShop, type Shop } from '../../support/shop.ts';
import { until } from '../../support/until.ts';
import { aisle } from './command.ts';

const YAML = anonymousShop(['b1']);
const PRESSED = 'aisle.button.pressed.v1';

let shop: Shop;
let config: Config;
let button: Presser;

beforeEach(async () => {
  shop = await openShop(YAML);
  const text = readFileSync(shop.config, 'utf8');
  const listen = `dashboard: {listen: "127.0.0.1:${await freePort()}"}`;
  writeFileSync(shop.config, text.replace(/^dashboard: .*$/m, listen));
  config = readConfig(shop.config);
  button = presser('b1', addDevice(config, 'b1', 0).secret);
});
afterEach(() => shop.close());

function said(work: (out: (line: string) => void) => void): string[] {
  const lines: string[] = [];
  work((line) => lines.push(line));
  return lines;
}

const dead = () => said((out) => showDead(config, { json: true }, out)).map((line) => JSON.parse(line));
const status = () => JSON.parse(said((out) => outboxStatus(config, true, out))[0] ?? '');
const pressesAtStore = () => committedAt(shop.profiles).filter(({ type }) => type === PRESSED);
const book = (redriven: string[]) => ({
  acknowledged: acknowledgedBy([button]),
  waiting: waitingIn(shop.config),
  committed: committedAt(shop.profiles),
  redriven: new Set(redriven),
});

/** A gateway whose profile store refuses each press for good. */
async function refusing(presses: number) {
  shop.profiles.faults.rejectTypes = [PRESSED];
  const gateway = await shop.start();
  await button.press(gateway.mqtt, () => button.acknowledged.size >= presses);
  await until(() => dead().length === button.acknowledged.size, 'the dead letters');
  shop.profiles.faults.rejectTypes = [];
  return gateway;
}

describe('P9, F12: dead letters', () => {
  it('are listed, exported as they are, and driven again beside the gateway that runs', async () => {
    await refusing(5);
    const letters = dead();
    const ids = letters.map(({ id }) => id);
    expect(letters[0]).toMatchObject({ uplink: uplinkName(shopUplink()), type: PRESSED });
    const exported = said((out) => showDead(config, { export: true }, out)).map((line) => JSON.parse(line));
    expect(exported.map(({ id }) => id)).toEqual(ids);
    expect(exported[0]).toMatchObject({ specversion: '1.0', data: { press: 'press' } });
    expect(judge(book([]))).toEqual([]);
    const ran = await aisle('outbox', 'redrive', '--id', ids[0], ids[1], '--config', shop.config, '--json');
    expect(JSON.parse(ran.stdout)).toEqual({ redriven: 2, gone: 0, unconfigured: 0 });
    await until(() => pressesAtStore().length === 2, 'the two');
    expect(await redrive(config, {})).toMatchObject({ redriven: ids.length - 2 });
    await until(() => pressesAtStore().length === ids.length, 'all of them');
    await until(() => status().waiting === 0, 'the end');
    expect(judge(book(ids))).toEqual([]);
    expect(status()).toMatchObject({ dead: 0, owed: {} });
  });

  it('are driven again while no gateway runs, and arrive when one does', async () => {
    const gateway = await refusing(3);
    await gateway.kill('SIGTERM');
    const ids = dead().map(({ id }) => id);
    expect(await redrive(config, { uplink: uplinkName(shopUplink()) })).toMatchObject({
      redriven: ids.length,
    });
    expect(status()).toMatchObject({ dead: 0, waiting: ids.length });
    await shop.start();
    await until(() => pressesAtStore().length === ids.length, 'all of them');
    expect(judge(book(ids))).toEqual([]);
  });

  it('of an uplink that nobody knows are a mistake, told with those that there are', async () => {
    const { code, stderr } = await aisle('outbox', 'redrive', '--uplink', 'x', '--config', shop.config);
    expect([code, stderr]).toEqual([1, expect.stringContaining(uplinkName(shopUplink()))]);
  });
});

it('what an uplink is owed that is configured no more is shown, and given up on demand', async () => {
  shop.profiles.faults.away = true;
  const gateway = await shop.start();
  await button.press(gateway.mqtt, () => button.acknowledged.size >= 3);
  await gateway.kill('SIGTERM');
  const old = uplinkName(shopUplink());
  await expect(forget(config, old)).rejects.toThrow(/is configured/);
  const text = readFileSync(shop.config, 'utf8');
  writeFileSync(
    shop.config,
    text.replace(/^uplinks: .*$/m, 'uplinks: [{kind: http, url: "http://127.0.0.1:9"}]'),
  );
  config = readConfig(shop.config);
  const shown = said((out) => outboxStatus(config, false, out)).join('\n');
  expect(shown).toMatch(new RegExp(`${old}, which is not configured`));
  const owed = status().owed[old];
  expect(owed).toBeGreaterThanOrEqual(3);
  expect(await forget(config, old)).toBe(owed);
  expect(status().owed[old]).toBeUndefined();
  expect(waitingIn(shop.config).map(({ type }) => type)).toContain('aisle.gateway.gap.v1');
});

function shopUplink() {
  const [uplink] = readConfig(shop.config).uplinks;
  if (!uplink) throw new Error('the shop has an uplink');
  return uplink;
}
