import { randomBytes, timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import type { OutboxCounts } from '../outbox/counts.ts';
import type { DeviceState } from '../pipeline/context/health.ts';
import type { Presence } from '../pipeline/locate.ts';
import type { SigningKey } from '../signing-key.ts';
import type { SinkState } from '../telemetry/sink.ts';
import { PROBES } from './probes.ts';

/** What the gateway shows of itself at this moment. */
export interface View {
  at: number;
  presences: Presence[];
  everybody: number | null;
  outbox: OutboxCounts;
  recognises: { ok: boolean; reason?: string };
  uplinks: Record<string, unknown>;
  messages: number;
  /** Where the time series go, and whether they arrive there. */
  telemetry: SinkState[];
  /** What devices told last of themselves, by id. */
  devices: Record<string, DeviceState>;
  /** Public; certificates are checked with it. */
  signingKey: SigningKey['jwk'];
  dropped: Record<string, number>;
  refused: Record<string, number>;
  waitingOf(subjectRef: string): number;
}

export interface Dashboard {
  address: { host: string; port: number };
  close(): Promise<void>;
}

/**
 * HTTP for people and probes in the shop. The probes (`probes.ts`), the notice, the kiosk and the app's
 * requests answer anybody; everything else needs the token that each start writes to
 * `<data>/dashboard.token` (0600), since it says who is where.
 */
export async function openDashboard(parts: {
  listen: { host: string; port: number };
  data: string;
  view: () => View;
  open?: (app: FastifyInstance) => void;
}): Promise<Dashboard> {
  const token = randomBytes(32).toString('base64url');
  writeFileSync(join(parts.data, 'dashboard.token'), token, { mode: 0o600 });
  const app = fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    // A proxy on this machine says for whom it asks; limits are by that address.
    trustProxy: 'loopback',
  });
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  // An answer that is under way would keep its connection, and with it the end of the process.
  app.addHook('onSend', async (_, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });

  app.addHook('onRequest', async (request, reply) => {
    if (isOpen(request.url)) return;
    const given = Buffer.from(String(request.headers.authorization ?? ''));
    const wanted = Buffer.from(`Bearer ${token}`);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      return reply.code(401).send({ error: 'the token in dashboard.token of the data folder is needed' });
    }
  });
  app.get('/api/status', async () => statusOf(parts.view()));
  app.get<{ Params: { ref: string } }>('/api/waiting/:ref', async (request) => ({
    waiting: parts.view().waitingOf(request.params.ref),
  }));

  parts.open?.(app);

  await app.listen(parts.listen);
  const bound = app.server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : parts.listen.port;
  return {
    address: { host: parts.listen.host, port },
    close: () => app.close(),
  };
}

/** What shoppers and their apps may ask for: theirs by the code in the body, or public anyway. */
function isOpen(url: string): boolean {
  const path = url.split('?', 1)[0] ?? '';
  return OPEN.has(path) || OPEN_BELOW.some((folder) => path.startsWith(folder));
}

const OPEN: ReadonlySet<string> = new Set(['/', ...PROBES, '/notice', '/kiosk', '/api/notice']);
const OPEN_BELOW = ['/api/app/', '/api/kiosk/', '/kiosk/', '/page/'];

function statusOf({ presences, waitingOf: _, ...view }: View) {
  return {
    ...view,
    people: presences.map(({ subject, zone, x, y, confidence, why, lastSeen }) => ({
      ref: subject.ref,
      zone,
      ...(x !== undefined && y !== undefined && { x: tenths(x), y: tenths(y) }),
      confidence,
      why,
      lastSeen,
    })),
  };
}

function tenths(metres: number): number {
  return Math.round(metres * 10) / 10;
}
