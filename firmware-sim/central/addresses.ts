import { createHash } from 'node:crypto';

/** A gateway of a shop. Ids are `[A-Za-z0-9_-]{1,64}`: no dot, which would be another level in RabbitMQ. */
export interface Shop {
  store: string;
  gateway: string;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const EVENT_KEY = /^stores\.([\w-]{1,64})\.gateways\.([\w-]{1,64})\.events\.([a-z-]+)$/;

/** Throws where an id could reach beyond its own level of a topic. */
export function checkIds({ store, gateway }: Shop): void {
  for (const id of [store, gateway]) {
    if (!ID.test(id)) throw new Error(`"${id}" is no id: 1 to 64 of A-Z a-z 0-9 _ -`);
  }
}

/** What a gateway logs in with. The dot cannot be in an id, so no two shops share a name. */
export function userName({ store, gateway }: Shop): string {
  return `${store}.${gateway}`;
}

/** Topics with `/` as MQTT has them are routing keys with `.` in RabbitMQ. */
export function downlinkKey({ store, gateway }: Shop, kind: 'consents' | 'commands' | 'decisions'): string {
  return `stores.${store}.gateways.${gateway}.${kind}`;
}

/** Whose events come by this routing key, and of which name (dashes for dots); nothing where it is another. */
export function readEventKey(key: string): (Shop & { name: string }) | undefined {
  const [, store, gateway, name] = EVENT_KEY.exec(key) ?? [];
  if (store === undefined || gateway === undefined || name === undefined) return undefined;
  return { store, gateway, name };
}

export function queueName(shard: number): string {
  return `aisle.events.${shard}`;
}

/** All events of one shop take one road, or their order is lost: so a shard is chosen by the store. */
export function shardOf(store: string, shards: number): number {
  return createHash('sha256').update(store).digest().readUInt32BE(0) % shards;
}
