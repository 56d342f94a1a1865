import type { Socket } from 'node:net';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { Message } from '../../devices/device.ts';
import { guardFraming, MAX_PAYLOAD } from '../access/framing.ts';
import { type Brake, brakeOf, createShare, type Share } from '../access/pace.ts';
import {
  type BridgeTopics,
  isAside,
  isCommandTo,
  mayPublish,
  mayRetain,
  maySubscribe,
  mayUseClientId,
} from '../access/topics.ts';
import { ID } from '../config.ts';
import { NoRoom } from '../intake.ts';
import { type Acknowledgements, acknowledgements, type Settle } from './acknowledgements.ts';
import { brokerMemory } from './broker-memory.ts';
import { listen } from './listen.ts';
import { packetIds } from './packet-ids.ts';

/*
 * The shop's broker: the one way in for devices.
 *
 * aedes sends PUBACK after `authorizePublish` and before `published`, and dispatches all packets of a
 * socket chunk at once. So a message is taken in `authorizePublish`, whose callback waits in the
 * connection's queue until the message and all before it are on disk (`acknowledgements.ts`).
 */

export interface BrokerParts {
  listen: { host: string; port: number };
  tls?: { cert: string | Buffer; key: string | Buffer };
  /** False for an unknown device or a wrong secret. */
  verify(device: string, secret: Uint8Array): boolean;
  /** True where one entry stands for many clients. */
  isShared(device: string): boolean;
  /** The topics of a maker's bridge; nothing for a device that speaks under its own name. */
  bridge?(device: string): BridgeTopics | undefined;
  now(): number;
  /**
   * Takes a message in; `done` once it is on disk, with an error where it is refused. For want of room
   * (`NoRoom`) that is told by who refuses.
   */
  take(message: Message, done: (refused?: Error) => void): void;
  /** A device listens to its commands now. */
  subscribed(device: string): void;
  /** What was turned away, for counters and the log: never a payload. `why` is for the log alone. */
  refused(what: Refusal, origin: string, why?: string): void;
  /** A device sends more than its share (`pace.ts`): for a while it is not read. */
  slowed?(device: string): void;
  /** For figures; called on the way of every message. */
  seen?: BrokerSeen;
}

export interface BrokerSeen {
  /** A client is in. */
  connected(): void;
  /** A message came, taken or not. */
  message(qos: 0 | 1 | 2): void;
  /** PUBACK or PUBREC is written, so long after the message came, ms. */
  acknowledged(ms: number): void;
}

export type Refusal =
  | 'no credentials'
  | 'wrong credentials'
  | 'foreign client id'
  | 'keep alive'
  | 'protocol version'
  | 'foreign topic'
  | 'foreign filter'
  | 'over 64 KiB'
  | 'too much at once'
  | 'broken connection';

export interface Broker {
  address: { host: string; port: number };
  /** Clients that are connected. */
  connections(): number;
  /** False once it is being closed. */
  isListening(): boolean;
  publish(topic: string, payload: string, options?: { retain?: boolean }): void;
  /** Ends a device's connections, for a credential that was taken back. */
  disconnect(device: string): void;
  /** Nothing is taken any more from here on, wills neither: the devices have not gone, the gateway has. */
  close(): Promise<void>;
}

/** Our mark on a connection, under a client that is known. */
interface Session {
  device: string;
  acks: Acknowledgements;
  share: Share;
  brake: Brake | undefined;
  /** Filters granted; bounded, as the broker keeps each. */
  filters: Set<string>;
}

const CONNECT_DEADLINE = 5_000;
const MAX_KEEPALIVE_S = 300;
/** A subscriber that does not read holds the others up for so long at most, ms. */
const DRAIN_DEADLINE = 3_000;
const MAX_FILTERS = 20;
/** A pause in reading a device is no shorter: it goes on owing until then, ms. */
const SHORTEST_HOLD = 20;
/** A device whose message there is no room for is let go so much later: it comes back at once, ms. */
const NO_ROOM_PAUSE = 1_000;
const MAX_CLIENT_ID = 128;
/** CONNACK codes, MQTT 3.1.1 §3.2.2.3. */
const IDENTIFIER_REJECTED = 2;
const BAD_CREDENTIALS = 4;
const NOT_AUTHORISED = 5;

/** A message that was turned away, and counted when it was. */
class Refused extends Error {}

