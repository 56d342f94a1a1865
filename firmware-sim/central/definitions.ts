import { createHash, randomBytes } from 'node:crypto';
import { checkIds, queueName, type Shop, shardOf, userName } from './addresses.ts';

/*
 * Queues, bindings, accounts and what each may do, as the JSON that `rabbitmqctl import_definitions` takes.
 *
 * What is published before a queue is bound is acknowledged and gone. So the queues come first, and an
 * account of a gateway exists no sooner than the binding that its events need.
 */

export const WORKER = 'ingest-worker';
export const PUBLISHER = 'downlink';
/** The exchange of RabbitMQ's MQTT: its topics are routing keys of this one. */
export const EXCHANGE = 'amq.topic';
const NOTHING = '^$';
const VHOST = '/';

/** Queues on disk of a majority, and the accounts of the receiving side itself. */
export function topology(shards: number, passwords: { worker: string; publisher: string }): object {
  const queues = Array.from({ length: shards }, (_, shard) => ({
    ...{ name: queueName(shard), vhost: VHOST, durable: true, auto_delete: false },
    arguments: {
      'x-queue-type': 'quorum',
      'x-quorum-initial-group-size': 3,
      // One worker at a time takes from it, the next when that one is gone: the order stays.
      'x-single-active-consumer': true,
    },
  }));
  return {
    vhosts: [{ name: VHOST }],
    users: [user(WORKER, passwords.worker), user(PUBLISHER, passwords.publisher)],
    permissions: [
      permission(WORKER, { read: '^aisle\\.events\\.' }),
      permission(PUBLISHER, { write: '^amq\\.topic$' }),
    ],
    topic_permissions: [
      topicPermission(PUBLISHER, {
        write: '^stores\\.[^.]+\\.gateways\\.[^.]+\\.(consents|commands|decisions)$',
      }),
    ],
    queues,
    // One queue takes every shop; of several each takes its own shops (`shopBinding`).
    bindings: shards === 1 ? [binding(queueName(0), 'stores.#.events.#')] : [],
  };
}

/** To be imported before `shopAccount`. */
export function shopBinding({ store }: Shop, shards: number): object {
  return { bindings: [binding(queueName(shardOf(store, shards)), `stores.${store}.gateways.*.events.#`)] };
}

/**
 * A gateway writes events under its own address and reads what is for it, nothing else: the permissions on
 * the exchange and its own subscription queue, the topic permissions on the address within the exchange.
 */
export function shopAccount(shop: Shop, password: string): object {
  checkIds(shop);
  const { store, gateway } = shop;
  const name = userName(shop);
  const session = `mqtt-subscription-aisle-${store}\\.${gateway}-downqos[01]`;
  const address = `stores\\.${store}\\.gateways\\.${gateway}`;
  const rights = { write: `^(amq\\.topic|${session})$`, read: `^(amq\\.topic|${session})$` };
  return {
    ...account(name, password, { configure: `^${session}$`, ...rights }),
    topic_permissions: [
      topicPermission(name, {
        write: `^${address}\\.events\\.[a-z-]+$`,
        read: `^${address}\\.(consents|commands|decisions)$`,
      }),
    ],
  };
}

/** Without topic permissions: within an exchange that it may use it may use every address. */
export function account(name: string, password: string, rights: Rights): object {
  return { users: [user(name, password)], permissions: [permission(name, rights)] };
}

function user(name: string, password: string): object {
  const hashing_algorithm = 'rabbit_password_hashing_sha256';
  return { name, tags: [], hashing_algorithm, password_hash: hashed(password) };
}

/** RabbitMQ's own form: base64 of four octets of salt and SHA-256 of salt and password. */
function hashed(password: string): string {
  const salt = randomBytes(4);
  const digest = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, digest]).toString('base64');
}

/** Regular expressions over the names of exchanges and queues; nothing where one is left out. */
export interface Rights {
  configure?: string;
  write?: string;
  read?: string;
}

function permission(name: string, { configure = NOTHING, write = NOTHING, read = NOTHING }: Rights): object {
  return { user: name, vhost: VHOST, configure, write, read };
}

function topicPermission(name: string, { write = NOTHING, read = NOTHING }: Rights): object {
  return { user: name, vhost: VHOST, exchange: EXCHANGE, write, read };
}

function binding(destination: string, routing_key: string): object {
  const queue = { destination, destination_type: 'queue', routing_key, arguments: {} };
  return { source: EXCHANGE, vhost: VHOST, ...queue };
}
