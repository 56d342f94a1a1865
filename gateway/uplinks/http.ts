import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { type Delivery, type OutgoingEvent, RetryAfter, type Uplink } from './uplink.ts';

/** An answer has to be there after so long, ms. */
const DEADLINE = 15_000;
/** Octets of a request's body (contract, HTTP). */
const MAX_BODY = 1024 * 1024;

export interface HttpUplinkSettings {
  url: string;
  tokenFile?: string | undefined;
  ca?: string | undefined;
}

/**
 * `POST <url>/events` of `application/cloudevents-batch+json` (CloudEvents HTTP binding §3.3). 2xx
 * counts as taken, `{accepted, rejected}` in the answer by event; 413 halves the batch; another 4xx
 * that blames the content is narrowed down to the event it blames.
 */
export function httpUplink({ url, tokenFile, ca }: HttpUplinkSettings): Uplink {
  const agent = new Agent({
    connections: 4,
    headersTimeout: DEADLINE,
    bodyTimeout: DEADLINE,
    connect: { timeout: 10_000, ...(ca !== undefined && { ca: readFileSync(ca) }) },
  });
  const endpoint = `${url.replace(/\/$/, '')}/events`;

  async function send(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<Delivery> {
    const body = `[${events.map((event) => event.body).join(',')}]`;
    if (Buffer.byteLength(body) > MAX_BODY && events.length > 1) return halve(events, signal);
    const answer = await request(endpoint, {
      method: 'POST',
      dispatcher: agent,
      headers: { 'content-type': 'application/cloudevents-batch+json', ...bearer(tokenFile) },
      body,
      signal,
    });
    const text = await answer.body.text();
    const { statusCode } = answer;
    if (statusCode >= 200 && statusCode < 300) return readDelivery(text, events);
    if (BLAMES_CONTENT.has(statusCode)) {
      if (events.length > 1) return halve(events, signal);
      return { accepted: [], rejected: events.map(({ id }) => ({ id, reason: `HTTP ${statusCode}` })) };
    }
    throw failure(statusCode, answer.headers['retry-after']);
  }

  async function halve(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<Delivery> {
    const middle = Math.ceil(events.length / 2);
    const first = await send(events.slice(0, middle), signal);
    // What the first half reached must not be forgotten where the second fails.
    const second = await send(events.slice(middle), signal).catch(() => ({ accepted: [], rejected: [] }));
    return {
      accepted: [...first.accepted, ...second.accepted],
      rejected: [...first.rejected, ...second.rejected],
    };
  }

  return { send, close: () => agent.close() };
}

/** Bad request, too large, unsupported content, unprocessable: trying again as it is would not help. */
const BLAMES_CONTENT = new Set([400, 413, 415, 422]);

/** Read for each request, so that a rotated token is used without a restart. */
export function bearer(tokenFile: string | undefined): Record<string, string> {
  if (tokenFile === undefined) return {};
  return { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
}

export function failure(statusCode: number, retryAfter: string | string[] | undefined): Error {
  const seconds = Number(retryAfter);
  const message = `HTTP ${statusCode}`;
  return Number.isFinite(seconds) && seconds > 0
    ? new RetryAfter(message, Math.min(seconds, 3600) * 1000)
    : new Error(message);
}

function readDelivery(text: string, events: readonly OutgoingEvent[]): Delivery {
  const all: Delivery = { accepted: events.map(({ id }) => id), rejected: [] };
  if (text.trim() === '') return all;
  let body: { accepted?: unknown; rejected?: unknown } | null;
  try {
    body = JSON.parse(text);
  } catch {
    return all;
  }
  if (body === null || (!Array.isArray(body.accepted) && !Array.isArray(body.rejected))) return all;
  const rejected = (Array.isArray(body.rejected) ? body.rejected : []).flatMap((entry) =>
    typeof entry?.id === 'string'
      ? [{ id: entry.id, reason: String(entry.reason ?? 'rejected').slice(0, 500) }]
      : [],
  );
  if (Array.isArray(body.accepted)) {
    return { accepted: body.accepted.filter((id): id is string => typeof id === 'string'), rejected };
  }
  const refused = new Set(rejected.map(({ id }) => id));
  return { accepted: all.accepted.filter((id) => !refused.has(id)), rejected };
}
