import { writeFileSync } from 'node:fs';
import { Analytics } from '@segment/analytics-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readEvent } from '../../../gateway/uplinks/read-event.ts';
import { MAX_BATCH, MAX_CALL, segmentUplink } from '../../../gateway/uplinks/segment.ts';
import { segmentCalls } from '../../../gateway/uplinks/segment-calls.ts';
import { type OutgoingEvent, RetryAfter } from '../../../gateway/uplinks/uplink.ts';
import { eventsOfStory, stories } from '../story-events.ts';
import {
  event,
  events,
  personalEvent,
  type StoreRequest,
  secretFile,
  segmentStore,
  storeServer,
} from './receivers.ts';

const never = new AbortController().signal;
const NOW = Date.UTC(2026, 2, 1, 10, 0, 5);

const granted = (n: number, ref = 'crm-1') =>
  personalEvent(
    n,
    'consent.granted',
    {
      visitId: undefined,
      recordId: 'r-1',
      version: 2,
      purposes: ['recognition', 'location'],
      method: 'kiosk',
      noticeVersion: '3',
      language: 'fr',
      validUntil: '2027-03-01T00:00:00Z',
      effectiveAt: '2026-03-01T10:00:00.000Z',
    },
    ref,
  );

/** A store that answers in its own way, and an uplink to it. */
async function answering(answer: (request: StoreRequest) => boolean = () => false) {
  const store = await segmentStore(answer);
  const uplink = store.uplink();
  onTestFinished(() => uplink.close());
  return { ...store, send: uplink.send };
}

const always = (status: number, body = '', headers: Record<string, string> = {}) =>
  answering(({ response }) => Boolean(response.writeHead(status, headers).end(body)));

type Told = Record<string, unknown> & {
  context: Record<string, unknown>;
  timestamp: string;
  messageId: string;
};

/** The calls of an event, as they stand in a batch. */
const callsOf = (one: OutgoingEvent) => JSON.parse(JSON.stringify(segmentCalls(readEvent(one)))) as Told[];

describe('beside the official client, @segment/analytics-node', () => {
  /** What the client adds, and this uplink does not: its own name, its runtime, the key in the body too. */
  const ITS_OWN = { call: ['_metadata'], batch: ['writeKey'] };

  /** One server that keeps what both send. */
  async function both(sent: OutgoingEvent) {
    const { port, requests } = await storeServer(({ response }) => response.end('{"success": true}'));
    const url = `http://127.0.0.1:${port}`;
    const ours = segmentUplink({ url, writeKeyFile: secretFile('a-key') }, 5_000, () => NOW);
    onTestFinished(() => ours.close());
    await ours.send([sent], never);
    const client = new Analytics({ writeKey: 'a-key', host: url, flushAt: 10 });
    for (const call of callsOf(sent)) {
      const { type, messageId, timestamp, context } = call;
      const who =
        call.userId === undefined
          ? { anonymousId: String(call.anonymousId) }
          : { userId: String(call.userId) };
      const common = { ...who, messageId, timestamp: new Date(timestamp), context: { ...context } };
      if (type === 'identify') client.identify({ ...common, traits: call.traits as object });
      else client.track({ ...common, event: String(call.event), properties: call.properties as object });
    }
    await client.closeAndFlush();
    expect(requests).toHaveLength(2);
    return requests as [StoreRequest, StoreRequest];
  }

  const without = (object: object, keys: readonly string[]) =>
    Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));

  it.each([
    ['a person’s event', personalEvent(1)],
    [
      'an event of nobody',
      event(2, 'shelf.stock.changed', { sku: 'A–1 größe', estimatedUnits: 3, weightG: 1e-7 }),
    ],
    ['a consent granted in the shop', granted(3)],
  ])('sends %s field by field the same, but for a stated list', async (_what, sent) => {
    const [ours, theirs] = await both(sent);
    expect(ours.method).toBe(theirs.method);
    expect(ours.url.pathname).toBe(theirs.url.pathname);
    expect(ours.url.pathname).toBe('/v1/batch');
    expect(ours.headers.authorization).toBe(theirs.headers.authorization);
    expect(ours.headers['content-type']).toBe(theirs.headers['content-type']);

    expect(Object.keys(without(theirs.body, ITS_OWN.batch)).sort()).toEqual(Object.keys(ours.body).sort());
    const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
    expect(theirs.body.sentAt).toMatch(form);
    expect(ours.body.sentAt).toBe('2026-03-01T10:00:05.000Z');

    const [mine, its] = [ours.body.batch as Told[], theirs.body.batch as Told[]];
    expect(mine).toHaveLength(its.length);
    for (const [i, call] of mine.entries()) {
      const other = without(its[i] as Told, ITS_OWN.call) as Told;
      expect(other.context.library).toMatchObject({ name: '@segment/analytics-node' });
      expect(call.context.library).toEqual({ name: 'aisle' });
      expect(call).toEqual({ ...other, context: { ...other.context, library: call.context.library } });
    }
  });
});

