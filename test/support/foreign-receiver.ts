import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SecureContextOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { LedgerEvent } from './ledger.ts';

/** A request for events, read to its end. */
export interface ForeignRequest {
  /** By the monotonic clock, ms. */
  at: number;
  events: LedgerEvent[];
  authorization: string | undefined;
  response: ServerResponse;
}

/** A receiver that shares nothing with this project: the least that Node's own server needs to take a batch. */
export interface ForeignReceiver {
  port: number;
  requests: ForeignRequest[];
  /** What it took, each once by (`source`, `id`), in the order of its coming. */
  taken(): LedgerEvent[];
  /** Answers in its own way where it gives true; otherwise the batch is taken, with 204. */
  answer: (request: ForeignRequest) => boolean;
  /** Of a receiver with TLS: what it shows from the next connection on. */
  show(certificate: SecureContextOptions): void;
}

/** With a certificate it speaks TLS. `over` is given what ends it: by default with the test. */
export async function foreignReceiver(
  certificate?: SecureContextOptions,
  over: (close: () => void) => void = onTestFinished,
): Promise<ForeignReceiver> {
  const taken = new Map<string, LedgerEvent>();
  const take = (events: readonly LedgerEvent[]) => {
    for (const event of events) {
      const key = `${event.source} ${event.id}`;
      if (!taken.has(key)) taken.set(key, event);
    }
  };

  async function read(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.method !== 'POST') return void response.writeHead(200).end('{"cursor":0,"messages":[]}');
    const events = JSON.parse(await text(incoming)) as LedgerEvent[];
    const request = {
      at: performance.now(),
      events,
      authorization: incoming.headers.authorization,
      response,
    };
    receiver.requests.push(request);
    if (receiver.answer(request)) return;
    take(events);
    response.writeHead(204).end();
  }

  // A request that breaks off takes nothing.
  const listener = (incoming: IncomingMessage, response: ServerResponse) =>
    void read(incoming, response).catch(() => response.destroy());
  const server: Server | TlsServer = certificate
    ? createTlsServer(certificate, listener)
    : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  over(() => {
    server.closeAllConnections();
    server.close();
  });
  const receiver: ForeignReceiver = {
    port: (server.address() as AddressInfo).port,
    requests: [],
    taken: () => [...taken.values()],
    answer: () => false,
    show: (next) => 'setSecureContext' in server && server.setSecureContext(next),
  };
  return receiver;
}
