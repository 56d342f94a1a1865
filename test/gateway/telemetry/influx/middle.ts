import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody between a gateway and InfluxDB who passes everything on, and hears what is asked. */
export interface Middle {
  url: string;
  /** Statements that came by POST, oldest first. */
  asked: string[];
  /** How many of those were under way at a time, at most. */
  atOnce(): number;
  close(): void;
}

/** `before` is waited for before a statement is passed on. */
export async function openMiddle(
  influxUrl: string,
  before: (asked: number) => unknown = () => {},
): Promise<Middle> {
  const asked: string[] = [];
  let underWay = 0;
  let atOnce = 0;

  async function pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const body = Buffer.concat(await from.toArray());
    if (from.method === 'POST' && from.url?.startsWith('/query')) {
      asked.push(new URLSearchParams(body.toString()).get('q') ?? '');
      underWay += 1;
      atOnce = Math.max(atOnce, underWay);
      to.once('close', () => (underWay -= 1));
      await before(asked.length);
    }
    const { method = 'GET', headers } = from;
    const onward = request(new URL(from.url ?? '/', influxUrl), { method, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    onward.once('error', () => to.destroy()).end(body);
  }

  const server = createServer((from, to) => void pass(from, to)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    atOnce: () => atOnce,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
