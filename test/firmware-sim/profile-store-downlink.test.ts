import { createPublicKey, verify } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compactVerify, importJWK, type JWK } from 'jose';
import { expect, it } from 'vitest';
import type { Waiting } from '../../firmware-sim/profile-store/downlink.ts';
import { createIssuerKey } from '../../firmware-sim/profile-store/issuer-key.ts';
import { openProfileStore } from '../../firmware-sim/profile-store/server.ts';
import { client, open, TOKEN, temporaryFolder } from './profile-store-client.ts';

async function withKey(): Promise<{ issuerKeyFile: string; publicJwk: JWK }> {
  const issuerKeyFile = join(await temporaryFolder(), 'issuer.jwk');
  return { issuerKeyFile, publicJwk: await createIssuerKey(issuerKeyFile) };
}

const command = (id: string) => ({ kind: 'command', payload: { id, action: 'setpoint' } });

it.each([
  ['consents', 'aisle-consents'],
  ['command', 'aisle-command'],
  ['decision', 'aisle-decision'],
])('signs %s so that jose verifies them with the public key', async (kind, typ) => {
  const { issuerKeyFile, publicJwk } = await withKey();
  const { post, get } = client((await open({ issuerKeyFile })).url);
  const payload = { storeId: 's1', text: 'Zoë' };
  expect((await post('/downlink', { kind, payload })).status).toBe(201);
  const { body } = await get<Waiting>('/downlink');
  const verified = await compactVerify(body.messages[0] ?? '', await importJWK(publicJwk, 'EdDSA'));
  expect(verified.protectedHeader).toEqual({ alg: 'EdDSA', kid: publicJwk.kid, typ });
  expect(JSON.parse(new TextDecoder().decode(verified.payload))).toEqual(payload);
});

it("signs so that OpenSSL's Ed25519 agrees, and not for another payload", async () => {
  const { issuerKeyFile, publicJwk } = await withKey();
  const { post, get } = client((await open({ issuerKeyFile })).url);
  await post('/downlink', command('c1'));
  const [header = '', payload = '', signature = ''] =
    (await get<Waiting>('/downlink')).body.messages[0]?.split('.') ?? [];
  const key = createPublicKey({ key: { ...publicJwk }, format: 'jwk' });
  // RFC 7515 §5.2: what is signed is the first two parts as they stand. RFC 8037 §3.1: pure Ed25519.
  const check = (text: string) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  expect(check(`${header}.${payload}`)).toBe(true);
  expect(check(`${header}.${payload.slice(0, -2)}AA`)).toBe(false);
});

it('makes a key that only its owner may read, gives the public half away, and overwrites none', async () => {
  const { issuerKeyFile, publicJwk } = await withKey();
  expect((await stat(issuerKeyFile)).mode & 0o777).toBe(0o600);
  const kept = JSON.parse(await readFile(issuerKeyFile, 'utf8')) as JWK;
  expect(publicJwk).not.toHaveProperty('d');
  expect(publicJwk).toMatchObject({ kty: 'OKP', crv: 'Ed25519', x: kept.x, kid: kept.kid });
  await expect(createIssuerKey(issuerKeyFile)).rejects.toThrow('EEXIST');
});

it('ends its start with a clear word where the key file holds no key, without quoting it', async () => {
  const data = await temporaryFolder();
  const issuerKeyFile = join(data, 'issuer.jwk');
  await writeFile(issuerKeyFile, 'secret');
  const start = () => openProfileStore({ data, token: TOKEN, issuerKeyFile });
  await expect(start()).rejects.toThrow(/issuer\.jwk: expected a JWK, found something that is not JSON$/);
  await writeFile(issuerKeyFile, '{"kty":"RSA"}');
  await expect(start()).rejects.toThrow('expected a private Ed25519 JWK');
});

