import { readFileSync } from 'node:fs';
import { bearable } from './bearable.ts';
import { jsonLine } from './json-line.ts';
import { type Delivery, NotTaken, type OutgoingEvent, RetryAfter, type Uplink } from './uplink.ts';

/** A request has to be answered, to the end of its body, after so long, ms. */
const DEADLINE = 15_000;
/** Octets of a request's body (contract, HTTP). */
const MAX_BODY = 1024 * 1024;
/** Octets of an answer: 100 ids with a reason each are far less. */
const MAX_ANSWER = 1024 * 1024;
/** An uplink that asks for more than an hour of rest is asked again after one, ms. */
const LONGEST_REST = 3_600_000;
/** Characters of a reason that are kept with a dead letter. */
const MAX_REASON = 500;

export interface HttpUplinkSettings {
  url: string;
  tokenFile?: string | undefined;
  ca?: string | undefined;
}

/**
 * `POST <url>/events` of `application/cloudevents-batch+json` (CloudEvents HTTP binding §3.3). 2xx
 * counts as taken where the answer is empty, `{accepted, rejected}` in it by event; 413 halves the
 * batch; 400 and 422, which blame the content, are narrowed down to the event they blame. Every other
 * answer may be of a wrong address or setting and settles nothing. What is not answered in time halves the
 * batches that follow, so that a slow line brings a little instead of nothing; each success doubles them.
 */
export function httpUplink({ url, tokenFile, ca }: HttpUplinkSettings, deadline: number = DEADLINE): Uplink {
  const line = jsonLine({ url, ca }, deadline, MAX_ANSWER);

  const post = (body: string, signal: AbortSignal) => {
    const headers = { 'content-type': 'application/cloudevents-batch+json', ...bearer(tokenFile) };
    return line.post('/events', headers, body, signal);
  };

  async function sendAll(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<Delivery> {
    const body = `[${events.map((event) => event.body).join(',')}]`;
    if (Buffer.byteLength(body) > MAX_BODY && events.length > 1) return halve(events, signal);
    const { statusCode, text, headers } = await post(body, signal);
    if (statusCode >= 200 && statusCode < 300) return readDelivery(text, events, statusCode);
    if (!BLAMES_CONTENT.has(statusCode)) throw failure(statusCode, headers);
    if (events.length > 1) return halve(events, signal);
    return { accepted: [], rejected: events.map(({ id }) => ({ id, reason: `HTTP ${statusCode}` })) };
  }

  async function halve(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<Delivery> {
    const middle = Math.ceil(events.length / 2);
    const first = await sendAll(events.slice(0, middle), signal);
    // What the first half reached must not be forgotten where the second fails.
    const second = await sendAll(events.slice(middle), signal).catch(() => ({ accepted: [], rejected: [] }));
    return {
      accepted: [...first.accepted, ...second.accepted],
      rejected: [...first.rejected, ...second.rejected],
    };
  }

  return { send: bearable(sendAll, deadline), close: line.close };
}

/** Bad request, too large, unprocessable: of one event alone, trying again as it is would not help. */
const BLAMES_CONTENT = new Set([400, 413, 422]);

/** Read for each request, so that a rotated token is used without a restart. */
export function bearer(tokenFile: string | undefined): Record<string, string> {
  if (tokenFile === undefined) return {};
  return { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
}

type Headers = Record<string, string | string[] | undefined>;

/** What an answer that took nothing throws: with the rest it asks for, where it does. */
export function failure(statusCode: number, headers: Headers): Error {
  const message = `HTTP ${statusCode}`;
  const rest = restOf(headers);
  if (rest > 0) return new RetryAfter(message, Math.min(rest, LONGEST_REST));
  return statusCode >= 500 ? new NotTaken(message) : new Error(message);
}

/** `Retry-After` in ms: seconds, or a date (RFC 9110 §10.2.3), which is seen from the answer's own. */
function restOf(headers: Headers): number {
  const text = String(headers['retry-after'] ?? '');
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  return Date.parse(text) - Date.parse(String(headers.date)) || 0;
}

/** @throws where the answer is something else: a login page that says 200 took nothing. */
function readDelivery(text: string, events: readonly OutgoingEvent[], statusCode: number): Delivery {
  if (text.trim() === '') return { accepted: events.map(({ id }) => id), rejected: [] };
  const body = parse(text);
  if (!Array.isArray(body?.accepted) && !Array.isArray(body?.rejected)) {
    throw new Error(`HTTP ${statusCode} with an answer that is neither empty nor {accepted, rejected}`);
  }
  const rejected = (Array.isArray(body.rejected) ? body.rejected : []).flatMap((entry) =>
    typeof entry?.id === 'string'
      ? [{ id: entry.id, reason: String(entry.reason ?? 'rejected').slice(0, MAX_REASON) }]
      : [],
  );
  if (Array.isArray(body.accepted)) {
    return { accepted: body.accepted.filter((id): id is string => typeof id === 'string'), rejected };
  }
  const refused = new Set(rejected.map(({ id }) => id));
  return { accepted: events.map(({ id }) => id).filter((id) => !refused.has(id)), rejected };
}

function parse(text: string): { accepted?: unknown; rejected?: unknown } | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}
