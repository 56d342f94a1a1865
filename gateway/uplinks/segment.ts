import { readFileSync } from 'node:fs';
import { bearable } from './bearable.ts';
import { failure } from './http.ts';
import { type Answer, jsonLine } from './json-line.ts';
import { readEvent } from './read-event.ts';
import { segmentCalls } from './segment-calls.ts';
import type { Delivery, OutgoingEvent, Uplink } from './uplink.ts';

/** A request has to be answered, to the end of its body, after so long, ms. */
const DEADLINE = 15_000;
/** Octets of a call: both name 32 KB, and either kilobyte is meant here. */
export const MAX_CALL = 32_000;
/** Octets of a request: Segment's 500 KB with room for what is around the calls; RudderStack takes 4 MB. */
export const MAX_BATCH = 480_000;

export interface SegmentUplinkSettings {
  /** `https://api.segment.io`, `https://events.eu1.segmentapis.com`, or RudderStack's data plane. */
  url: string;
  writeKeyFile: string;
  ca?: string | undefined;
}

/** An event as it is sent: its calls as JSON. */
interface Packed {
  id: string;
  calls: string;
}

/**
 * Segment's HTTP Tracking API, which RudderStack and others speak too: `POST <url>/v1/batch` with the write
 * key as Basic user. 2xx counts as taken, as far as they say: Segment answers 200 for most events that it
 * will drop. 413 halves the batch, 400 is narrowed down to the event that it blames; every other answer, and
 * one that blames the key, may be of a wrong address or setting and settles nothing.
 */
export function segmentUplink(
  settings: SegmentUplinkSettings,
  deadline: number = DEADLINE,
  now: () => number = Date.now,
): Uplink {
  const line = jsonLine(settings, deadline);

  async function sendBatch(batch: readonly Packed[], signal: AbortSignal): Promise<Delivery> {
    const calls = batch.map((one) => one.calls).join(',');
    const body = `{"batch":[${calls}],"sentAt":"${new Date(now()).toISOString()}"}`;
    const answer = await line.post('/v1/batch', basic(settings.writeKeyFile), body, signal);
    if (isTaken(answer)) return { accepted: batch.map(({ id }) => id), rejected: [] };
    if (!isBlaming(answer)) throw failure(answer.statusCode, answer.headers);
    if (batch.length > 1) return inTurn(halves(batch), (half) => sendBatch(half, signal));
    return { accepted: [], rejected: batch.map(({ id }) => ({ id, reason: `HTTP ${answer.statusCode}` })) };
  }

  return {
    send: bearable(async (events, signal) => {
      const { packed, rejected } = pack(events);
      const sent = await inTurn(batches(packed), (batch) => sendBatch(batch, signal));
      return { accepted: sent.accepted, rejected: [...rejected, ...sent.rejected] };
    }, deadline),
    close: line.close,
  };
}

/** Events that can never be sent are refused with a reason that names nobody. */
function pack(events: readonly OutgoingEvent[]): { packed: Packed[]; rejected: Delivery['rejected'] } {
  const packed: Packed[] = [];
  const rejected: Delivery['rejected'] = [];
  for (const event of events) {
    try {
      const calls = segmentCalls(readEvent(event)).map((call) => JSON.stringify(call));
      if (calls.some((call) => Buffer.byteLength(call) > MAX_CALL)) throw new Error('larger than 32 KB');
      packed.push({ id: event.id, calls: calls.join(',') });
    } catch (error) {
      rejected.push({ id: event.id, reason: (error as Error).message });
    }
  }
  return { packed, rejected };
}

function batches(packed: readonly Packed[]): Packed[][] {
  const all: Packed[][] = [];
  let octets = MAX_BATCH;
  for (const one of packed) {
    const more = Buffer.byteLength(one.calls) + 1;
    if (octets + more > MAX_BATCH) {
      all.push([]);
      octets = 0;
    }
    all.at(-1)?.push(one);
    octets += more;
  }
  return all;
}

function halves(batch: readonly Packed[]): Packed[][] {
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
}

/** One part after another until one fails; what the parts before it reached is not forgotten. */
async function inTurn(
  parts: readonly Packed[][],
  send: (part: Packed[]) => Promise<Delivery>,
): Promise<Delivery> {
  const all: Delivery = { accepted: [], rejected: [] };
  for (const part of parts) {
    try {
      const { accepted, rejected } = await send(part);
      all.accepted.push(...accepted);
      all.rejected.push(...rejected);
    } catch (error) {
      if (all.accepted.length + all.rejected.length === 0) throw error;
      break;
    }
  }
  return all;
}

/** Empty, `OK` (RudderStack) or an object that does not say otherwise; a login page took nothing. */
function isTaken({ statusCode, text }: Answer): boolean {
  if (statusCode < 200 || statusCode >= 300) return false;
  if (/^"?(OK)?"?$/i.test(text.trim())) return true;
  try {
    const body = JSON.parse(text) as { success?: unknown; error?: unknown } | null;
    return body !== null && typeof body === 'object' && body.success !== false && body.error === undefined;
  } catch {
    return false;
  }
}

/** RudderStack has said 400 to a write key that it does not know: that is no event's fault. */
function isBlaming({ statusCode, text }: Answer): boolean {
  return statusCode === 413 || (statusCode === 400 && !/write ?key|authori[sz]ation/i.test(text));
}

/** The write key is the user, the password is empty. Read each time, so that a rotated one needs no restart. */
function basic(writeKeyFile: string): Record<string, string> {
  const key = readFileSync(writeKeyFile, 'utf8').trim();
  return { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` };
}
