import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpUplink } from '../../../gateway/uplinks/http.ts';
import { RetryAfter } from '../../../gateway/uplinks/uplink.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type BatchRequest, event, events, foreignServer, profileStore } from './receivers.ts';

const never = new AbortController().signal;

/** A foreign server that answers in its own way, and an uplink to it. */
async function answering(answer: (request: BatchRequest) => boolean) {
  const server = await foreignServer(answer);
  const uplink = server.uplink();
  onTestFinished(() => uplink.close());
  return { ...server, send: uplink.send };
}

/** Answers everything with this status, these headers and this body. */
const always = (status: number, headers: Record<string, string> = {}, body = '') =>
  answering(({ response }) => Boolean(response.writeHead(status, headers).end(body)));

describe('a request', () => {
  it('is a CloudEvents batch with the token, at the configured address', async () => {
    const { requests, send } = await answering(() => false);
    await send(events(1, 2), never);
    expect(requests).toMatchObject([
      {
        url: '/in/events',
        contentType: 'application/cloudevents-batch+json',
        authorization: 'Bearer right',
        events: [{ id: event(1).id }, { id: event(2).id }],
      },
    ]);
  });

  it('reads the token each time, so that a rotated one needs no restart', async () => {
    const { requests, line } = await foreignServer();
    const tokenFile = join(temporaryFolder(), 'token');
    const uplink = httpUplink({ url: `http://127.0.0.1:${line.port}`, tokenFile });
    onTestFinished(() => uplink.close());
    await expect(uplink.send(events(1, 1), never)).rejects.toThrow(/ENOENT.*token/);
    writeFileSync(tokenFile, 'old');
    await expect(uplink.send(events(1, 1), never)).rejects.toThrow('HTTP 401');
    writeFileSync(tokenFile, 'right\n');
    await uplink.send(events(1, 1), never);
    expect(requests.map(({ authorization }) => authorization)).toEqual(['Bearer old', 'Bearer right']);
  });

  it('has at most a mebibyte', async () => {
    const { requests, send } = await answering(() => false);
    const heavy = Array.from({ length: 40 }, (_, i) => event(i + 1, 'x', { text: 'x'.repeat(60_000) }));
    expect((await send(heavy, never)).accepted).toHaveLength(40);
    expect(requests.map((request) => request.events.length)).toEqual([10, 10, 10, 10]);
  });
});

