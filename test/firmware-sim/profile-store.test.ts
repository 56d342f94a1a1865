import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Stats } from '../../firmware-sim/profile-store/ledger.ts';
import { BATCH_BYTES } from '../../firmware-sim/profile-store/routes.ts';
import type { StoredEvent } from '../../firmware-sim/profile-store/store.ts';
import { BATCH, client, event, open, press, TEN, TOKEN, temporaryFolder } from './profile-store-client.ts';

type Page = { events: StoredEvent[]; next: number };

it('answers with the ids that it has taken, and gives the events back as they came', async () => {
  const { send, get } = client((await open()).url);
  const batch = [press(1), press(2, { causationid: 'b1/k/2' })];
  const answer = await send(batch);
  expect(answer).toEqual({ status: 200, body: { accepted: batch.map(({ id }) => id), rejected: [] } });
  const { body } = await get<Page>('/events');
  expect(body.events.map((stored) => stored.event)).toEqual(batch);
});

it('takes an event that comes again without a second effect, within a batch and across batches', async () => {
  const { send, get } = client((await open()).url);
  await send([press(1), press(1)]);
  const again = await send([press(1), press(2)]);
  expect(again.body.accepted).toEqual([press(1).id, press(2).id]);
  const { body } = await get<Stats>('/stats');
  expect(body).toMatchObject({ received: 2, duplicates: 2, rejected: 0, presses: 2 });
});

it('keeps equal ids of two sources apart', async () => {
  const { send, get } = client((await open()).url);
  await send([press(1), press(1, { source: 'urn:aisle:store:s1:gateway:g2' })]);
  expect((await get<Stats>('/stats')).body).toMatchObject({ received: 2, duplicates: 0 });
});

it('rejects what is no CloudEvent by id and takes the rest of the batch', async () => {
  const { send, get } = client((await open()).url);
  const answer = await send([press(1), { ...press(2), type: undefined }, 'nonsense', press(3)]);
  expect(answer.status).toBe(200);
  expect(answer.body.accepted).toEqual([press(1).id, press(3).id]);
  expect(answer.body.rejected).toEqual([
    { id: press(2).id, reason: `required attribute 'type' must be a non-empty string` },
    { id: null, reason: 'an event must be a JSON object' },
  ]);
  expect((await get<Stats>('/stats')).body).toMatchObject({ received: 2, rejected: 2 });
});

it('lets nobody in without the token, on any route', async () => {
  const { url } = await open();
  for (const token of ['', 'wrong', `${TOKEN}x`, TOKEN.slice(0, -1)]) {
    const { get, send, post } = client(url, token);
    expect((await send([press(1)])).status).toBe(401);
    expect((await post('/downlink', { jws: 'a.b.c' })).status).toBe(401);
    expect((await post('/faults', { away: true })).status).toBe(401);
    for (const path of ['/events', '/profiles', '/profiles/p1', '/stats', '/downlink', '/nowhere']) {
      expect((await get(path)).status).toBe(401);
    }
  }
  expect((await fetch(`${url}/stats`)).status).toBe(401);
  expect((await client(url).get<Stats>('/stats')).body.received).toBe(0);
});

it('takes no other content type than the CloudEvents batch', async () => {
  const { url } = await open();
  const { send } = client(url);
  for (const type of ['application/json', 'application/cloudevents+json', 'text/plain']) {
    expect((await send([press(1)], type)).status).toBe(415);
  }
  expect((await send([press(1)], `${BATCH}; charset=utf-8`)).status).toBe(200);
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': BATCH, 'content-encoding': 'gzip' };
  expect((await fetch(`${url}/events`, { method: 'POST', headers, body: 'gz' })).status).toBe(415);
});

it('refuses a body that is not a JSON array in UTF-8', async () => {
  const { send } = client((await open()).url);
  expect((await send('{"specversion"')).status).toBe(400);
  expect((await send(JSON.stringify(press(1)))).status).toBe(400);
  expect((await send(Uint8Array.from([0x5b, 0x22, 0xff, 0x22, 0x5d]))).status).toBe(400);
  expect(await send([])).toEqual({ status: 200, body: { accepted: [], rejected: [] } });
});

it('takes a hundred events and refuses one more with 413, taking none', async () => {
  const { send, get } = client((await open()).url);
  const events = Array.from({ length: 101 }, (_, i) => press(i + 1));
  expect((await send(events)).status).toBe(413);
  expect((await get<Stats>('/stats')).body.received).toBe(0);
  expect((await send(events.slice(1))).body.accepted).toHaveLength(100);
});

