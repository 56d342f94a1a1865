import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compactVerify, importJWK } from 'jose';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { importConsents } from '../../../gateway/cli/consents.ts';
import { eraseSubject, exportSubject } from '../../../gateway/cli/subject.ts';
import { readConfig } from '../../../gateway/config.ts';
import { startGateway } from '../../../gateway/gateway.ts';
import { freePort } from '../../support/free-port.ts';
import { aisle, commandShop, customer } from './command.ts';

const REPORT = { beacons: [{ uuid: 'f7826da6-4fa2-4e98-8024-bc5b71e0893e', major: 1, minor: 1, rssi: -60 }] };

/** A shop whose gateway runs, with a dashboard for commands; `get` reads from it as a program would. */
async function openShop() {
  const port = await freePort();
  const shop = await commandShop(
    `inputs: {mqtt: {listen: "127.0.0.1:0"}}\ndashboard: {listen: "127.0.0.1:${port}"}`,
  );
  const config = readConfig(shop.file);
  const gateway = await startGateway({ config, log: pino({ level: 'silent' }) });
  onTestFinished(() => gateway.close());
  const token = readFileSync(join(config.data, 'dashboard.token'), 'utf8');
  const ask = (path: string, request: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...request,
      headers: { authorization: `Bearer ${token}`, ...request.headers },
    });
  return { ...shop, config, ask };
}

type OpenShop = Awaited<ReturnType<typeof openShop>>;

async function comesIn({ ask }: OpenShop, n: number): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ ...REPORT, token: customer(n).token });
  expect((await ask('/api/app/ranged', { method: 'POST', headers, body })).status).toBe(204);
}

it('a list is taken by the gateway that runs, as a program says, and one that it refuses is not', async () => {
  const shop = await openShop();
  const list = await shop.issue([customer(1)]);
  const taken = await aisle('consents', 'import', list, '--config', shop.file);
  expect(taken).toMatchObject({ code: 0, stdout: expect.stringMatching(/^list \d+ is in force\n$/) });
  const again = await aisle('consents', 'import', list, '--config', shop.file);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not newer than/) });
  const listed = await aisle('consents', 'list', '--config', shop.file);
  expect(listed.stdout).toContain('consent-1');
});

it('R16: everything held of somebody in the shop is exported by the gateway that runs', async () => {
  const shop = await openShop();
  await importConsents(await shop.issue([customer(1), customer(2)]), shop.config);
  await comesIn(shop, 1);
  await comesIn(shop, 2);
  const text = await exportSubject(shop.config, 'person-1', Date.now());
  expect(JSON.parse(text)).toMatchObject({
    consents: [{ recordId: 'consent-1' }],
    visits: [{ recordId: 'consent-1' }],
    waiting: [{ type: 'aisle.visit.started.v1' }, { type: 'aisle.zone.entered.v1' }],
  });
  expect(text).not.toMatch(/person-2|consent-2|feedface/);
});

it('R15: somebody in the shop is erased by the gateway that runs, certified with its key, and stays unknown', async () => {
  const shop = await openShop();
  await importConsents(await shop.issue([customer(1), customer(2)]), shop.config);
  await comesIn(shop, 1);
  const jws = await eraseSubject(shop.config, 'person-1');
  const { signingKey } = (await (await shop.ask('/api/status')).json()) as {
    signingKey: Record<string, string>;
  };
  const { payload } = await compactVerify(jws, await importJWK({ ...signingKey }, 'EdDSA'));
  const { recordIds, counts, audit } = JSON.parse(Buffer.from(payload).toString());
  expect({ recordIds, counts }).toMatchObject({ recordIds: ['consent-1'], counts: { keys: 1, queued: 2 } });
  await comesIn(shop, 1);
  const { consents, visits, waiting } = JSON.parse(await exportSubject(shop.config, 'person-1', Date.now()));
  expect([consents, visits, waiting].flat()).toEqual([]);
  const head = `${audit.n}:${audit.hash}`;
  expect((await aisle('audit', 'verify', '--config', shop.file, '--head', head)).code).toBe(0);
});
