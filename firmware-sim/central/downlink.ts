import { setTimeout as pause } from 'node:timers/promises';
import type { ConfirmChannel, Message } from 'amqplib';
import type { ClientBase } from 'pg';
import { type BrokerAccount, connectToAny } from './connect.ts';
import { databaseClient } from './database-client.ts';
import { EXCHANGE } from './definitions.ts';
import type { DatabaseAddress } from './postgresql.ts';

const LOOK_MS = 200;
const BATCH = 50;

interface Unsent {
  n: string;
  address: string;
  message: string;
}

/** Keeps a signed message for a gateway; it is on disk when this returns. */
export async function enqueue(client: ClientBase, address: string, message: string): Promise<void> {
  await client.query('INSERT INTO downlink (address, message) VALUES ($1, $2)', [address, message]);
}

/**
 * Signed messages from the table `downlink` to the gateways' queues, in their order for each address. What
 * no queue takes yet (a gateway that never subscribed) comes back, `mandatory`, and is tried again: a
 * message that is only published would be gone.
 */
export function startDownlink(broker: BrokerAccount, database: DatabaseAddress): { close(): Promise<void> } {
  const closing = new AbortController();
  const { signal } = closing;
  const client = databaseClient(database);

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const connection = await connectToAny(broker, signal);
      if (!connection) return;
      let isOpen = true;
      connection.once('close', () => {
        isOpen = false;
      });
      const channel = await connection.createConfirmChannel().catch(() => undefined);
      channel?.on('error', () => {});
      while (channel && isOpen && !signal.aborted) {
        await sendAll(channel).catch(() => {});
        await pause(LOOK_MS, undefined, { signal }).catch(() => {});
      }
      await connection.close().catch(() => {});
    }
  }

  async function sendAll(channel: ConfirmChannel): Promise<void> {
    const db = await client.connected();
    const { rows } = await db.query<Unsent>(
      'SELECT n, address, message FROM downlink WHERE sent_at IS NULL ORDER BY n LIMIT $1',
      [BATCH],
    );
    const held = new Set<string>();
    for (const { n, address, message } of rows) {
      if (held.has(address)) continue;
      if (await isTaken(channel, address, message)) {
        await db.query('UPDATE downlink SET sent_at = now() WHERE n = $1', [n]);
      } else {
        held.add(address);
      }
    }
  }

  const ended = run();
  return {
    async close() {
      closing.abort();
      await ended;
      await client.end();
    },
  };
}

/** True where a queue has it; rejects where the broker could not say. `basic.return` comes before the confirm. */
function isTaken(channel: ConfirmChannel, address: string, message: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let cameBack = false;
    const back = ({ fields }: Message) => {
      if (fields.routingKey === address) cameBack = true;
    };
    channel.on('return', back);
    const options = { mandatory: true, persistent: true };
    channel.publish(EXCHANGE, address, Buffer.from(message), options, (error) => {
      channel.off('return', back);
      if (error) reject(error as Error);
      else resolve(!cameBack);
    });
  });
}