it('passes a ready message on as it is and says what it cannot send', async () => {
  const { post, get } = client((await open()).url);
  expect((await post('/downlink', { jws: 'aGVhZA.Ym9keQ.c2ln' })).status).toBe(201);
  expect((await get<Waiting>('/downlink')).body.messages).toEqual(['aGVhZA.Ym9keQ.c2ln']);
  expect((await post('/downlink', { jws: 'not a jws' })).status).toBe(400);
  expect((await post('/downlink', { kind: 'gossip', payload: {} })).status).toBe(400);
  expect((await post('/downlink', command('c1'))).status).toBe(409);
});

it('gives each message once to who asks with the cursor of the answer before', async () => {
  const { issuerKeyFile } = await withKey();
  const { post, get } = client((await open({ issuerKeyFile, holdMs: 0 })).url);
  await post('/downlink', command('c1'));
  const first = (await get<Waiting>('/downlink')).body;
  expect(first.messages).toHaveLength(1);
  const empty = (await get<Waiting>(`/downlink?after=${first.cursor}`)).body;
  expect(empty).toEqual({ cursor: first.cursor, messages: [] });
  await post('/downlink', command('c2'));
  const second = (await get<Waiting>(`/downlink?after=${first.cursor}`)).body;
  expect(second.messages).toHaveLength(1);
  expect(second.cursor > first.cursor).toBe(true);
});

it('wakes a long poll as soon as there is a message', { timeout: 10_000 }, async () => {
  const { issuerKeyFile } = await withKey();
  const { url } = await open({ issuerKeyFile });
  const { post, get } = client(url);
  const polls = [get<Waiting>('/downlink'), get<Waiting>('/downlink')];
  await get('/stats');
  await post('/downlink', command('c1'));
  for (const poll of polls) expect((await poll).body.messages).toHaveLength(1);
});

it('wakes who waits at the next message, and nobody before', { timeout: 10_000 }, async () => {
  const { downlink } = await open();
  const order: string[] = [];
  const waiting = downlink.next(60_000).then(() => order.push('woken'));
  await new Promise(setImmediate);
  order.push('sent');
  downlink.enqueue('a.b.c');
  await waiting;
  expect(order).toEqual(['sent', 'woken']);
});

it('answers an empty poll when the hold is over', async () => {
  const { get } = client((await open({ holdMs: 20 })).url);
  expect((await get<Waiting>('/downlink')).body.messages).toEqual([]);
});

it('sends a long poll away when the store goes away, and lets it go when it closes', {
  timeout: 10_000,
}, async () => {
  const opened = await open();
  const { get, post } = client(opened.url);
  const cut = get('/downlink');
  await get('/stats');
  await post('/faults', { away: true });
  expect((await cut).status).toBe(503);
  await post('/faults', { away: false });
  const held = get<Waiting>('/downlink');
  await get('/stats');
  await opened.close();
  expect((await held).body.messages).toEqual([]);
});

it('starts again from the first message for a cursor of another database', async () => {
  const other = client((await open({ holdMs: 0 })).url);
  for (const jws of ['a.a.a', 'b.b.b', 'c.c.c']) await other.post('/downlink', { jws });
  const { cursor } = (await other.get<Waiting>('/downlink')).body;
  const { post, get } = client((await open({ holdMs: 0 })).url);
  await post('/downlink', { jws: 'd.d.d' });
  for (const after of [cursor, 'nonsense', '']) {
    expect((await get<Waiting>(`/downlink?after=${after}`)).body.messages).toEqual(['d.d.d']);
  }
});

it('gives large lists in answers of about a mebibyte, in order', async () => {
  const { post, get } = client((await open({ holdMs: 0 })).url);
  const large = ['a', 'b', 'c'].map((letter) => `h.${letter.repeat(700_000)}.s`);
  for (const jws of large) expect((await post('/downlink', { jws })).status).toBe(201);
  let cursor = '';
  for (const jws of large) {
    const { body } = await get<Waiting>(`/downlink?after=${cursor}`);
    expect(body.messages).toEqual([jws]);
    cursor = body.cursor;
  }
});

it('has room for a list part of 1 MiB once it is signed', async () => {
  const { post } = client((await open()).url);
  const payload = Buffer.alloc(1_048_576).toString('base64url');
  expect((await post('/downlink', { jws: `h.${payload}.s` })).status).toBe(201);
});
