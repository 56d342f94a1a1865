import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDevice } from '../../gateway/cli/devices.ts';
import { readConfig } from '../../gateway/config.ts';
import { agreed } from '../support/agreed.ts';
import { committedAt, waitingIn, wipedIn } from '../support/book.ts';
import { BEACON, buttonShop } from '../support/button-shop.ts';
import { type GatewayProcess, launchGateway } from '../support/gateway-process.ts';
import { hasStrace, killWhen, socketsOf } from '../support/kill-at.ts';
import { judge } from '../support/ledger.ts';
import { connected, publish, type RawClient } from '../support/raw-mqtt.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/*
 * Each test starts the gateway on the folder that the one before it left, does one thing, and `strace` kills
 * it at the entry of a named system call. The next start is the proof that it recovers.
 */

const TOKEN = '00112233445566778899aabbccddeeff';
const REF = 'shopper-reference-1';
const SHOP = buttonShop(['b1']);

let shop: Shop;
/** The same shop without an uplink: nothing is written to a socket but what devices are told. */
let alone: string;
let secret: Buffer;
let last = 0;
const acknowledged = new Set<string>();
const data = (name: string) => join(shop.folder, 'data', name);
const held = () => ({
  acknowledged,
  committed: committedAt(shop.profiles),
  waiting: waitingIn(shop.config),
  wiped: wipedIn(shop.config),
});
const isWaiting = (cause: string) => waitingIn(shop.config).some(({ causationid }) => causationid === cause);
const isCommitted = (cause: string) =>
  committedAt(shop.profiles).some(({ causationid }) => causationid === cause);

beforeAll(async () => {
  shop = await openShop(SHOP);
  alone = join(shop.folder, 'alone.yaml');
  writeFileSync(alone, readFileSync(shop.config, 'utf8').replace(/^uplinks: .*$/m, 'uplinks: []'));
  secret = Buffer.from(addDevice(readConfig(shop.config), 'b1', 0).secret);
});
afterAll(() => shop.close());

async function started(config = shop.config): Promise<{ gateway: GatewayProcess; button: RawClient }> {
  const gateway = launchGateway(config);
  const { mqtt } = await gateway.runs;
  return { gateway, button: await connected(mqtt, 'b1', { password: secret }) };
}

/** Sends a press; its cause, and whether PUBACK came or the connection ended before. */
async function press(button: RawClient): Promise<{ cause: string; isAcknowledged: boolean }> {
  last += 1;
  const cause = `b1/b1/${last}`;
  button.send(
    publish('devices/b1/pressed', { boot: 'b1', seq: last, button: 1, press: 'press' }, { messageId: last }),
  );
  const isAcknowledged = await button.next('puback').then(
    () => true,
    () => false,
  );
  if (isAcknowledged) acknowledged.add(cause);
  return { cause, isAcknowledged };
}

