import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompactSign, importJWK, type JWK } from 'jose';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openShop, type RunningGateway, type Shop } from '../../support/shop.ts';

const YAML = `
store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "4", languages: [fr]}}
mode: identify
map: {}
`;
const TOKEN = '5ea1ed00112233445566778899aabbcc';

let shop: Shop;
let gateway: RunningGateway;

beforeEach(async () => {
  shop = await openShop(YAML);
  gateway = await shop.start();
});
afterEach(() => shop.close());

async function checkInCode(): Promise<string> {
  const jwk = JSON.parse(readFileSync(join(shop.folder, 'issuer.jwk'), 'utf8')) as JWK;
  const payload = {
    storeId: 's1',
    recordId: 'c1',
    version: 3,
    subjectRef: 'p_1',
    keys: [{ kind: 'app', token: TOKEN }],
    expiresAt: new Date(Date.now() + 600_000).toISOString(),
  };
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'aisle-check-in', kid: String(jwk.kid) })
    .sign(await importJWK(jwk, 'EdDSA'));
}

async function post(path: string, body: object) {
  const answer = await fetch(`http://127.0.0.1:${gateway.http}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const look = async (code: string) => (await post('/api/kiosk/look', { code })).json;

it('R7: what was answered at the kiosk of a running gateway stands after kill -9, either way', {
  timeout: 90_000,
}, async () => {
  const code = await checkInCode();
  expect(await look(TOKEN)).toMatchObject({ known: false });
  const granted = await post('/api/kiosk/grant', { code, purposes: ['recognition'] });
  expect(granted).toMatchObject({ status: 200, json: { done: 'granted', version: 4 } });
  await gateway.kill('SIGKILL');
  gateway = await shop.start();
  expect(await look(TOKEN)).toMatchObject({
    known: true,
    held: { recordId: 'c1', purposes: ['recognition'] },
  });
  const withdrawn = await post('/api/kiosk/withdraw', { code: TOKEN });
  expect(withdrawn).toMatchObject({ status: 200, json: { done: 'withdrawn', version: 4, held: null } });
  await gateway.kill('SIGKILL');
  gateway = await shop.start();
  expect(await look(TOKEN)).toMatchObject({ known: false });
  expect(await look(code)).toMatchObject({ known: true, held: null });
});

it('R28: page and notice answer anybody, what says who is where does not', async () => {
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${gateway.http}${path}`)).status;
  for (const path of ['/kiosk', '/kiosk/kiosk.js', '/notice', '/api/notice'])
    expect(await status(path)).toBe(200);
  expect(await status('/api/status')).toBe(401);
});

it('R13: neither the code nor its key stands in the log or, in clear, on disk', async () => {
  const code = await checkInCode();
  await post('/api/kiosk/grant', { code, purposes: ['recognition'] });
  await post('/api/kiosk/look', { code: `${code}x` });
  await post('/api/app/consent', { code: TOKEN, choice: 'withdraw' });
  const data = join(shop.folder, 'data');
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const written = files.map(({ parentPath, name }) =>
    readFileSync(join(parentPath, name)).toString('latin1'),
  );
  expect(written.length).toBeGreaterThan(0);
  for (const text of [gateway.log(), ...written]) {
    for (const secret of [TOKEN, ...code.split('.')]) expect(text.includes(secret)).toBe(false);
    expect(text.includes(Buffer.from(TOKEN, 'hex').toString('latin1'))).toBe(false);
  }
});
