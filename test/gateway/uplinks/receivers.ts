import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { openProfileStore, type ProfileStore } from '../../../firmware-sim/profile-store/server.ts';
import { httpUplink } from '../../../gateway/uplinks/http.ts';
import { mqttUplink } from '../../../gateway/uplinks/mqtt.ts';
import { segmentUplink } from '../../../gateway/uplinks/segment.ts';
import { unomiUplink } from '../../../gateway/uplinks/unomi.ts';
import type { OutgoingEvent, Uplink } from '../../../gateway/uplinks/uplink.ts';
import { centralBroker } from '../../support/central-broker.ts';
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** The other side of an uplink, behind a line that the test can spoil. */
export interface Receiver {
  line: TcpProxy;
  /** A new uplink to it; `secret: 'wrong'` with credentials that it does not know. */
  uplink(options?: { deadline?: number; secret?: 'wrong' }): Uplink;
  /** What it took, each once, in the order of their first coming. */
  taken(): string[];
}

/** One that the suite for all uplinks knows what to send to, and what to find at. */
export interface SuiteReceiver extends Receiver {
  /** An event that it is for. */
  event: typeof event;
  /** How `taken` tells it, where it came as it was sent. */
  told(event: OutgoingEvent): string;
}

/** Where an event is told in another store's words: what has to be found in them. */
const told = (id: unknown, data: unknown): string => JSON.stringify({ id, data });

/** Receivers of CloudEvents have the very body. */
const asIs = { event, told: ({ body }: OutgoingEvent) => body };

/** An event as the outbox hands it out. */
export function event(n: number, name = 'button.pressed', more: object = {}): OutgoingEvent {
  const sequence = String(n).padStart(20, '0');
  const id = `e0e0e0e0-${sequence}`;
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: 'urn:aisle:store:s1:gateway:g1',
    type: `aisle.${name}.v1`,
    time: '2026-03-01T10:00:00.000Z',
    recordedtime: '2026-03-01T10:00:00.000Z',
    epoch: 'e0e0e0e0',
    sequence,
    datacontenttype: 'application/json',
    data: { storeId: 's1', deviceId: 'b1', zoneId: 'z', button: 1, press: 'press', ...more },
  });
  return { id, name, body };
}

export const events = (from: number, to: number, make = event): OutgoingEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => make(from + i));

/** The same of a person who agreed. */
export function personalEvent(
  n: number,
  name = 'zone.entered',
  more: object = {},
  ref = 'crm-1',
): OutgoingEvent {
  const purposes = ['recognition', 'location'];
  return event(n, name, {
    visitId: 'a'.repeat(32),
    ...more,
    subject: { ref },
    consent: { recordId: 'r-1', version: 2, noticeVersion: '3', purposes },
  });
}

export function secretFile(secret: string): string {
  const file = join(temporaryFolder(), 'secret');
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return file;
}

/** The stand-in profile store. */
export async function profileStore(): Promise<SuiteReceiver & { profiles: ProfileStore }> {
  const profiles = await openProfileStore({ data: temporaryFolder(), token: 'right', holdMs: 10 });
  onTestFinished(() => profiles.close());
  const line = await tcpProxy(Number(new URL(profiles.url).port));
  const tokenFile = secretFile('right');
  return {
    ...asIs,
    profiles,
    line,
    uplink: ({ deadline, secret } = {}) =>
      httpUplink(
        { url: `http://127.0.0.1:${line.port}`, tokenFile: secret ? secretFile('wrong') : tokenFile },
        deadline,
      ),
    taken: () =>
      profiles.store.events(0, Number.MAX_SAFE_INTEGER).map((stored) => JSON.stringify(stored.event)),
  };
}

/** A request to a store that speaks HTTP, and how to answer it. */
export interface StoreRequest {
  method: string;
  url: URL;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  response: ServerResponse;
}

