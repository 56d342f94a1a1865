import { createHash } from 'node:crypto';
import type { Settle } from './acknowledgements.ts';

type Take = (settled: Settle) => void;

/**
 * QoS 2: a packet id is remembered until PUBREL (MQTT-4.3.3-2), over a reconnect too where the session
 * is kept, so that a message sent again has no second effect.
 *
 * The same id with another content is another message: a device that lost its memory begins again at
 * the same ids, and what it says then must not be acknowledged unheard.
 */
export interface PacketIds {
  /** Takes the message unless it was; then it is settled together with the first. */
  once(clientId: string, packet: { messageId: number; topic: string; payload: Uint8Array }, take: Take): Take;
  release(clientId: string, messageId: number): void;
  forget(clientId: string): void;
}

interface Held {
  digest: string;
  /** Those who wait for the outcome; nothing once the message is on disk. */
  waiting: Settle[] | undefined;
}

export function packetIds(): PacketIds {
  const clients = new Map<string, Map<number, Held>>();

  function idsOf(clientId: string): Map<number, Held> {
    const ids = clients.get(clientId) ?? new Map<number, Held>();
    clients.set(clientId, ids);
    return ids;
  }

  return {
    once: (clientId, packet, take) => (settled) => {
      const ids = idsOf(clientId);
      const digest = digestOf(packet);
      const first = ids.get(packet.messageId);
      if (first?.digest === digest) {
        if (first.waiting) first.waiting.push(settled);
        else settled();
        return;
      }
      const held: Held = { digest, waiting: [settled] };
      ids.set(packet.messageId, held);
      take((refused) => {
        const waiting = held.waiting ?? [];
        held.waiting = undefined;
        if (refused && ids.get(packet.messageId) === held) ids.delete(packet.messageId);
        for (const each of waiting) each(refused);
      });
    },
    release: (clientId, messageId) => void clients.get(clientId)?.delete(messageId),
    forget: (clientId) => void clients.delete(clientId),
  };
}

function digestOf({ topic, payload }: { topic: string; payload: Uint8Array }): string {
  return createHash('sha256').update(`${topic}\0`).update(payload).digest('base64');
}
