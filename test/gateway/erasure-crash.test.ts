import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { compactVerify, importJWK } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import { agreed } from '../support/agreed.ts';
import { BEACON, buttonShop } from '../support/button-shop.ts';
import { openShop, type RunningGateway, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** Rounds of the crash in the middle; more by `AISLE_ROUNDS=50`. */
const ROUNDS = Number(process.env.AISLE_ROUNDS ?? 4);
const SHOP = buttonShop([]);

const tokenOf = (n: number) => (0xabc0 + n).toString(16).padStart(32, 'e');
const refOf = (n: number) => `shopper-reference-${n}`;
const record = (n: number) =>
  agreed([{ kind: 'app', token: tokenOf(n) }], { recordId: `c${n}`, subjectRef: refOf(n) });

/** The gateway's own requests, with the dashboard's token. */
function dashboard(shop: Shop, gateway: RunningGateway) {
  const token = readFileSync(join(shop.folder, 'data/dashboard.token'), 'utf8');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const at = `http://127.0.0.1:${gateway.http}`;
  return {
    walk: (n: number) =>
      fetch(`${at}/api/app/ranged`, {
        method: 'POST',
        body: JSON.stringify({ token: tokenOf(n), beacons: [{ ...BEACON, rssi: -60 }] }),
      }),
    erase: async (n: number) =>
      (
        await fetch(`${at}/subjects/${refOf(n)}`, {
          method: 'DELETE',
          headers: { authorization: headers.authorization },
        })
      ).json() as Promise<{
        certificate: string;
      }>,
    held: async (n: number) =>
      (
        await fetch(`${at}/api/subjects/export`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ ref: refOf(n) }),
        })
      ).json() as Promise<{ consents: unknown[]; visits: unknown[]; waiting: unknown[] }>,
    status: async () =>
      (await fetch(`${at}/api/status`, { headers })).json() as Promise<{ signingKey: object }>,
  };
}

it(`R15: survives a crash in the middle (${ROUNDS} times): all of a person is gone, or nothing, and then all`, {
  timeout: 30_000 + ROUNDS * 15_000,
}, async () => {
  const shop = await openShop(SHOP);
  onTestFinished(() => shop.close());
  let gateway = await shop.start();
  const records = Array.from({ length: ROUNDS }, (_, n) => record(n));
  const issuedAt = new Date().toISOString();
  const payload = { storeId: 's1', list: 'full', version: 1, issuedAt, records };
  await shop.ask('/downlink', { kind: 'consents', payload });
  await until(() => gateway.log().includes('shoppers who agreed are recognised'), 'the list', 20_000);
  shop.profiles.faults.away = true;

  let certificate = '';
  for (let n = 0; n < ROUNDS; n += 1) {
    const before = dashboard(shop, gateway);
    expect((await before.walk(n)).status).toBe(204);
    expect((await before.held(n)).waiting.length).toBeGreaterThan(0);
    const erasing = before.erase(n).catch(() => undefined);
    await wait((n * 7) % 20);
    await gateway.kill('SIGKILL');
    await erasing;
    gateway = await shop.start();

    const after = dashboard(shop, gateway);
    const { consents, visits, waiting } = await after.held(n);
    const isThere = [consents, visits, waiting].map(({ length }) => length > 0);
    expect(new Set(isThere).size).toBe(1);
    certificate = (await after.erase(n)).certificate;
    expect(await after.held(n)).toMatchObject({ consents: [], visits: [], waiting: [] });
  }

  const { signingKey } = await dashboard(shop, gateway).status();
  const { payload: certified } = await compactVerify(certificate, await importJWK(signingKey, 'EdDSA'));
  expect(JSON.parse(Buffer.from(certified).toString())).toMatchObject({ storeId: 's1', gateway: 'g1' });
  await gateway.kill('SIGTERM');
  const data = join(shop.folder, 'data');
  const octets = Buffer.concat(readdirSync(data).map((name) => readFileSync(join(data, name))));
  const marks = records.flatMap((_, n) => [refOf(n), tokenOf(n), Buffer.from(tokenOf(n), 'hex')]);
  expect(marks.filter((mark) => octets.includes(mark) || gateway.log().includes(String(mark)))).toEqual([]);
});
