import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyRequest } from 'fastify';
import { openDatabase } from './database.ts';
import { createDownlink, type Downlink } from './downlink.ts';
import { readIssuerKey } from './issuer-key.ts';
import { stats } from './ledger.ts';
import { BATCH_BYTES, downlinkDoor, eventsDoor, type Faults, readings, refuse } from './routes.ts';
import { createEventStore, type EventStore } from './store.ts';

/**
 * A stand-in for the retailer's central profile store, over HTTP:
 *
 *   gateway ── POST /events ──▶ store.ts ──▶ events ──▶ projection.ts ──▶ GET /profiles/<ref>
 *      ▲                                        └─────▶ ledger.ts ──────▶ GET /stats
 *      └────── GET /downlink ◀── downlink.ts ◀── issuer-key.ts ◀── POST /downlink
 *
 * Each request carries the token; GETs are for tests, for the demo's last line and for people. It
 * shares no code with the gateway: what both agree on is the contract.
 */

/**
 * Room for a part of 1 MiB as a signed message; and a batch somewhat too large is read to its end, so
 * that its sender gets the 413 and not a reset connection.
 */
const BODY_BYTES = 2 * BATCH_BYTES;
/** How long a long poll is held where nothing happens, ms. */
const HOLD_MS = 25_000;
/** References are at most 128 characters, which percent-encoding can make nine times as long. */
const REF_CHARACTERS = 1200;

export interface ProfileStoreOptions {
  /** Folder of the database; made where it is missing. */
  data: string;
  /** What every request carries as Bearer. */
  token: string;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free one. */
  port?: number;
  /** File with the private JWK that signs downlink messages; without it only ready ones can be sent. */
  issuerKeyFile?: string;
  /** ms since the epoch. */
  now?: () => number;
  /** At most 25 000 ms. */
  holdMs?: number;
}

export interface ProfileStore {
  url: string;
  store: EventStore;
  downlink: Downlink;
  faults: Faults;
  /** Answers who waits, ends what is under way, closes the database. */
  close(): Promise<void>;
}

/** Opens the database and listens. Throws where the key, the folder or the address cannot be used. */
export async function openProfileStore(options: ProfileStoreOptions): Promise<ProfileStore> {
  if (options.token === '') throw new Error('the token is empty: whoever sent nothing would be let in');
  const issuer = options.issuerKeyFile === undefined ? undefined : await readIssuerKey(options.issuerKeyFile);
  const db = openDatabase(options.data, randomBytes(4).toString('hex'));
  const store = createEventStore(db, options.now ?? Date.now);
  const downlink = createDownlink(db);
  const faults: Faults = { away: false, delayMs: 0, rejectTypes: [], loseReplies: 0 };
  const rooms = { store, downlink, faults, issuer, holdMs: Math.min(options.holdMs ?? HOLD_MS, HOLD_MS) };

  const app = Fastify({ bodyLimit: BODY_BYTES, routerOptions: { maxParamLength: REF_CHARACTERS } });
  app.addHook('onRequest', requireToken(options.token));
  app.addHook('preClose', async () => downlink.wake());
  app.addHook('onClose', async () => void db.close());
  app.register(async (scope) => eventsDoor(scope, rooms));
  downlinkDoor(app, rooms);
  readings(app, store, () => stats(db));
  try {
    const url = await app.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
    return { url, store, downlink, faults, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Digests have one length, so that neither the token nor its length can be found by timing. */
function requireToken(token: string) {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(token);
  return async (request: FastifyRequest) => {
    const [, given] = request.headers.authorization?.match(/^Bearer (.+)$/i) ?? [];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    throw refuse(401, 'send the token of --token-file as Authorization: Bearer');
  };
}
