import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import memoryPersistence from 'aedes-persistence';
import type { Message } from '../../devices/device.ts';
import { guardFraming, MAX_PAYLOAD } from '../access/framing.ts';
import { mayPublish, mayRetain, maySubscribe, mayUseClientId } from '../access/topics.ts';
import { type Acknowledgements, acknowledgements } from './acknowledgements.ts';

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
  now(): number;
  /** Takes a message in; `done` once it is on disk, with an error where it is refused. */
  take(message: Message, done: (refused?: Error) => void): void;
  /** A device listens to its commands now. */
  subscribed(device: string): void;
  /** What was turned away, for counters and the log: never a payload. */
  refused(what: Refusal, origin: string): void;
}

export type Refusal =
  | 'no credentials'
  | 'wrong credentials'
  | 'foreign client id'
  | 'foreign topic'
  | 'foreign filter'
  | 'over 64 KiB'
  | 'broken connection';

export interface Broker {
  address: { host: string; port: number };
  publish(topic: string, payload: string, options?: { retain?: boolean }): void;
  /** Ends a device's connections, for a credential that was taken back. */
  disconnect(device: string): void;
  close(): Promise<void>;
}

/** Our mark on a connection, under a client that is known. */
interface Session {
  device: string;
  acks: Acknowledgements;
}

const CONNECT_DEADLINE = 5_000;
const MAX_KEEPALIVE_S = 300;
/** A subscriber that does not read holds the others up for so long at most, ms. */
const DRAIN_DEADLINE = 3_000;
/** CONNACK codes, MQTT 3.1.1 §3.2.2.3. */
const IDENTIFIER_REJECTED = 2;
const BAD_CREDENTIALS = 4;
const NOT_AUTHORISED = 5;

export async function openBroker(parts: BrokerParts): Promise<Broker> {
  const sessions = new WeakMap<Client, Session>();
  const remembered = rememberedPacketIds();
  const broker = await Aedes.createBroker({
    persistence: remembered.persistence,
    connectTimeout: CONNECT_DEADLINE,
    keepaliveLimit: MAX_KEEPALIVE_S,
    drainTimeout: DRAIN_DEADLINE,
    maxClientsIdLength: 128,
    authenticate: (client, name, password, done) => {
      const refusal = authenticate(client, name, password);
      if (!refusal) return done(null, true);
      parts.refused(refusal.what, name ?? originOf(client));
      done(Object.assign(new Error(refusal.what), { returnCode: refusal.code }) as AuthenticateError, null);
    },
    authorizePublish: (client, packet, done) => {
      const session = client && sessions.get(client);
      // Wills of a broker that is no more come without a client (aedes `_clearWills`).
      if (!client || !session) return done(new Error('not a client of this broker'));
      const refusal = mayTake(session.device, packet.topic, packet.payload.length);
      if (refusal) parts.refused(refusal, session.device);
      packet.retain = packet.retain && mayRetain(session.device, packet.topic);
      const message: Message = {
        kind: 'message',
        topic: packet.topic,
        device: session.device,
        payload: Buffer.from(packet.payload),
        at: parts.now(),
      };
      const take = refusal
        ? (settled: (refused?: Error) => void) => settled(new Error(refusal))
        : (settled: (refused?: Error) => void) => parts.take(message, settled);
      // A will comes when its connection is gone: nobody waits for an answer in order.
      if ((client as { closed?: boolean }).closed) return take(done);
      const id = packet.qos === 2 ? (packet as { messageId?: number }).messageId : undefined;
      if (id === undefined) session.acks.add(take, done);
      else remembered.once(client.id, id, session.acks, take, done);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const session = sessions.get(client);
      if (session && maySubscribe(session.device, subscription.topic)) return done(null, subscription);
      parts.refused('foreign filter', session?.device ?? originOf(client));
      // SUBACK 0x80, MQTT 3.1.1 §3.9.3
      done(null, null);
    },
  });
  broker.on('subscribe', (_subscriptions, client) => {
    const session = client && sessions.get(client);
    if (session) parts.subscribed(session.device);
  });
  broker.on('clientDisconnect', (client) => {
    sessions.get(client)?.acks.close();
    if ((client as { clean?: boolean }).clean) remembered.forget(client.id);
  });
  broker.on('clientError', (client) =>
    parts.refused('broken connection', sessions.get(client)?.device ?? originOf(client)),
  );
  broker.on('connectionError', (client) => parts.refused('broken connection', originOf(client)));
  // Without a listener one failed will or subscription would end the process.
  (broker as unknown as { on(event: 'error', listener: () => void): void }).on('error', () =>
    parts.refused('broken connection', 'broker'),
  );

  function authenticate(
    client: Client,
    name: string | undefined,
    password: Buffer | undefined,
  ): { what: Refusal; code: number } | undefined {
    if (name === undefined || password === undefined) return { what: 'no credentials', code: NOT_AUTHORISED };
    if (!parts.verify(name, password)) return { what: 'wrong credentials', code: BAD_CREDENTIALS };
    if (!mayUseClientId(name, client.id, parts.isShared(name))) {
      return { what: 'foreign client id', code: IDENTIFIER_REJECTED };
    }
    sessions.set(client, { device: name, acks: acknowledgements() });
    return undefined;
  }

  const sockets = new Set<Socket>();
  const onSocket = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    let client: Client | undefined;
    const guarded = guardFraming(socket, () => client !== undefined && sessions.has(client));
    client = broker.handle(guarded);
    Object.assign(client, { origin: socket.remoteAddress });
  };
  const server: Server = parts.tls
    ? createTlsServer(
        { ...parts.tls, minVersion: 'TLSv1.2', handshakeTimeout: CONNECT_DEADLINE, noDelay: true },
        onSocket,
      )
    : createServer({ noDelay: true }, onSocket);
  await listening(server, parts.listen);
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : parts.listen.port;

  return {
    address: { host: parts.listen.host, port },
    publish(topic, payload, options = {}) {
      broker.publish(
        {
          cmd: 'publish',
          topic,
          payload: Buffer.from(payload),
          qos: 1,
          retain: options.retain ?? false,
          dup: false,
        },
        () => {},
      );
    },
    disconnect(device) {
      const { clients } = broker as unknown as { clients: Record<string, Client> };
      for (const client of Object.values(clients))
        if (sessions.get(client)?.device === device) client.close();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        broker.close(() => {
          for (const socket of sockets) socket.destroy();
        });
      }),
  };
}