describe('a call', () => {
  it('P2: has one messageId for one event wherever and however often it is told, at most 100 characters', () => {
    const [first] = callsOf(event(1));
    expect(first?.messageId).toBe(callsOf(event(1))[0]?.messageId);
    const long = `urn:aisle:store:${'s'.repeat(64)}:gateway:${'g'.repeat(64)}`;
    const elsewhere = { ...event(1), body: event(1).body.replace('urn:aisle:store:s1:gateway:g1', long) };
    const other = String(callsOf(elsewhere)[0]?.messageId);
    // Segment knows messageIds across all its customers: the same id of another source is another event.
    expect(other).not.toBe(first?.messageId);
    const all = [...callsOf(granted(2)), ...callsOf(elsewhere)].map(({ messageId }) => String(messageId));
    expect(new Set(all).size).toBe(3);
    expect(all.every((id) => id.length <= 100)).toBe(true);
  });

  it('is the person’s, or the gateway’s, and never both', () => {
    const [theirs] = callsOf(personalEvent(1));
    expect(theirs).toMatchObject({ userId: 'crm-1', event: 'Zone Entered' });
    expect(theirs).not.toHaveProperty('anonymousId');
    const [shops] = callsOf(event(2, 'shelf.item.picked'));
    expect(shops).toMatchObject({ anonymousId: 'urn:aisle:store:s1:gateway:g1', event: 'Shelf Item Picked' });
    expect(shops).not.toHaveProperty('userId');
  });

  it('says when it happened, and carries what it is put in order by', () => {
    const [call] = callsOf(event(7));
    expect(call).toMatchObject({
      timestamp: '2026-03-01T10:00:00.000Z',
      context: { aisle: { id: event(7).id, epoch: 'e0e0e0e0', sequence: '00000000000000000007' } },
    });
  });

  it('names the purposes that it rests on, and does not deny those that it does not need', () => {
    const [call] = callsOf(personalEvent(1));
    expect(call?.context.consent).toEqual({
      categoryPreferences: { recognition: true, location: true },
      recordId: 'r-1',
      version: 2,
      noticeVersion: '3',
    });
    expect(call?.context.consentManagement).toMatchObject({
      allowedConsentIds: ['recognition', 'location'],
      deniedConsentIds: [],
    });
    expect(callsOf(event(2))[0]?.context).not.toHaveProperty('consent');
  });

  it('of a granted consent is an identify with what was agreed to, and Segment’s own event', () => {
    const [identify, track] = callsOf(granted(1));
    const preferences = {
      recognition: true,
      location: true,
      interaction: false,
      personalisation: false,
      assistance: false,
    };
    expect(identify).toMatchObject({
      type: 'identify',
      userId: 'crm-1',
      traits: { consentRecordId: 'r-1', consentVersion: 2, consentLanguage: 'fr' },
      context: { consent: { categoryPreferences: preferences } },
    });
    expect(track).toMatchObject({
      type: 'track',
      event: 'Segment Consent Preference Updated',
      context: { consent: { categoryPreferences: preferences } },
    });
  });

  it.each([
    ['consent.withdrawn', { recordId: 'r-1', version: 3, purposes: ['recognition'] }],
    ['subject.erased', { recordIds: ['r-1'], certificateId: 'c-1' }],
    ['visit.ended', { visitId: 'v', recordId: 'r-1', reason: 'withdrawn' }],
  ])('of %s names nobody: who is gone does not come back by it', (name, data) => {
    const calls = callsOf(event(1, name, data));
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ type: 'track', anonymousId: expect.stringContaining('urn:aisle') });
    expect(calls[0]).not.toHaveProperty('userId');
    expect(calls[0]?.context).not.toHaveProperty('consent');
  });

  it.each(stories)('R11: names in the story “%s” exactly who agreed, and says by what', async (story) => {
    for (const one of await eventsOfStory(story)) {
      const { subject, consent } = JSON.parse(one.body).data;
      for (const call of callsOf(one)) {
        expect(call.userId).toBe(subject?.ref);
        expect(JSON.stringify(call).includes(subject?.ref ?? '\0')).toBe(subject !== undefined);
        expect(call.context.consent !== undefined).toBe(consent !== undefined);
      }
    }
  });
});

