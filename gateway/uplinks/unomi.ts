import { readFileSync } from 'node:fs';
import { failure } from './http.ts';
import { type Answer, jsonLine } from './json-line.ts';
import { readEvent } from './read-event.ts';
import { isUnomiId, type UnomiRequest, unomiRequest } from './unomi-event.ts';
import { type Delivery, NotTaken, type OutgoingEvent, type Uplink, withDeadline } from './uplink.ts';

/** A batch is settled by then, as far as it came, ms. */
const DEADLINE = 15_000;
/** Persons whose events are under way together. */
const AT_ONCE = 4;
/** `{updated}` is a set of bits (Unomi's EventService). */
const ERROR = 1;
const PROFILE_UPDATED = 4;

export interface UnomiUplinkSettings {
  /** Where `/cxs` is. */
  url: string;
  scope: string;
  /** The third party's key of Unomi 2, or with `tenant` the tenant's private key (3.1). */
  keyFile: string;
  tenant?: string | undefined;
  /** A rule there changes the profile with each event: only an answer that says so counts. */
  confirm?: boolean | undefined;
  profileCookie?: string | undefined;
  ca?: string | undefined;
}

/** What became of one event: taken, never to be taken, or to be tried again without blame on the server. */
type Fate = 'taken' | { refused: string } | { left: string };

interface Owed {
  id: string;
  request: UnomiRequest;
}

/**
 * Apache Unomi's event collector, `POST <url>/cxs/eventcollector?timestamp=<ms>`, one event a request and
 * each person's in order. Events of nobody are none of Unomi's business, where everything belongs to a
 * profile and an unknown one is created: they are skipped. An event that Unomi stumbles over holds
 * up that person's next ones and nobody else's.
 */
export function unomiUplink(settings: UnomiUplinkSettings, deadline: number = DEADLINE): Uplink {
  const { scope, tenant, confirm = false, profileCookie = 'context-profile-id' } = settings;
  const line = jsonLine(settings, deadline);

  async function sendOne({ timestamp, profileId, body }: UnomiRequest, signal: AbortSignal): Promise<Fate> {
    // Unomi 2 does not read the body's profileId here, 3.1 only that of a trusted caller; both read the cookie.
    const headers = { ...credentials(settings.keyFile, tenant), cookie: `${profileCookie}=${profileId}` };
    const answer = await line.post(`/cxs/eventcollector?timestamp=${timestamp}`, headers, body, signal);
    return fateOf(answer, confirm);
  }

  /** In order; after one that has to be tried again none of the same person goes. */
  async function sendInOrder(queue: readonly Owed[], delivery: Delivery, signal: AbortSignal) {
    for (const { id, request } of queue) {
      const fate = await sendOne(request, signal);
      if (fate === 'taken') delivery.accepted.push(id);
      else if ('refused' in fate) delivery.rejected.push({ id, reason: fate.refused });
      else return new NotTaken(fate.left);
    }
    return undefined;
  }

  async function sendAll(
    queues: Owed[][],
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    /** One event, or the server: what the server asks for comes first. */
    let stumbled: Error | undefined;
    let gone: Error | undefined;
    async function worker(): Promise<void> {
      for (let queue = queues.shift(); queue && !gone; queue = queues.shift()) {
        try {
          stumbled = (await sendInOrder(queue, delivery, signal)) ?? stumbled;
        } catch (error) {
          gone = error as Error;
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return gone ?? stumbled;
  }

  return {
    async send(events, signal) {
      const { queues, skipped, rejected } = sort(events, scope);
      const sent: Delivery = { accepted: [], rejected: [] };
      const failed = await withDeadline(signal, deadline, (inner) => sendAll(queues, sent, inner));
      const isNothingSettled = sent.accepted.length + sent.rejected.length + rejected.length === 0;
      // What is skipped says nothing about Unomi: it comes again with what failed.
      if (failed && isNothingSettled) throw failed;
      return { accepted: sent.accepted, rejected: [...rejected, ...sent.rejected], skipped };
    },
    close: line.close,
  };
}

/** Each person's events in order, what is of nobody, and what no profile there can be of. */
function sort(events: readonly OutgoingEvent[], scope: string) {
  const byPerson = new Map<string, Owed[]>();
  const skipped: string[] = [];
  const rejected: Delivery['rejected'] = [];
  for (const outgoing of events) {
    const { id } = outgoing;
    try {
      const event = readEvent(outgoing);
      const ref = event.person?.ref;
      if (ref === undefined) skipped.push(id);
      else if (!isUnomiId(ref)) throw new Error('subject.ref is none of 1 to 60 of A-Z a-z 0-9 _ - @ .');
      else byPerson.set(ref, [...(byPerson.get(ref) ?? []), { id, request: unomiRequest(event, scope) }]);
    } catch (error) {
      rejected.push({ id, reason: (error as Error).message });
    }
  }
  return { queues: [...byPerson.values()], skipped, rejected };
}

/** @throws where the answer says nothing about the event: an address, a key, a server that is down. */
function fateOf({ statusCode, headers, text }: Answer, confirm: boolean): Fate {
  // A rule of theirs that fails, or a store behind Unomi that does (400 and 500).
  if (statusCode === 500 || (statusCode === 400 && /error processing/i.test(text))) {
    return { left: `HTTP ${statusCode}: Unomi could not process the event` };
  }
  if (BLAMES_CONTENT.has(statusCode)) return { refused: `HTTP ${statusCode}` };
  if (statusCode !== 200) throw failure(statusCode, headers);
  const updated = updatedOf(text);
  if ((updated & ERROR) !== 0) return { left: 'Unomi could not process the event' };
  if (confirm && (updated & PROFILE_UPDATED) === 0) {
    return {
      left: `Unomi answers ${updated}, which confirms nothing: are the scope, the event's schema and the rule there?`,
    };
  }
  return 'taken';
}

const BLAMES_CONTENT = new Set([400, 413, 422]);

function updatedOf(text: string): number {
  try {
    const { updated } = JSON.parse(text) as { updated?: unknown };
    if (typeof updated === 'number') return updated;
  } catch {
    // Somebody else's answer, as below.
  }
  throw new Error('HTTP 200 with an answer that is not {updated}');
}

/** Read each time, so that a rotated key needs no restart. A public key beside these would take the trust away. */
function credentials(keyFile: string, tenant: string | undefined): Record<string, string> {
  const key = readFileSync(keyFile, 'utf8').trim();
  if (tenant === undefined) return { 'x-unomi-peer': key };
  return { authorization: `Basic ${Buffer.from(`${tenant}:${key}`).toString('base64')}` };
}
