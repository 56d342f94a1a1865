import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EVENT_TYPES } from '../../../gateway/event-types.ts';
import { readEvent } from '../../../gateway/uplinks/read-event.ts';
import { unomiUplink } from '../../../gateway/uplinks/unomi.ts';
import { unomiRequest, unomiType } from '../../../gateway/uplinks/unomi-event.ts';
import { unomiSchemas } from '../../../gateway/uplinks/unomi-schemas.ts';
import { NotTaken, type OutgoingEvent, RetryAfter } from '../../../gateway/uplinks/uplink.ts';
import { until } from '../../support/until.ts';
import { eventsOfStory, stories } from '../story-events.ts';
import {
  event,
  events,
  personalEvent,
  type StoreRequest,
  secretFile,
  storeServer,
  type UnomiEvent,
  unomiStore,
} from './receivers.ts';
import { unomiValidation } from './unomi-rules.ts';

const never = new AbortController().signal;

/** A store that answers in its own way, and an uplink to it. */
async function answering(
  answer: (request: StoreRequest) => boolean = () => false,
  isKnown: (event: UnomiEvent) => boolean = () => true,
) {
  const store = await unomiStore(answer, isKnown);
  const uplink = store.uplink();
  onTestFinished(() => uplink.close());
  return { ...store, send: uplink.send };
}

const always = (status: number, body = '', headers: Record<string, string> = {}) =>
  answering(({ response }) => Boolean(response.writeHead(status, headers).end(body)));

/** An event of that person, at a time of its own. */
function of(ref: string, n: number, name = 'zone.entered'): OutgoingEvent {
  const time = new Date(Date.UTC(2026, 2, 1, 10, 0, n)).toISOString();
  const { id, body } = personalEvent(n, name, {}, ref);
  return { id, name, body: body.replace('"time":"2026-03-01T10:00:00.000Z"', `"time":"${time}"`) };
}

type Sent = { sessionId?: string; profileId: string; events: [UnomiEvent] };
const requestOf = (one: OutgoingEvent, scope = 'shops') =>
  JSON.parse(unomiRequest(readEvent(one), scope).body) as Sent;

const idOfRequest = ({ body }: StoreRequest) => (body.events as UnomiEvent[])[0]?.properties.aisle.id;

/** An event with just this data, beside the person and their consent. */
function exactly(n: number, name: string, data: object, ref = 'crm-1'): OutgoingEvent {
  const { subject, consent } = JSON.parse(personalEvent(n, name, {}, ref).body).data;
  const body = { ...JSON.parse(event(n, name).body), data: { storeId: 's1', ...data, subject, consent } };
  return { id: body.id, name, body: JSON.stringify(body) };
}

/** One event of each type that can be of a person, beside those of the stories. */
const attribution = { visitId: 'f'.repeat(32), probability: 0.9, candidates: 1 };
const shelf = { shelfId: 's'.repeat(64), slot: 0, sku: 'A 1/2', quantity: 1, deltaG: -412.5, unitG: 412 };
const entered = {
  visitId: 'a'.repeat(32),
  zoneId: 'shoes',
  enteredAt: '2026-03-01T10:00:00Z',
  confidence: 0.9,
};
const agreed = {
  recordId: 'r-1',
  version: 2,
  purposes: ['recognition'],
  noticeVersion: '3',
  effectiveAt: 'now',
};
const [PICKED, RETURNED, PRESSED, GRANTED] = [
  exactly(1, 'shelf.item.picked', { ...shelf, confidence: 0.8, attribution }),
  exactly(2, 'shelf.item.returned', { ...shelf, confidence: 0.8, misplaced: true, gtin: '1', attribution }),
  exactly(3, 'button.pressed', { deviceId: 'b1', button: 1, press: 'press', intent: 'x', attribution }),
  exactly(4, 'consent.granted', agreed),
] as const;

async function personalOnes(): Promise<OutgoingEvent[]> {
  const all = (await Promise.all(stories.map(eventsOfStory))).flat();
  return [...all.filter((one) => readEvent(one).person !== undefined), PICKED, RETURNED, PRESSED, GRANTED];
}