/** A server of node:http alone: every request is kept, `answer` answers it. */
export async function storeServer(
  answer: (request: StoreRequest) => unknown,
): Promise<{ port: number; requests: StoreRequest[] }> {
  const requests: StoreRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const { method = '', headers } = incoming;
    const url = new URL(incoming.url ?? '', 'http://127.0.0.1');
    // A line that is cut leaves half a request.
    const body = await text(incoming).catch(() => undefined);
    if (body === undefined) return;
    const request = { method, url, headers, body: JSON.parse(body), response };
    requests.push(request);
    answer(request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

/** What a request with a batch carried, and how to answer it. */
export interface BatchRequest {
  url: string;
  contentType: string | undefined;
  authorization: string | undefined;
  events: { id: string }[];
  response: ServerResponse;
}

/**
 * A receiver that shares nothing with this project: the least that node:http needs to take a batch.
 * `answer` may answer in its own way; otherwise it is 204.
 */
export async function foreignServer(
  answer: (request: BatchRequest) => boolean = () => false,
): Promise<SuiteReceiver & { requests: BatchRequest[] }> {
  const taken = new Map<string, string>();
  const requests: BatchRequest[] = [];
  const { port } = await storeServer(({ url, headers, body, response }) => {
    const { authorization, 'content-type': contentType } = headers;
    const sent = body as unknown as { id: string }[];
    const request = { url: url.pathname + url.search, contentType, authorization, events: sent, response };
    requests.push(request);
    if (authorization !== 'Bearer right') return response.writeHead(401).end();
    if (answer(request)) return;
    for (const each of sent) if (!taken.has(each.id)) taken.set(each.id, JSON.stringify(each));
    return response.writeHead(204).end();
  });
  const line = await tcpProxy(port);
  const tokenFile = secretFile('right');
  return {
    ...asIs,
    line,
    requests,
    uplink: ({ deadline, secret } = {}) =>
      httpUplink(
        { url: `http://127.0.0.1:${line.port}/in/`, tokenFile: secret ? secretFile('wrong') : tokenFile },
        deadline,
      ),
    taken: () => [...taken.values()],
  };
}

/** Debian's mosquitto, read by Debian's `mosquitto_sub`. */
export async function broker(options: { tls?: boolean } = {}): Promise<SuiteReceiver> {
  const central = await centralBroker(options);
  const seen = await central.subscribe('stores/#');
  const line = await tcpProxy(central.port);
  return {
    ...asIs,
    line,
    uplink: ({ deadline, secret } = {}) =>
      mqttUplink(
        {
          url: `${central.scheme}://127.0.0.1:${line.port}`,
          ...central.settings,
          ...(secret && { passwordFile: secretFile('wrong') }),
          store: 's1',
          gateway: 'g1',
        },
        deadline,
      ),
    taken: () => [...new Set(seen.map(({ payload }) => payload))],
  };
}

interface SegmentCall {
  messageId: string;
  type: string;
  properties: object;
  context: { aisle: { id: string } };
}

/** What takes Segment's batches, by its documentation: known by `messageId`, the write key as Basic user. */
export async function segmentStore(
  answer: (request: StoreRequest) => boolean = () => false,
): Promise<SuiteReceiver & { requests: StoreRequest[]; calls: () => SegmentCall[] }> {
  const calls = new Map<string, SegmentCall>();
  const { port, requests } = await storeServer((request) => {
    const { headers, body, response } = request;
    const key = `Basic ${Buffer.from('right:').toString('base64')}`;
    if (headers.authorization !== key) return response.writeHead(401).end('Invalid Write Key');
    if (answer(request)) return;
    for (const call of body.batch as SegmentCall[]) {
      if (!calls.has(call.messageId)) calls.set(call.messageId, call);
    }
    return response.writeHead(200).end('{"success": true}');
  });
  const line = await tcpProxy(port);
  const writeKeyFile = secretFile('right');
  return {
    line,
    requests,
    calls: () => [...calls.values()],
    uplink: ({ deadline, secret } = {}) =>
      segmentUplink(
        { url: `http://127.0.0.1:${line.port}/`, writeKeyFile: secret ? secretFile('wrong') : writeKeyFile },
        deadline,
      ),
    event,
    told: ({ body }) => {
      const { id, data } = JSON.parse(body);
      return told(id, data);
    },
    taken: () =>
      [...calls.values()]
        .filter(({ type }) => type === 'track')
        .map(({ context, properties }) => told(context.aisle.id, properties)),
  };
}

/** An event as Unomi has it: rebuilt with the request's profile and time. */
export interface UnomiEvent {
  itemId: string;
  eventType: string;
  profileId: string;
  sessionId?: string | undefined;
  timeStamp: number;
  properties: Record<string, unknown> & { aisle: { id: string } };
}

/**
 * What Unomi 3.1 does with a trusted caller's request, as far as its source tells: everything in a request
 * is of one profile and of one time, an unknown profile is created, an event is known by its `itemId`, and
 * what it leaves out it leaves out without a word. `isKnown` says whether a type has its schema.
 */
export async function unomiStore(
  answer: (request: StoreRequest) => boolean = () => false,
  isKnown: (event: UnomiEvent) => boolean = () => true,
): Promise<SuiteReceiver & { requests: StoreRequest[]; has: () => UnomiEvent[]; profiles: Set<string> }> {
  const has = new Map<string, UnomiEvent>();
  const profiles = new Set<string>();
  const { port, requests } = await storeServer((request) => {
    const { headers, url, body, response } = request;
    const key = `Basic ${Buffer.from('shops:right').toString('base64')}`;
    if (headers.authorization !== key) return response.writeHead(401).end();
    if (answer(request)) return;
    const [, profileId = ''] = /context-profile-id=([\w@.-]+)/.exec(String(headers.cookie)) ?? [];
    profiles.add(profileId);
    const sent = (body.events as UnomiEvent[]).filter(isKnown);
    const common = {
      profileId,
      sessionId: body.sessionId as string,
      timeStamp: Number(url.searchParams.get('timestamp')),
    };
    for (const one of sent) has.set(one.itemId, { ...one, ...common });
    return response.writeHead(200).end(JSON.stringify({ updated: sent.length > 0 ? 4 : 0 }));
  });
  const line = await tcpProxy(port);
  const keyFile = secretFile('right');
  return {
    line,
    requests,
    has: () => [...has.values()],
    profiles,
    uplink: ({ deadline, secret } = {}) =>
      unomiUplink(
        {
          url: `http://127.0.0.1:${line.port}`,
          scope: 'shops',
          tenant: 'shops',
          keyFile: secret ? secretFile('wrong') : keyFile,
          confirm: true,
        },
        deadline,
      ),
    event: personalEvent,
    told: ({ body }) => {
      const { id, data } = JSON.parse(body);
      const { subject: _who, ...rest } = data;
      return told(id, rest);
    },
    taken: () => [...has.values()].map(({ properties: { aisle, ...data } }) => told(aisle.id, data)),
  };
}
