import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Downlink } from './downlink.ts';
import { type Issuer, MESSAGE_TYPES, type MessageKind } from './issuer-key.ts';
import { project } from './projection.ts';
import type { EventStore } from './store.ts';

/** Most events in one batch (contract, "HTTP"). */
export const BATCH_EVENTS = 100;
/** Most octets in one batch. */
export const BATCH_BYTES = 1_048_576;

/** What goes wrong on request. Kept in memory: a restart ends it. */
export interface Faults {
  /** The gateway's two doors, `POST /events` and `GET /downlink`, answer 503. */
  away: boolean;
  /** Waits before each batch is taken, ms. */
  delayMs: number;
  /** Event types that are rejected one by one. */
  rejectTypes: string[];
  /** So many of the next batches are committed, and their connection is cut instead of an answer. */
  loseReplies: number;
}

/** What the routes work with. */
export interface Rooms {
  store: EventStore;
  downlink: Downlink;
  faults: Faults;
  issuer: Issuer | undefined;
  holdMs: number;
}

/** An error that Fastify answers with this status. */
export function refuse(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}

function requirePresence(faults: Faults) {
  return async () => {
    if (faults.away) throw refuse(503, 'away on request (POST /faults)');
  };
}

// RFC 9110 §15.5.16: 415 is also for a content coding that the receiver does not take.
async function requirePlainBody(request: FastifyRequest): Promise<void> {
  if (request.headers['content-encoding'] !== undefined) throw refuse(415, 'send without a Content-Encoding');
}

/** `POST /events`: a scope of its own, where a CloudEvents batch is the only body there is. */
export function eventsDoor(scope: FastifyInstance, { store, faults }: Rooms): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    'application/cloudevents-batch+json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => readBatch(body),
  );
  const onRequest = [requirePresence(faults), requirePlainBody];
  scope.post('/events', { onRequest }, async (request, reply) => {
    const { body } = request;
    if (!Array.isArray(body)) throw refuse(415, 'send application/cloudevents-batch+json');
    if (faults.delayMs > 0) await pause(faults.delayMs);
    const taken = await store.takeSoon(body, faults.rejectTypes);
    if (faults.loseReplies === 0) return taken;
    faults.loseReplies -= 1;
    reply.hijack();
    request.raw.socket.destroy();
  });
}

function readBatch(body: Buffer): unknown[] {
  if (body.length > BATCH_BYTES) throw refuse(413, `a batch has at most ${BATCH_BYTES} octets`);
  let batch: unknown;
  try {
    batch = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw refuse(400, 'the body is not JSON in UTF-8');
  }
  // CloudEvents JSON batch format §4.1: the outermost element is an array.
  if (!Array.isArray(batch)) throw refuse(400, 'a batch is a JSON array of events');
  if (batch.length > BATCH_EVENTS) throw refuse(413, `a batch has at most ${BATCH_EVENTS} events`);
  return batch;
}

const Message = z.union(
  [
    z.strictObject({
      kind: z.enum(Object.keys(MESSAGE_TYPES) as [MessageKind, ...MessageKind[]]),
      payload: z.looseObject({}),
    }),
    z.strictObject({ jws: z.string().regex(/^[\w-]+\.[\w-]+\.[\w-]+$/) }),
  ],
  `expected {kind: 'consents'|'command'|'decision', payload: {…}} or {jws: '<compact JWS>'}`,
);

const FaultsChange = z
  .strictObject({
    away: z.boolean(),
    delayMs: z.number().int().min(0).max(60_000),
    rejectTypes: z.array(z.string()).max(100),
    loseReplies: z.number().int().min(0).max(1_000_000),
  })
  .partial();

/** `GET /downlink` is the gateway's; `POST /downlink` and `POST /faults` are for who runs the store. */
export function downlinkDoor(app: FastifyInstance, { downlink, faults, issuer, holdMs }: Rooms): void {
  app.get('/downlink', { onRequest: requirePresence(faults) }, async (request) => {
    const { after } = readAs(z.object({ after: z.string().max(64).optional() }), request.query);
    const found = downlink.after(after);
    if (found.messages.length > 0) return found;
    await downlink.next(holdMs);
    await requirePresence(faults)();
    return downlink.after(after);
  });

  app.post('/downlink', async (request, reply) => {
    const message = readAs(Message, request.body);
    const jws = 'jws' in message ? message.jws : await signed(issuer, message.kind, message.payload);
    return reply.code(201).send({ cursor: downlink.enqueue(jws) });
  });

  app.post('/faults', async (request) => {
    Object.assign(faults, readAs(FaultsChange, request.body));
    if (faults.away) downlink.wake();
    return faults;
  });
}

async function signed(issuer: Issuer | undefined, kind: MessageKind, payload: object): Promise<string> {
  if (!issuer) throw refuse(409, 'started without --issuer-key: only {jws} can be sent');
  return issuer.sign(kind, payload);
}

const Page = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** What the store knows, for tests and people. */
export function readings(app: FastifyInstance, store: EventStore, readStats: () => unknown): void {
  app.get('/events', async (request) => {
    const { after, limit } = readAs(Page, request.query);
    const events = store.events(after, limit);
    return { events, next: events.at(-1)?.row ?? after };
  });
  app.get('/profiles', async () => ({ profiles: store.profiles() }));
  app.get('/profiles/:ref', async (request) => {
    const { ref } = readAs(z.object({ ref: z.string() }), request.params);
    const profile = project(ref, store.eventsOf(ref));
    if (!profile) throw refuse(404, 'no event names this subject');
    return profile;
  });
  app.get('/stats', async () => readStats());
}

function readAs<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refuse(
    400,
    result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim()).join('; '),
  );
}