/** @throws with a sentence where the address or the certificate cannot be used. */
export async function openBroker(parts: BrokerParts): Promise<Broker> {
  const sessions = new WeakMap<Client, Session>();
  const ids = packetIds();
  /** By device, so that to connect again brings no new share; as many as there are devices. */
  const shares = new Map<string, Share>();
  const brakes = new WeakMap<Client, Brake>();
  let closing = false;

  const broker = await Aedes.createBroker({
    persistence: brokerMemory(ids, (client, filter) => sessions.get(client)?.filters.has(filter) === true),
    connectTimeout: CONNECT_DEADLINE,
    keepaliveLimit: MAX_KEEPALIVE_S,
    drainTimeout: DRAIN_DEADLINE,
    maxClientsIdLength: MAX_CLIENT_ID,
    preConnect: (_client, packet, done) => {
      // Of clients without number no session is kept; CONNACK says so (MQTT 3.1.1 §3.2.2.2).
      if (packet.username !== undefined && parts.isShared(packet.username)) packet.clean = true;
      done(null, true);
    },
    authenticate: (client, name, password, done) => {
      const refusal = authenticate(client, name, password);
      if (!refusal) return done(null, true);
      parts.refused(refusal.what, name !== undefined && ID.test(name) ? name : originOf(client));
      done(Object.assign(new Refused(refusal.what), { returnCode: refusal.code }) as AuthenticateError, null);
    },
    authorizePublish: (client, packet, done) => {
      const session = client && sessions.get(client);
      // Wills of a broker that is no more come without a client (aedes `_clearWills`).
      if (!client || !session || closing) return done(new Error('not a client of this broker'));
      const { device, acks, brake } = session;
      const answered = arrived(packet.qos);
      slow(session, packet.payload.length);
      packet.retain = packet.retain && mayRetain(device, packet.topic);
      const payload = Buffer.from(packet.payload);
      const take = takeOf(device, packet.topic, payload);
      // A will comes when its connection is gone: nobody waits for an answer in order.
      if (client.closed) return take(done);
      const { messageId } = packet as { messageId?: number };
      const isOnce = packet.qos === 2 && messageId !== undefined;
      acks.add(
        payload.length,
        isOnce ? ids.once(client.id, { messageId, topic: packet.topic, payload }, take) : take,
        (refused) => {
          if (!acks.isCrowded()) brake?.go();
          if (refused) return endAfter(refused, device, done);
          answered?.();
          done();
        },
      );
      // Who says more than the disk takes is read no further until that is answered.
      if (acks.isCrowded()) brake?.stop();
    },
    authorizeSubscribe: (client, subscription, done) => {
      const session = sessions.get(client);
      if (session && grant(session, subscription.topic)) return done(null, subscription);
      parts.refused('foreign filter', session?.device ?? originOf(client));
      // SUBACK 0x80, MQTT 3.1.1 §3.9.3
      done(null, null);
    },
    authorizeForward: (client, packet) => {
      const session = sessions.get(client);
      return session && isCommandTo(session.device, packet.topic) ? packet : null;
    },
  });

  /** Notes a message; what comes back is to be called when it is acknowledged. */
  function arrived(qos: 0 | 1 | 2): (() => void) | undefined {
    const { seen } = parts;
    seen?.message(qos);
    if (!seen || qos === 0) return undefined;
    const at = performance.now();
    return () => seen.acknowledged(performance.now() - at);
  }

  /** Refusal is decided before anything is taken. */
  function takeOf(device: string, topic: string, payload: Buffer): (settled: Settle) => void {
    const bridge = parts.bridge?.(device);
    if (isAside(topic, bridge) && !mayPublish(device, topic, bridge)) return (settled) => settled();
    const refusal = whyNot(device, topic, payload.length, bridge);
    return (settled) => {
      if (!refusal) return parts.take({ kind: 'message', topic, device, payload, at: parts.now() }, settled);
      parts.refused(refusal, device);
      // A maker's firmware says more than it was asked for; ended for that, it would never be heard at all.
      // What is not taken may be acknowledged all the same (MQTT-3.3.5-2).
      settled(bridge && refusal === 'foreign topic' ? undefined : new Refused(refusal));
    };
  }

  /** Ends a connection for a refusal, after the turn in which the answers before it are written. */
  function endAfter(refused: Error, device: string, done: Settle): void {
    const end = new Refused(refused.message);
    if (refused instanceof NoRoom) return void setTimeout(done, NO_ROOM_PAUSE, end).unref();
    if (!(refused instanceof Refused)) parts.refused('too much at once', device, refused.message);
    setImmediate(done, end);
  }

  /** Who sends more than its share is not read for a while (P11); what came already is taken. */
  function slow({ device, share, brake }: Session, octets: number): void {
    const ms = share.take(octets);
    if (ms >= SHORTEST_HOLD && brake?.hold(ms)) parts.slowed?.(device);
  }

  /** One that stands for many clients has none of its own. */
  function shareOf(device: string): Share {
    const share = shares.get(device) ?? createShare(() => performance.now());
    if (!parts.isShared(device)) shares.set(device, share);
    return share;
  }

  function authenticate(
    client: Client,
    name: string | undefined,
    password: Buffer | undefined,
  ): { what: Refusal; code: number } | undefined {
    if (name === undefined || password === undefined) return { what: 'no credentials', code: NOT_AUTHORISED };
    if (!parts.verify(name, password)) return { what: 'wrong credentials', code: BAD_CREDENTIALS };
    const holder = clientsOf(broker)[client.id];
    const isTaken = holder !== undefined && sessions.get(holder)?.device !== name;
    if (isTaken || !mayUseClientId(name, client.id, parts.isShared(name))) {
      return { what: 'foreign client id', code: IDENTIFIER_REJECTED };
    }
    const session = {
      device: name,
      acks: acknowledgements(),
      share: shareOf(name),
      brake: brakes.get(client),
      filters: new Set<string>(),
    };
    sessions.set(client, session);
    return undefined;
  }

  broker.on('subscribe', (_subscriptions, client) => {
    const session = client && sessions.get(client);
    if (session) parts.subscribed(session.device);
  });
  broker.on('unsubscribe', (filters, client) => {
    const session = client && sessions.get(client);
    for (const filter of filters) session?.filters.delete(filter);
  });
  broker.on('clientReady', () => parts.seen?.connected());
  broker.on('clientDisconnect', (client) => sessions.get(client)?.acks.close());
  const broken = (client: Client, error: Error) => {
    if (error instanceof Refused) return;
    const origin = sessions.get(client)?.device ?? originOf(client);
    parts.refused(refusalOf(error), origin, error.message);
  };
  broker.on('clientError', broken);
  broker.on('connectionError', broken);
  // Without a listener one failed will or subscription would end the process.
  (broker as unknown as { on(event: 'error', listener: (error: Error) => void): void }).on('error', (error) =>
    parts.refused('broken connection', 'broker', error.message),
  );

  const listener = await listen(parts.listen, parts.tls, (socket: Socket) => {
    const brake = brakeOf(socket);
    const client = broker.handle(guardFraming(socket));
    brakes.set(client, brake);
    Object.assign(client, { origin: socket.remoteAddress });
  }).catch((error: Error) => {
    broker.close();
    throw error;
  });

  return {
    address: { host: parts.listen.host, port: listener.port },
    connections: () => broker.connectedClients,
    isListening: () => !closing,
    publish(topic, payload, { retain = false } = {}) {
      const packet = {
        cmd: 'publish',
        topic,
        payload: Buffer.from(payload),
        qos: 1,
        retain,
        dup: false,
      } as const;
      broker.publish(packet, () => {});
    },
    disconnect(device) {
      for (const client of Object.values(clientsOf(broker))) {
        if (sessions.get(client)?.device === device) client.close();
      }
    },
    async close() {
      closing = true;
      await new Promise<void>((resolve) => broker.close(resolve));
      await listener.close();
    },
  };

  function grant({ device, filters }: Session, filter: string): boolean {
    if (!maySubscribe(device, filter, parts.bridge?.(device))) return false;
    if (filters.size >= MAX_FILTERS && !filters.has(filter)) return false;
    filters.add(filter);
    return true;
  }
}

function whyNot(
  device: string,
  topic: string,
  octets: number,
  bridge: BridgeTopics | undefined,
): Refusal | undefined {
  if (!mayPublish(device, topic, bridge)) return 'foreign topic';
  return octets > MAX_PAYLOAD ? 'over 64 KiB' : undefined;
}

/** What aedes calls by a number: its CONNACK codes. */
function refusalOf(error: Error): Refusal {
  const { errorCode } = error as { errorCode?: number };
  if (errorCode === 6) return 'keep alive';
  return errorCode === 1 ? 'protocol version' : 'broken connection';
}

/** Connected clients by their id; there, but not among the published types. */
function clientsOf(broker: Aedes): Record<string, Client> {
  return (broker as unknown as { clients: Record<string, Client> }).clients;
}

function originOf(client: Client): string {
  return (client as { origin?: string }).origin ?? 'unknown';
}
