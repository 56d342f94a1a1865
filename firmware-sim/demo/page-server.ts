import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import fastify, { type FastifyInstance } from 'fastify';
import { isFree } from '../ports.ts';
import * as plan from '../shop-floor/floor-plan.ts';
import type { Show } from './show.ts';

/** The demo's page: plain files, its state as server-sent events, and what a visitor can do. Loopback only. */
export interface PageServer {
  url: string;
  close(): Promise<void>;
}

/** Where it is looked for first; any other free port where it is taken. */
const PORT = 8090;
const SNAPSHOT_MS = 500;
const BODY_OCTETS = 1024;
const FILES = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/page.js', file: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
] as const;
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** `thermostats`: those that the shop has. */
export async function openPageServer(
  show: Show,
  thermostats: readonly { id: string; at: readonly [number, number] }[],
): Promise<PageServer> {
  const app = fastify({ logger: false, bodyLimit: BODY_OCTETS, forceCloseConnections: true });
  const open = new Set<ServerResponse>();
  let own: string[] = [];
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    // Another site's page must not press these buttons, nor reach them under a name of its own.
    const { host, origin } = request.headers;
    const isOurs = own.includes(host ?? '') && (origin === undefined || own.includes(origin.slice(7)));
    if (!isOurs) return reply.code(403).send({ error: 'open the address that the demo printed' });
  });
  for (const { path, file, type } of FILES) {
    const content = readFileSync(pageFile(file));
    app.get(path, async (_, reply) => reply.type(type).send(content));
  }
  const { SIZE, zones, receivers, shelves, buttons, DOOR } = plan;
  const drawn = { size: SIZE, zones, receivers, shelves, buttons, thermostats, door: DOOR };
  app.get('/api/plan', async () => drawn);
  app.get('/api/state', async () => show.snapshot());
  app.get('/api/live', (request, reply) => {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', connection: 'keep-alive' });
    open.add(raw);
    const end = followInto(raw, show);
    request.raw.on('close', () => {
      open.delete(raw);
      end();
    });
  });
  actions(app, show);

  const port = (await isFree(PORT)) ? PORT : 0;
  await app.listen({ host: '127.0.0.1', port });
  const bound = app.server.address();
  const actual = typeof bound === 'object' && bound ? bound.port : port;
  own = [`127.0.0.1:${actual}`, `localhost:${actual}`];
  return {
    url: `http://127.0.0.1:${actual}`,
    async close() {
      for (const response of open) response.end();
      await app.close();
    },
  };
}

function actions(app: FastifyInstance, show: Show): void {
  const refOf = (body: unknown) => {
    const ref = (body as { ref?: unknown } | null)?.ref;
    return typeof ref === 'string' ? ref : undefined;
  };
  app.post('/api/withdraw', async (request) => show.withdraw(refOf(request.body)));
  app.post('/api/cut', async () => {
    show.cut();
    return show.snapshot();
  });
  app.post('/api/mend', async () => {
    show.mend();
    return show.snapshot();
  });
  app.post('/api/kill', async () => ({ pid: show.kill() ?? null }));
  app.post('/api/who', async () => show.who());
  app.setErrorHandler(async (error: Error, _, reply) => reply.code(409).send({ error: error.message }));
}

/** Server-sent events: what happened lately, then each happening and, twice a second, the state. */
function followInto(raw: ServerResponse, show: Show): () => void {
  const send = (event: string, data: unknown) =>
    raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  send('state', show.snapshot());
  for (const happening of show.lately()) send('happened', happening);
  const unfollow = show.follow((happening) => send('happened', happening));
  const timer = setInterval(() => send('state', show.snapshot()), SNAPSHOT_MS);
  return () => {
    clearInterval(timer);
    unfollow();
  };
}

/** Beside the sources; the compiled program finds them there too. */
function pageFile(name: string): string {
  const beside = fileURLToPath(new URL(`../page/${name}`, import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL(`../../../firmware-sim/page/${name}`, import.meta.url));
}
