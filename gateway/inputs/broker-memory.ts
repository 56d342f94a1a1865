import type { Client, Subscription } from 'aedes';
import memoryPersistence from 'aedes-persistence';
import type { PacketIds } from './packet-ids.ts';

interface Persistence {
  incomingDelPacket(client: { id: string }, packet: { messageId: number }): Promise<void>;
  cleanIncoming(client: { id: string }): Promise<void>;
  addSubscriptions(client: Client, subscriptions: Subscription[]): Promise<void>;
}

/**
 * What the broker keeps of sessions: aedes' own memory, with two things mended.
 *
 * - PUBREL and the end of a session have no hook, but their bookkeeping here has a name: packet ids
 *   are released and forgotten with it.
 * - Of a SUBSCRIBE with a granted and a denied filter aedes keeps both, and would queue what the denied
 *   one matches for as long as the device is away: only granted ones are kept.
 */
export function brokerMemory(
  ids: PacketIds,
  isGranted: (client: Client, filter: string) => boolean,
): unknown {
  // Its types describe another module form than its CommonJS export.
  const memory = (memoryPersistence as unknown as () => Persistence)();
  const { incomingDelPacket, cleanIncoming, addSubscriptions } = memory;
  memory.incomingDelPacket = (client, packet) => {
    ids.release(client.id, packet.messageId);
    return incomingDelPacket.call(memory, client, packet);
  };
  memory.cleanIncoming = (client) => {
    ids.forget(client.id);
    return cleanIncoming.call(memory, client);
  };
  memory.addSubscriptions = (client, subscriptions) => {
    const granted = subscriptions.filter(({ topic }) => isGranted(client, topic));
    return addSubscriptions.call(memory, client, granted);
  };
  return memory;
}