describe('an answer', () => {
  it('of 413 halves the batch until it fits', async () => {
    const { requests, send, taken } = await answering(({ events: batch, response }) => {
      if (batch.length <= 3) return false;
      response.writeHead(413).end();
      return true;
    });
    const { accepted, rejected } = await send(events(1, 10), never);
    expect([accepted.length, rejected.length]).toEqual([10, 0]);
    expect(taken()).toEqual(events(1, 10).map(({ body }) => body));
    expect(requests.map((request) => request.events.length)).toEqual([10, 5, 3, 2, 5, 3, 2]);
  });

  it.each([400, 413, 422])('of %i is narrowed down to the events that it blames', async (status) => {
    const bad = [event(4).id, event(7).id];
    const { send } = await answering(({ events: batch, response }) => {
      if (!batch.some(({ id }) => bad.includes(id))) return false;
      response.writeHead(status).end('{"error":"one of these"}');
      return true;
    });
    const { accepted, rejected } = await send(events(1, 10), never);
    expect(accepted.sort()).toEqual(
      events(1, 10)
        .map(({ id }) => id)
        .filter((id) => !bad.includes(id)),
    );
    expect(rejected).toEqual(bad.map((id) => ({ id, reason: `HTTP ${status}` })));
  });

  it.each([301, 401, 403, 404, 405, 408, 415, 500, 502, 503])('of %i settles nothing', async (status) => {
    const { requests, send } = await always(status, { location: '/elsewhere' });
    await expect(send(events(1, 3), never)).rejects.toThrow(`HTTP ${status}`);
    expect(requests).toHaveLength(1);
  });

  it('keeps what the first half reached where the second fails', async () => {
    let requests = 0;
    const { send } = await answering(({ response }) => {
      requests += 1;
      if (requests === 2) return false;
      response.writeHead(requests === 1 ? 413 : 500).end();
      return true;
    });
    const { accepted } = await send(events(1, 4), never);
    expect(accepted).toEqual([event(1).id, event(2).id]);
  });

  const seconds = (n: number) => new Date(Date.UTC(2026, 2, 1) + n * 1000).toUTCString();
  it.each([
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['a date, seen from the answer’s own', { 'retry-after': seconds(90), date: seconds(60) }, 30_000],
    ['a day', { 'retry-after': '86400' }, 3_600_000],
  ])('of 429 with Retry-After in %s asks for that rest', async (_what, headers, rest) => {
    const { send } = await always(429, headers);
    const error = await send(events(1, 1), never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryAfter);
    expect((error as RetryAfter).ms).toBe(rest);
  });

  it.each(['0', 'soon', '-5', seconds(-5)])('with Retry-After %j is a plain failure', async (rest) => {
    const { send } = await always(503, { 'retry-after': rest, date: seconds(0) });
    const error = await send(events(1, 1), never).catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(RetryAfter);
  });

  it.each([
    [{ accepted: [event(1).id], rejected: [{ id: event(2).id, reason: 'no' }] }, 1, 1],
    [{ rejected: [{ id: event(2).id, reason: 'no' }] }, 2, 1],
    [{ accepted: [event(1).id, 5, null], rejected: [null, { reason: 'x' }] }, 1, 0],
  ])('of 200 with %j says what became of each', async (body, accepted, rejected) => {
    const { send } = await always(200, {}, JSON.stringify(body));
    const delivery = await send(events(1, 3), never);
    expect([delivery.accepted.length, delivery.rejected.length]).toEqual([accepted, rejected]);
  });

  it.each(['<html>Please log in</html>', '"ok"', '{}', '[]', 'null', '{"accepted":"all"}'])(
    'of 200 with %j took nothing: nobody knows whose answer that is',
    async (body) => {
      const { send } = await always(200, {}, body);
      await expect(send(events(1, 2), never)).rejects.toThrow(/neither empty nor \{accepted, rejected\}/);
    },
  );

  it('that is longer than any answer can be is cut', async () => {
    const { send } = await always(200, {}, ' '.repeat(2_000_000));
    await expect(send(events(1, 1), never)).rejects.toThrow();
  });

  it('that dribbles in for ever is cut at the deadline', async () => {
    const server = await foreignServer(({ response }) => {
      response.writeHead(200);
      const dribble = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(dribble));
      return true;
    });
    const uplink = server.uplink({ deadline: 300 });
    onTestFinished(() => uplink.close());
    await expect(uplink.send(events(1, 1), never)).rejects.toThrow('no answer in 0.3 s');
  });
});

describe('the stand-in profile store', () => {
  it('has a batch once that was sent again because its answer was lost', async () => {
    const { profiles, uplink, taken } = await profileStore();
    const { send, close } = uplink();
    onTestFinished(close);
    profiles.faults.loseReplies = 1;
    await expect(send(events(1, 3), never)).rejects.toThrow();
    expect(taken()).toHaveLength(3);
    expect((await send(events(1, 3), never)).accepted).toHaveLength(3);
    expect(taken()).toHaveLength(3);
  });

  it('rejects by event what it will never take, with its reason', async () => {
    const { profiles, uplink } = await profileStore();
    const { send, close } = uplink();
    onTestFinished(close);
    profiles.faults.rejectTypes = ['aisle.zone.entered.v1'];
    const { accepted, rejected } = await send([event(1), event(2, 'zone.entered'), event(3)], never);
    expect(accepted).toEqual([event(1).id, event(3).id]);
    expect(rejected).toEqual([{ id: event(2).id, reason: expect.stringContaining('refused on request') }]);
  });
});