it('takes a batch of exactly 1 MiB and refuses one octet more with 413', async () => {
  const { send } = client((await open()).url);
  const text = JSON.stringify([press(1)]);
  expect((await send(text.padEnd(BATCH_BYTES))).status).toBe(200);
  expect((await send(text.padEnd(BATCH_BYTES + 1))).status).toBe(413);
});

it('rejects one event over 64 KiB and takes its neighbours', async () => {
  const { send } = client((await open()).url);
  const large = event(2, 'device.health', { state: 'x'.repeat(65_536) });
  const { body } = await send([press(1), large, press(3)]);
  expect(body.accepted).toEqual([press(1).id, press(3).id]);
  expect(body.rejected).toEqual([{ id: large.id, reason: 'an event has at most 65536 octets' }]);
});

it('says when each event was committed, and pages through them', async () => {
  let now = TEN;
  const { send, get } = client((await open({ now: () => now })).url);
  await send([press(1), press(2)]);
  now += 5000;
  await send([press(2), press(3)]);
  const first = await get<Page>('/events?limit=2');
  expect(first.body.events.map(({ receivedAt }) => receivedAt)).toEqual([TEN, TEN]);
  const rest = await get<Page>(`/events?after=${first.body.next}`);
  expect(rest.body.events).toMatchObject([{ receivedAt: TEN + 5000, event: { id: press(3).id } }]);
  expect((await get<Page>(`/events?after=${rest.body.next}`)).body.events).toEqual([]);
  expect((await get('/events?after=x')).status).toBe(400);
  expect((await get('/events?limit=0')).status).toBe(400);
});

it('stamps the time after the commit, not before it', async () => {
  // The clock moves with every look at it: the first is before the commit, the second after.
  let now = TEN;
  const { send, get } = client((await open({ now: () => now++ })).url);
  await send([press(1), press(2)]);
  const { body } = await get<Page>('/events');
  expect(body.events.map(({ receivedAt }) => receivedAt)).toEqual([TEN + 1, TEN + 1]);
});

it('takes events from another worker by a plain function', async () => {
  const { url, store } = await open();
  expect(store.take([press(1)])).toEqual({ accepted: [press(1).id], rejected: [] });
  expect((await client(url).get<Stats>('/stats')).body.received).toBe(1);
});

it('goes away on request and comes back', async () => {
  const { send, post, get } = client((await open()).url);
  await post('/faults', { away: true });
  expect((await send([press(1)])).status).toBe(503);
  expect((await get('/downlink')).status).toBe(503);
  expect((await get<Stats>('/stats')).body.received).toBe(0);
  await post('/faults', { away: false });
  expect((await send([press(1)])).status).toBe(200);
  expect((await post('/faults', { asleep: true })).status).toBe(400);
});

it('rejects the event types it is asked to', async () => {
  const { send, post } = client((await open()).url);
  await post('/faults', { rejectTypes: ['aisle.button.pressed.v1'] });
  const health = event(2, 'device.health', { state: 'online' });
  const { body } = await send([press(1), health]);
  expect(body.accepted).toEqual([health.id]);
  expect(body.rejected.map(({ id }) => id)).toEqual([press(1).id]);
});

it('commits a batch and cuts the line instead of answering, as often as asked', async () => {
  const { send, post, get } = client((await open()).url);
  await post('/faults', { loseReplies: 1 });
  await expect(send([press(1)])).rejects.toThrow();
  expect((await send([press(1)])).body.accepted).toEqual([press(1).id]);
  expect((await get<Stats>('/stats')).body).toMatchObject({ received: 1, duplicates: 1 });
});

it('serves curl, a client that is not ours', async () => {
  const { url } = await open();
  const file = join(await temporaryFolder(), 'batch.json');
  await writeFile(file, JSON.stringify([press(1)]));
  const curl = async (...options: string[]) => {
    const status = ['--silent', '--show-error', '--write-out', '\n%{http_code}'];
    const { stdout } = await promisify(execFile)('curl', [...status, ...options]);
    return stdout.split('\n');
  };
  const bearer = ['--header', `Authorization: Bearer ${TOKEN}`];
  const type = ['--header', `Content-Type: ${BATCH}`];
  const body = `{"accepted":["${press(1).id}"],"rejected":[]}`;
  expect(await curl(...bearer, ...type, '--data-binary', `@${file}`, `${url}/events`)).toEqual([body, '200']);
  expect((await curl(...type, '--data-binary', `@${file}`, `${url}/events`)).at(-1)).toBe('401');
  // 2 MiB: curl asks with `Expect: 100-continue` first and must still get its 413 (RFC 9110 §10.1.1).
  await writeFile(file, JSON.stringify([press(1)]).padEnd(2 * BATCH_BYTES));
  expect((await curl(...bearer, ...type, '--data-binary', `@${file}`, `${url}/events`)).at(-1)).toBe('413');
});
