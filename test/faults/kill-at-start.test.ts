import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { committedAt, drained, judgeShop } from '../support/book.ts';
import { anonymousShop } from '../support/button-shop.ts';
import { launchGateway } from '../support/gateway-process.ts';
import { hasStrace, type KillPoint, killedAt } from '../support/kill-at.ts';
import { judge } from '../support/ledger.ts';
import { presser } from '../support/presser.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { folderOfVersion1 } from './version-1.ts';

/** In the migrations it is killed at two writes; at each by `AISLE_KILL_EVERY=1`. */
const EVERY = Number(process.env.AISLE_KILL_EVERY ?? 0);
const SHOP = anonymousShop(['b1']);

async function openedShop(): Promise<{ shop: Shop; data: (name: string) => string }> {
  const shop = await openShop(SHOP);
  onTestFinished(() => shop.close());
  return { shop, data: (name) => join(shop.folder, 'data', name) };
}

/** Starts the gateway and has it killed there; where it comes to run instead, it is stopped. */
async function startInto({ config }: Shop, point: KillPoint): Promise<'killed' | 'runs'> {
  const gateway = launchGateway(config, { under: killedAt(point) });
  const came = await Promise.race([gateway.ended, gateway.runs.then(() => 'runs').catch(() => 'killed')]);
  if (came === 'runs') await gateway.stop('SIGKILL');
  else expect(await gateway.ended, gateway.log()).toBe('SIGKILL');
  return came === 'runs' ? came : 'killed';
}

/** One point after another, on what the kill before it left; how many were met. */
async function killedAtEach(shop: Shop, points: readonly KillPoint[]): Promise<number> {
  let met = 0;
  for (const point of points) if ((await startInto(shop, point)) === 'killed') met += 1;
  return met;
}

describe.skipIf(!hasStrace)('F2, P7: killed during the start', { timeout: 120_000 }, () => {
  it('in a new folder, before each thing it makes is whole: the next start makes it', async () => {
    const { shop, data } = await openedShop();
    const points: KillPoint[] = [
      { syscall: 'link,linkat' },
      { syscall: 'pwrite64', files: [data('aisle.db-wal')], nth: 9 },
      { syscall: 'write', files: [data('dashboard.token')] },
    ];
    expect(await killedAtEach(shop, points)).toBe(points.length);
    const button = presser('b1', addDevice(readConfig(shop.config), 'b1', 0).secret);
    const gateway = await shop.start();
    await button.press(gateway.mqtt, () => button.acknowledged.size >= 50);
    await drained(shop, [button]);
    expect(judgeShop(shop, [button])).toEqual([]);
  });

  it('with a backlog in the log of a gateway that was killed: nothing of it is lost', async () => {
    const { shop, data } = await openedShop();
    const button = presser('b1', addDevice(readConfig(shop.config), 'b1', 0).secret);
    shop.profiles.faults.away = true;
    const first = await shop.start();
    await button.press(first.mqtt, () => button.acknowledged.size >= 300);
    await first.kill('SIGKILL');
    const points: KillPoint[] = [
      { syscall: 'openat', files: [data('aisle.db-wal')] },
      { syscall: 'pwrite64', files: [data('aisle.db-wal')] },
    ];
    expect(await killedAtEach(shop, points)).toBe(points.length);
    expect(judgeShop(shop, [button])).toEqual([]);
    shop.profiles.faults.away = false;
    await shop.start();
    await drained(shop, [button]);
    expect(judgeShop(shop, [button])).toEqual([]);
  });
});

describe.skipIf(!hasStrace)(
  'F2, P10: killed during a migration from the first version',
  { timeout: 120_000 },
  () => {
    it('at its writes: the backlog is there, once, and goes out under the ids that it had', {
      timeout: 600_000,
    }, async () => {
      const { shop, data } = await openedShop();
      const acknowledged = folderOfVersion1(data(''), `http ${shop.profiles.url}`, 200);
      shop.profiles.faults.away = true;
      const points = EVERY > 0 ? Array.from({ length: 400 }, (_, i) => 1 + i * EVERY) : [4, 24];
      let kills = 0;
      for (const nth of points) {
        const point = { syscall: 'pwrite64', nth, files: [data('aisle.db-wal')] };
        if ((await startInto(shop, point)) === 'runs') break;
        kills += 1;
      }
      expect(kills).toBeGreaterThan(1);
      shop.profiles.faults.away = false;
      await shop.start();
      await until(() => committedAt(shop.profiles).length >= acknowledged.length, 'the backlog');
      const committed = committedAt(shop.profiles);
      expect(judge({ acknowledged, committed })).toEqual([]);
      expect(committed.slice(0, 200).map(({ causationid }) => causationid)).toEqual(acknowledged);
      expect(new Set(committed.map(({ epoch }) => epoch)).size).toBe(1);
    });
  },
);