function mayTake(device: string, topic: string, octets: number): Refusal | undefined {
  if (!mayPublish(device, topic)) return 'foreign topic';
  return octets > MAX_PAYLOAD ? 'over 64 KiB' : undefined;
}

function originOf(client: Client): string {
  return (client as { origin?: string }).origin ?? 'unknown';
}

function listening(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken
          ? new Error(`${host}:${port} is in use by another program: stop it, or set inputs.mqtt.listen`)
          : error,
      );
    });
    server.listen(port, host, () => resolve());
  });
}

interface IncomingPersistence {
  incomingDelPacket(client: { id: string }, packet: { messageId: number }): Promise<void>;
}

/**
 * A QoS 2 packet id is remembered until PUBREL (MQTT-4.3.3-2), over a reconnect too where the session
 * is kept: a DUP asks the hook again and must have no second effect. PUBREL has no hook; the broker's
 * own bookkeeping of it has (`incomingDelPacket`).
 */
function rememberedPacketIds() {
  const held = new Map<string, Map<number, { settled: boolean; waiting: (() => void)[] }>>();
  // Its types describe another module form than its CommonJS export.
  const persistence = (memoryPersistence as unknown as () => IncomingPersistence)();
  const released = persistence.incomingDelPacket.bind(persistence);
  persistence.incomingDelPacket = (client, packet) => {
    held.get(client.id)?.delete(packet.messageId);
    return released(client, packet);
  };

  type Settle = (refused?: Error) => void;
  function once(
    clientId: string,
    id: number,
    acks: Acknowledgements,
    take: (settled: Settle) => void,
    done: Settle,
  ) {
    const ids = held.get(clientId) ?? new Map();
    held.set(clientId, ids);
    const first = ids.get(id);
    if (first) {
      acks.add((settled) => (first.settled ? settled() : first.waiting.push(settled)), done);
      return;
    }
    const entry = { settled: false, waiting: [] as (() => void)[] };
    ids.set(id, entry);
    acks.add(
      (settled) =>
        take((refused) => {
          if (refused) ids.delete(id);
          else entry.settled = true;
          for (const again of entry.waiting) again();
          settled(refused);
        }),
      done,
    );
  }
  return { persistence, once, forget: (clientId: string) => void held.delete(clientId) };
}