describe('a request', () => {
  // The examples in RudderStack's and Segment's documentation of their HTTP API.
  it.each([
    ['1Xk5DChfJAol3xtW7qNnK1apo5p', 'Basic MVhrNURDaGZKQW9sM3h0VzdxTm5LMWFwbzVwOg=='],
    ['abc123', 'Basic YWJjMTIzOg=='],
  ])('has the write key %s as Basic user, as documented', async (key, header) => {
    const { port, requests } = await storeServer(({ response }) => response.end('OK'));
    const uplink = segmentUplink({ url: `http://127.0.0.1:${port}`, writeKeyFile: secretFile(key) });
    onTestFinished(() => uplink.close());
    await uplink.send([event(1)], never);
    expect(requests[0]?.headers.authorization).toBe(header);
  });

  it('reads the write key each time, so that a rotated one needs no restart', async () => {
    const { line, calls } = await segmentStore();
    const writeKeyFile = secretFile('old');
    const uplink = segmentUplink({ url: `http://127.0.0.1:${line.port}`, writeKeyFile });
    onTestFinished(() => uplink.close());
    await expect(uplink.send([event(1)], never)).rejects.toThrow('HTTP 401');
    writeFileSync(writeKeyFile, 'right\n');
    await uplink.send([event(1)], never);
    expect(calls()).toHaveLength(1);
  });

  it('has at most 500 KB, in the order of the events', async () => {
    const { requests, send } = await answering();
    const heavy = Array.from({ length: 60 }, (_, i) => event(i + 1, 'x', { text: 'x'.repeat(20_000) }));
    expect((await send(heavy, never)).accepted).toEqual(heavy.map(({ id }) => id));
    const sizes = requests.map(({ body }) => Buffer.byteLength(JSON.stringify(body)));
    expect(sizes.length).toBeGreaterThan(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500_000);
    expect(MAX_BATCH).toBeLessThan(500_000);
  });

  it('P9: goes without an event that is larger than 32 KB, which is refused by name of the limit alone', async () => {
    const { requests, send } = await answering();
    const heavy = personalEvent(2, 'visit.ended', { text: '–'.repeat(MAX_CALL / 2) }, 'anna');
    const { accepted, rejected } = await send([event(1), heavy, event(3)], never);
    expect(accepted).toEqual([event(1).id, event(3).id]);
    expect(rejected).toEqual([{ id: heavy.id, reason: 'larger than 32 KB' }]);
    expect(JSON.stringify(requests.map(({ body }) => body))).not.toContain('anna');
  });

  it('R11: does not carry a person whose consent is not said', async () => {
    const { requests, send } = await answering();
    const unconsented = event(1, 'zone.entered', { subject: { ref: 'anna' } });
    const { accepted, rejected } = await send([unconsented], never);
    expect(accepted).toEqual([]);
    expect(rejected).toEqual([{ id: unconsented.id, reason: 'a person without the consent they gave' }]);
    expect(requests).toEqual([]);
  });
});

