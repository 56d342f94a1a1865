import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { openProfileStore, type ProfileStore } from '../../../firmware-sim/profile-store/server.ts';
import { httpUplink } from '../../../gateway/uplinks/http.ts';
import { mqttUplink } from '../../../gateway/uplinks/mqtt.ts';
import type { OutgoingEvent, Uplink } from '../../../gateway/uplinks/uplink.ts';
import { centralBroker } from '../../support/central-broker.ts';
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** The other side of an uplink, behind a line that the test can spoil. */
export interface Receiver {
  line: TcpProxy;
  /** A new uplink to it; `secret: 'wrong'` with credentials that it does not know. */
  uplink(options?: { deadline?: number; secret?: 'wrong' }): Uplink;
  /** Bodies of what it took, each once, in the order of their first coming. */
  taken(): string[];
}

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

export const events = (from: number, to: number): OutgoingEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => event(from + i));

function secretFile(secret: string): string {
  const file = join(temporaryFolder(), 'secret');
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return file;
}

/** The stand-in profile store. */
export async function profileStore(): Promise<Receiver & { profiles: ProfileStore }> {
  const profiles = await openProfileStore({ data: temporaryFolder(), token: 'right', holdMs: 10 });
  onTestFinished(() => profiles.close());
  const line = await tcpProxy(Number(new URL(profiles.url).port));
  const tokenFile = secretFile('right');
  return {
    profiles,
    line,
    uplink: ({ deadline, secret } = {}) =>
      httpUplink(
        { url: `http://127.0.0.1:${line.port}`, tokenFile: secret ? secretFile('wrong') : tokenFile },
        deadline,
      ),
    taken: () => profiles.store.events(0, 1_000).map((stored) => JSON.stringify(stored.event)),
  };
}

/** What a request carried, and how to answer it. */
export interface ForeignRequest {
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
  answer: (request: ForeignRequest) => boolean = () => false,
): Promise<Receiver & { requests: ForeignRequest[] }> {
  const taken = new Map<string, string>();
  const requests: ForeignRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const { authorization, 'content-type': contentType } = incoming.headers;
    const sent = JSON.parse(await text(incoming)) as { id: string }[];
    const request = { url: incoming.url ?? '', contentType, authorization, events: sent, response };
    requests.push(request);
    if (authorization !== 'Bearer right') return void response.writeHead(401).end();
    if (answer(request)) return;
    for (const each of sent) if (!taken.has(each.id)) taken.set(each.id, JSON.stringify(each));
    response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const line = await tcpProxy((server.address() as AddressInfo).port);
  const tokenFile = secretFile('right');
  return {
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
export async function broker(options: { tls?: boolean } = {}): Promise<Receiver> {
  const central = await centralBroker(options);
  const seen = await central.subscribe('stores/#');
  const line = await tcpProxy(central.port);
  return {
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