describe('held against Unomi’s published schemas', () => {
  const { problemsOfRequest, problemsOfEvent, isSchema } = unomiValidation(unomiSchemas(), ['shops']);
  const problems = (sent: Sent) => [...problemsOfRequest(sent), ...sent.events.flatMap(problemsOfEvent)];

  it('every event of a person, of the stories and of each type, is a request that is taken', async () => {
    const all = await personalOnes();
    expect(all.flatMap((one) => problems(requestOf(one)))).toEqual([]);
    const types = new Set(all.map(({ name }) => name));
    expect([...types].map(unomiType).sort()).toEqual(
      unomiSchemas()
        .map(({ title }) => title)
        .sort(),
    );
  });

  it('every type that can be of a person has a schema, but for the withdrawal, which names nobody', () => {
    const names = EVENT_TYPES.filter(({ personal }) => personal !== 'never').map(({ name }) =>
      unomiType(name),
    );
    const missing = names.filter((name) => !unomiSchemas().some(({ title }) => title === name));
    expect(missing).toEqual(['aisleConsentWithdrawn']);
  });

  it('our schemas are schemas of 2019-09 for events, under names that Unomi takes', () => {
    for (const schema of unomiSchemas()) {
      expect(isSchema(schema)).toBe(true);
      expect(schema).toMatchObject({
        $schema: 'https://json-schema.org/draft/2019-09/schema',
        self: { target: 'events', name: expect.stringMatching(/^[_A-Za-z][_0-9A-Za-z]*$/) },
        allOf: [{ $ref: 'https://unomi.apache.org/schemas/json/event/1-0-0' }],
        unevaluatedProperties: false,
      });
    }
  });

  it('describe every field that there is, so that none changes its kind unnoticed', async () => {
    const closed = unomiSchemas().map((schema) => {
      const { properties } = schema as { properties: { properties: object } };
      const inner = { ...properties.properties, additionalProperties: false };
      return { ...schema, properties: { ...properties, properties: inner } };
    });
    const strict = unomiValidation(closed, ['shops']);
    const found = (await personalOnes()).flatMap((one) =>
      requestOf(one).events.flatMap(strict.problemsOfEvent),
    );
    expect(found).toEqual([]);
  });

  const good = () => requestOf(exactly(1, 'zone.entered', entered));
  const changed = (change: object): Sent => ({ ...good(), events: [{ ...good().events[0], ...change }] });
  it.each([
    [
      'a URN for a scope',
      requestOf(exactly(1, 'zone.entered', entered), 'urn:aisle:store:s1'),
      /scope|pattern/,
    ],
    [
      'a scope that is not there',
      requestOf(exactly(1, 'zone.entered', entered), 'elsewhere'),
      /validateScope/,
    ],
    ['a type with dots', changed({ eventType: 'zone.entered' }), /zone\.entered has no schema/],
    [
      'the whole source in the id',
      changed({ itemId: `urn:aisle:${'x'.repeat(60)}` }),
      /itemId must match pattern/,
    ],
    ['a field beside properties', changed({ zone: 'shoes' }), /unevaluated/],
    ['no consent', changed({ properties: { storeId: 's1' } }), /consent/],
    ['a profile that is no slug', { ...good(), profileId: 'crm:1' }, /profileId must match pattern/],
  ] as [string, Sent, RegExp][])('%s would be left out or refused', (_what, sent, why) => {
    expect(problems(good())).toEqual([]);
    expect(problems(sent).join()).toMatch(why);
  });

  it('a later field within properties is taken: v1 events only gain optional ones', () => {
    const properties = { ...good().events[0].properties, later: { any: 'thing' } };
    expect(problems(changed({ properties }))).toEqual([]);
  });

  it('the documented command prints them, one a line', () => {
    const script = 'gateway/uplinks/unomi-schemas-print.ts';
    const out = execFileSync(process.execPath, ['--import', 'tsx', script], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(unomiSchemas());
  });
});

describe('a request', () => {
  it('is of one profile and one time, so that each event keeps its own', async () => {
    const { send, has } = await answering();
    const batch = [of('crm-1', 1), of('crm-2', 2), of('crm-1', 3)];
    await send(batch, never);
    const times = has().map(({ profileId, timeStamp }) => [profileId, new Date(timeStamp).getUTCSeconds()]);
    expect(times.sort()).toEqual([
      ['crm-1', 1],
      ['crm-1', 3],
      ['crm-2', 2],
    ]);
  });

  it('has the visit as session, also where an event is only linked with one', async () => {
    expect(requestOf(of('crm-1', 1)).sessionId).toBe('a'.repeat(32));
    expect(requestOf(PRESSED).sessionId).toBe('f'.repeat(32));
    expect(requestOf(GRANTED)).not.toHaveProperty('sessionId');
  });

  it('says what it is about, where it comes from and what it rests on', () => {
    expect(requestOf(exactly(1, 'zone.entered', entered)).events[0]).toMatchObject({
      eventType: 'aisleZoneEntered',
      scope: 'shops',
      source: { itemType: 'store', scope: 'shops', itemId: 's1' },
      target: { itemType: 'zone', scope: 'shops', itemId: 'shoes' },
      properties: {
        consent: { recordId: 'r-1', version: 2, noticeVersion: '3', purposes: ['recognition', 'location'] },
        aisle: { sequence: '00000000000000000001', type: 'aisle.zone.entered.v1' },
      },
    });
    expect(requestOf(PRESSED).events[0]).toMatchObject({ target: { itemType: 'device', itemId: 'b1' } });
    expect(requestOf(PICKED).events[0]).toMatchObject({
      target: { itemType: 'shelf', itemId: expect.stringMatching(/^[0-9a-f]{40}$/) },
    });
  });

  it('names the profile in the cookie too, and nobody in the URL', async () => {
    const { requests, send } = await answering();
    await send([of('anna@example.com', 1)], never);
    const [{ headers, url, body }] = requests as [StoreRequest];
    expect(headers.cookie).toBe('context-profile-id=anna@example.com');
    expect(body.profileId).toBe('anna@example.com');
    expect(url.pathname + url.search).toBe('/cxs/eventcollector?timestamp=1772359201000');
    expect(body).not.toHaveProperty('events.0.properties.subject');
  });

  it.each([
    ['the third party’s key of Unomi 2', {}, { 'x-unomi-peer': 'a-key' }],
    ['the tenant’s private key of 3.1', { tenant: 't1' }, { authorization: 'Basic dDE6YS1rZXk=' }],
  ])('is trusted by %s, and has no public key beside it', async (_what, more, header) => {
    const { port, requests } = await storeServer(({ response }) => response.end('{"updated":4}'));
    const settings = {
      url: `http://127.0.0.1:${port}/`,
      scope: 'shops',
      keyFile: secretFile('a-key'),
      ...more,
    };
    const uplink = unomiUplink({ ...settings, profileCookie: 'who' });
    onTestFinished(() => uplink.close());
    await uplink.send([of('crm-1', 1)], never);
    expect(requests[0]?.headers).toMatchObject({ ...header, cookie: 'who=crm-1' });
    expect(requests[0]?.headers).not.toHaveProperty('x-unomi-api-key');
  });

  it('reads the key each time, so that a rotated one needs no restart', async () => {
    const { line, has } = await unomiStore();
    const keyFile = secretFile('old');
    const url = `http://127.0.0.1:${line.port}`;
    const uplink = unomiUplink({ url, scope: 'shops', tenant: 'shops', keyFile });
    onTestFinished(() => uplink.close());
    await expect(uplink.send([of('crm-1', 1)], never)).rejects.toThrow('HTTP 401');
    writeFileSync(keyFile, 'right\n');
    await uplink.send([of('crm-1', 1)], never);
    expect(has()).toHaveLength(1);
  });
});

describe('what goes there', () => {
  it('is not what is of nobody: it would become a profile', async () => {
    const { requests, send, profiles } = await answering();
    const shops = [
      event(1),
      event(2, 'consent.withdrawn', { recordId: 'r-1' }),
      event(3, 'subject.erased', { recordIds: ['r-1'] }),
      event(4, 'visit.ended', { visitId: 'v', recordId: 'r-1', reason: 'withdrawn' }),
    ];
    const skipped = shops.map(({ id }) => id);
    expect(await send(shops, never)).toEqual({ accepted: [], rejected: [], skipped });
    expect(requests).toEqual([]);
    await send([...shops, of('crm-1', 5)], never);
    expect([...profiles]).toEqual(['crm-1']);
  });

  it('P14: is nobody who is gone: what is not sent again cannot bring them back', async () => {
    const { send, profiles } = await answering();
    await send([of('crm-1', 1), of('crm-2', 2)], never);
    // Erased here and there: the outbox hands out nothing of theirs any more.
    profiles.delete('crm-1');
    const erased = event(3, 'subject.erased', { recordIds: ['r-1'] });
    await send([erased, of('crm-2', 4)], never);
    expect([...profiles]).toEqual(['crm-2']);
  });

  it.each(['crm:4711', 'https://crm.example/4711', 'anna müller', 'x'.repeat(61)])(
    'R23: is not %j, which no profile there can be, and the reason does not name it',
    async (ref) => {
      const { requests, send } = await answering();
      const { accepted, rejected } = await send([of(ref, 1)], never);
      expect(accepted).toEqual([]);
      expect(rejected).toHaveLength(1);
      expect(rejected[0]?.reason).not.toContain(ref);
      expect(requests).toEqual([]);
    },
  );

  it('R11: is nobody whose consent is not said', async () => {
    const { requests, send } = await answering();
    const { rejected } = await send([event(1, 'zone.entered', { subject: { ref: 'anna' } })], never);
    expect(rejected).toEqual([{ id: event(1).id, reason: 'a person without the consent they gave' }]);
    expect(requests).toEqual([]);
  });
});

describe('an answer', () => {
  it('P2, F13: that is lost leads to the same event again, known by its itemId', async () => {
    let isLost = true;
    const taken: string[] = [];
    const { send, has } = await answering(({ response, body }) => {
      if (!isLost) return false;
      isLost = false;
      taken.push((body.events as UnomiEvent[])[0]?.itemId ?? '');
      response.destroy();
      return true;
    });
    await expect(send([of('crm-1', 1)], never)).rejects.toThrow();
    await send([of('crm-1', 1)], never);
    expect(has().map(({ itemId }) => itemId)).toEqual(taken);
    expect(taken[0]).toMatch(/^[0-9a-f]{16}-e0e0e0e0-\d{20}$/);
  });

  it('P9, F12: that blames one event refuses that one alone', async () => {
    const bad = of('crm-1', 2);
    const { send } = await answering((request) => {
      if (idOfRequest(request) !== bad.id) return false;
      request.response.writeHead(400).end('Request rejected by the server because: Invalid received data');
      return true;
    });
    const { accepted, rejected } = await send([of('crm-1', 1), bad, of('crm-1', 3)], never);
    expect(accepted.sort()).toEqual([of('crm-1', 1).id, of('crm-1', 3).id]);
    expect(rejected).toEqual([{ id: bad.id, reason: 'HTTP 400' }]);
  });

  it.each([
    ['400 after an error', 400, 'Error processing events. Total number of processed events: 0/1'],
    ['500', 500, ''],
    ['200 with the bit of an error', 200, '{"updated":5}'],
  ])('P3, P9: of %s holds up the next of that person, and nobody else', async (_what, status, text) => {
    const bad = of('crm-1', 2);
    const { send, requests } = await answering((request) => {
      if (idOfRequest(request) !== bad.id) return false;
      request.response.writeHead(status).end(text);
      return true;
    });
    const batch = [of('crm-1', 1), bad, of('crm-1', 3), of('crm-2', 4), of('crm-3', 5)];
    const { accepted, rejected } = await send(batch, never);
    expect(accepted.sort()).toEqual([of('crm-1', 1).id, of('crm-2', 4).id, of('crm-3', 5).id]);
    expect(rejected).toEqual([]);
    expect(requests.map(idOfRequest)).not.toContain(of('crm-1', 3).id);
    const again = await send([bad], never).catch((thrown: unknown) => thrown);
    expect(again).toBeInstanceOf(NotTaken);
    expect(String(again)).toContain('could not process');
  });

  it('of 200 that confirms nothing took nothing: no schema, no scope, or its own store is down', async () => {
    const { send, has } = await answering(undefined, ({ eventType }) => eventType !== 'aisleZoneExited');
    const exited = of('crm-1', 2, 'zone.exited');
    const { accepted } = await send([of('crm-1', 1), exited, of('crm-2', 3)], never);
    expect(accepted.sort()).toEqual([of('crm-1', 1).id, of('crm-2', 3).id]);
    expect(has()).toHaveLength(2);
    await expect(send([exited], never)).rejects.toThrow('confirms nothing');
  });

  it('of 200 is believed where no rule confirms, whatever it says was updated', async () => {
    const { port } = await storeServer(({ response }) => response.end('{"updated":0}'));
    const url = `http://127.0.0.1:${port}`;
    const uplink = unomiUplink({ url, scope: 'shops', keyFile: secretFile('k') });
    onTestFinished(() => uplink.close());
    expect((await uplink.send([of('crm-1', 1)], never)).accepted).toHaveLength(1);
  });

  it.each([301, 401, 403, 404, 408, 502, 503])(
    'F12: of %i settles nothing and asks no more',
    async (status) => {
      const { requests, send } = await always(status);
      const batch = Array.from({ length: 20 }, (_, i) => of(`crm-${i}`, i + 1));
      // The gateway's own event beside them would be skipped: that is no success.
      await expect(send([event(30), ...batch], never)).rejects.toThrow(`HTTP ${status}`);
      expect(requests.length).toBeLessThanOrEqual(4);
    },
  );

  it('F12: of 429 asks for the rest that it names', async () => {
    const { send } = await always(429, '', { 'retry-after': '7' });
    const error = await send([of('crm-1', 1)], never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryAfter);
    expect((error as RetryAfter).ms).toBe(7_000);
  });

  it.each(['', '<html>Please log in</html>', '{}', 'null', '{"updated":"all"}', '[]'])(
    'of 200 with %j is none of Unomi’s',
    async (text) => {
      const { send } = await always(200, text);
      await expect(send([of('crm-1', 1)], never)).rejects.toThrow('not {updated}');
    },
  );

  it('keeps what was taken before the deadline', async () => {
    let requests = 0;
    const store = await unomiStore(() => {
      requests += 1;
      return requests > 2;
    });
    const uplink = store.uplink({ deadline: 400 });
    onTestFinished(() => uplink.close());
    const { accepted } = await uplink.send([of('crm-1', 1), of('crm-1', 2), of('crm-1', 3)], never);
    expect(accepted).toEqual([of('crm-1', 1).id, of('crm-1', 2).id]);
  });

  it('R6: is not waited for when the batch is called back, and nothing more of it goes', async () => {
    const recall = new AbortController();
    const { send, requests } = await answering(() => true);
    const sending = send([of('crm-1', 1), of('crm-1', 2)], recall.signal).catch(String);
    await until(() => requests.length === 1, 'the first on its way');
    recall.abort();
    await sending;
    expect(requests.map(idOfRequest)).toEqual([of('crm-1', 1).id]);
  });

  it('R23: that repeats who it was about leaves no word of it in reasons and errors', async () => {
    const said: unknown[] = [];
    for (const status of [200, 400, 413, 500, 503]) {
      const { send } = await answering(({ body, response }) =>
        Boolean(response.writeHead(status).end(JSON.stringify(body))),
      );
      said.push(await send([of('anna', 1)], never).catch(String));
    }
    expect(JSON.stringify(said)).not.toContain('anna');
  });

  it('of a hundred events of one person comes in their order', async () => {
    const { send, has } = await answering();
    const batch = events(1, 100, (n) => of('crm-1', n));
    expect((await send(batch, never)).accepted).toEqual(batch.map(({ id }) => id));
    expect(has().map(({ properties }) => properties.aisle.id)).toEqual(batch.map(({ id }) => id));
  });
});