describe.skipIf(!hasStrace)('F2: killed at a named point', { timeout: 120_000 }, () => {
  it.each([
    ['before the write to the log', 'pwrite64', 1, false],
    ['in the middle of the write to the log', 'pwrite64', 4, false],
    ['between the write and the fsync', 'fsync,fdatasync', 1, true],
  ])('P1, P7: %s: nothing was acknowledged', async (_point, syscall, nth, isOnDisk) => {
    const { gateway, button } = await started(alone);
    await press(button);
    await killWhen(gateway.pid, { syscall, nth, files: [data('aisle.db-wal')] });
    const { cause, isAcknowledged } = await press(button);
    expect(await gateway.ended).toBe('SIGKILL');
    // A kill does not empty the system's cache: what was written is there, told to the disk or not.
    expect([isAcknowledged, isWaiting(cause)]).toEqual([false, isOnDisk]);
    expect(judge(held())).toEqual([]);
  });

  it('P1, P2: after the commit, before PUBACK: sent again it has no second effect', async () => {
    const { gateway, button } = await started(alone);
    await press(button);
    await killWhen(gateway.pid, { syscall: 'write,writev', files: socketsOf(gateway.pid) });
    const { cause, isAcknowledged } = await press(button);
    expect(await gateway.ended).toBe('SIGKILL');
    expect([isAcknowledged, isWaiting(cause)]).toEqual([false, true]);
    const next = await started(alone);
    last -= 1;
    expect(await press(next.button)).toEqual({ cause, isAcknowledged: true });
    expect(waitingIn(alone).filter(({ causationid }) => causationid === cause)).toHaveLength(1);
    expect(judge(held())).toEqual([]);
  });

  it('P2: after the uplink’s answer, before it is settled: sent again, one effect', async () => {
    const { gateway, button } = await started();
    await until(() => waitingIn(shop.config).length === 0, 'the backlog');
    // Long enough for the trap to be set.
    shop.profiles.faults.delayMs = 3_000;
    const { cause } = await press(button);
    await killWhen(gateway.pid, { syscall: 'pwrite64', files: [data('aisle.db-wal')] });
    expect(await gateway.ended).toBe('SIGKILL');
    shop.profiles.faults.delayMs = 0;
    expect([isCommitted(cause), isWaiting(cause)]).toEqual([true, true]);
    expect(judge(held())).toEqual([]);
  });

  it('P7: in the middle of a checkpoint', async () => {
    const { gateway, button } = await started(alone);
    // The second page of the database itself: the first is there, the others are not.
    await killWhen(gateway.pid, { syscall: 'pwrite64', nth: 2, files: [data('aisle.db')] });
    while ((await press(button)).isAcknowledged);
    expect(await gateway.ended).toBe('SIGKILL');
    expect(judge(held())).toEqual([]);
  });

  it.each([
    ['before its first page', 'pwrite64', 1, 'aisle.db-wal', true],
    ['in its middle', 'pwrite64', 6, 'aisle.db-wal', true],
    ['before its fsync', 'fsync,fdatasync', 1, 'aisle.db-wal', 'either'],
    ['in the checkpoint that empties the log', 'pwrite64', 2, 'aisle.db', false],
    ['before the log is emptied', 'ftruncate', 1, 'aisle.db-wal', false],
  ])(
    'P14: in an erasure, %s: all of the person is there, or nothing',
    async (_point, syscall, nth, file, isAll) => {
      shop.profiles.faults.away = false;
      const { gateway } = await started();
      const { http } = await gateway.runs;
      const bearer = { authorization: `Bearer ${readFileSync(data('dashboard.token'), 'utf8')}` };
      const person = () => waitingIn(shop.config).filter((event) => JSON.stringify(event).includes(REF));
      await visit(gateway, http);
      const before = person().length;
      await killWhen(gateway.pid, { syscall, nth, files: [data(file)] });
      await fetch(`http://127.0.0.1:${http}/subjects/${REF}`, { method: 'DELETE', headers: bearer }).catch(
        () => {},
      );
      expect(await gateway.ended).toBe('SIGKILL');
      // The first fsync may be one that settles what left before the profile store went away.
      expect([isAll !== false && before, isAll !== true && 0]).toContain(person().length);
      expect(judge(held())).toEqual([]);
    },
  );

  it('and after all of these everything arrives, each once, in order', async () => {
    shop.profiles.faults.away = false;
    await started();
    await until(() => waitingIn(shop.config).length === 0, 'the backlog', 30_000);
    const committed = committedAt(shop.profiles);
    expect(judge({ acknowledged, committed })).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(10);
  });
});

let version = 0;
/** The person agrees, and is seen while the profile store is away. */
async function visit(gateway: GatewayProcess, http: number): Promise<void> {
  version += 1;
  const records = [
    agreed([{ kind: 'app', token: TOKEN }], { subjectRef: REF, version, recordId: `c${version}` }),
  ];
  const payload = { storeId: 's1', list: 'full', version, issuedAt: new Date().toISOString(), records };
  await shop.ask('/downlink', { kind: 'consents', payload });
  await until(() => gateway.log().includes('taken from the central platform'), 'the consents');
  shop.profiles.faults.away = true;
  const beacons = [{ ...BEACON, rssi: -60 }];
  const told = { method: 'POST', body: JSON.stringify({ token: TOKEN, beacons }) };
  const isSeen = async () => {
    await fetch(`http://127.0.0.1:${http}/api/app/ranged`, told);
    return waitingIn(shop.config).some((event) => JSON.stringify(event).includes(REF));
  };
  while (!(await isSeen()));
}