describe('an answer', () => {
  it('P2, F13: that is lost leads to the same calls again, known by their messageIds', async () => {
    let isLost = true;
    const { send, calls, requests } = await answering(({ response, body }) => {
      if (!isLost) return false;
      isLost = false;
      // It took them, and its answer never comes.
      for (const call of body.batch as never[]) taken.push(call);
      response.destroy();
      return true;
    });
    const taken: { messageId: string }[] = [];
    const batch = [...events(1, 3), granted(4)];
    await expect(send(batch, never)).rejects.toThrow();
    await send(batch, never);
    expect(calls().map(({ messageId }) => messageId)).toEqual(taken.map(({ messageId }) => messageId));
    expect(requests).toHaveLength(2);
  });

  it('P9, F12: of 400 is narrowed down to the event that it blames', async () => {
    const bad = [event(4).id, event(7).id];
    const { send } = await answering(({ body, response }) => {
      const batch = body.batch as { context: { aisle: { id: string } } }[];
      if (!batch.some(({ context }) => bad.includes(context.aisle.id))) return false;
      response.writeHead(400).end('{"message":"malformed"}');
      return true;
    });
    const { accepted, rejected } = await send(events(1, 10), never);
    expect(accepted).toHaveLength(8);
    expect(rejected).toEqual(bad.map((id) => ({ id, reason: 'HTTP 400' })));
  });

  it('F12: of 413 halves the batch until it fits', async () => {
    const { requests, send } = await answering(({ body, response }) => {
      if ((body.batch as unknown[]).length <= 3) return false;
      response.writeHead(413).end();
      return true;
    });
    expect((await send(events(1, 10), never)).accepted).toHaveLength(10);
    expect(requests.map(({ body }) => (body.batch as unknown[]).length)).toEqual([10, 5, 3, 2, 5, 3, 2]);
  });

  it.each([
    [301, ''],
    [400, '{"msg": "Invalid Write Key"}'],
    [400, 'Failed to read writeKey from header'],
    [400, 'Missing Authorization Header'],
    [401, ''],
    [403, ''],
    [404, 'Source is disabled'],
    [408, ''],
    [500, ''],
    [503, ''],
  ])('F12: of %i %j settles nothing: no event is to blame', async (status, body) => {
    const { requests, send } = await always(status, body);
    await expect(send(events(1, 3), never)).rejects.toThrow(`HTTP ${status}`);
    expect(requests).toHaveLength(1);
  });

  it('F12: of 429 asks for the rest that it names', async () => {
    const { send } = await always(429, '', { 'retry-after': '7' });
    const error = await send(events(1, 1), never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryAfter);
    expect((error as RetryAfter).ms).toBe(7_000);
  });

  it.each(['', 'OK', '"OK"', '{"success": true}', '{}'])('of 200 with %j is taken', async (body) => {
    const { send } = await always(200, body);
    expect((await send(events(1, 2), never)).accepted).toHaveLength(2);
  });

  it.each(['<html>Please log in</html>', '{"success": false}', '{"error": "x"}', 'null', '17'])(
    'of 200 with %j took nothing',
    async (body) => {
      const { send } = await always(200, body);
      await expect(send(events(1, 2), never)).rejects.toThrow('HTTP 200');
    },
  );

  it('keeps what the first batch reached where the second fails', async () => {
    let requests = 0;
    const { send } = await answering(({ response }) => {
      requests += 1;
      if (requests === 1) return false;
      response.writeHead(503).end();
      return true;
    });
    const heavy = Array.from({ length: 30 }, (_, i) => event(i + 1, 'x', { text: 'x'.repeat(30_000) }));
    const { accepted, rejected } = await send(heavy, never);
    expect(accepted).toEqual(heavy.slice(0, accepted.length).map(({ id }) => id));
    expect(accepted.length).toBeGreaterThan(5);
    expect(rejected).toEqual([]);
  });

  it('F11: that comes too late makes the next batches smaller, until a slow line brings something', async () => {
    const store = await segmentStore();
    store.line.slow({ octetsPerSecond: 40_000 });
    const uplink = store.uplink({ deadline: 500 });
    onTestFinished(() => uplink.close());
    const heavy = Array.from({ length: 100 }, (_, i) => event(i + 1, 'x', { text: 'x'.repeat(2_000) }));
    let accepted: string[] = [];
    for (let tries = 0; tries < 10 && accepted.length === 0; tries += 1) {
      ({ accepted } = await uplink.send(heavy, never).catch(() => ({ accepted: [] })));
    }
    expect(accepted.length).toBeGreaterThan(0);
    expect(accepted).toEqual(heavy.slice(0, accepted.length).map(({ id }) => id));
  });

  it('R23: that repeats who it was about leaves no word of it in reasons and errors', async () => {
    const echo = (status: number) =>
      answering(({ body, response }) => Boolean(response.writeHead(status).end(JSON.stringify(body))));
    const refusing = await echo(400);
    const { rejected } = await refusing.send([personalEvent(1, 'zone.entered', {}, 'anna')], never);
    const failing = await echo(500);
    const error = await failing.send([personalEvent(1, 'zone.entered', {}, 'anna')], never).catch(String);
    const broken = { ...event(2), body: '{"data":{"subject":{"ref":"anna"},}}' };
    const { rejected: unread } = await refusing.send([broken], never);
    expect(rejected).toHaveLength(1);
    expect(unread).toEqual([{ id: broken.id, reason: 'not JSON' }]);
    expect(JSON.stringify([rejected, error, unread])).not.toContain('anna');
  });
});
