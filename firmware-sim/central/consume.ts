import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { type BrokerAccount, connectToAny } from './connect.ts';
import { type DatabaseClient, databaseClient } from './database-client.ts';
import { ingest } from './ingest.ts';
import type { DatabaseAddress } from './postgresql.ts';

/** As many as one worker holds without having acknowledged them, of each queue: the largest batch. */
const PREFETCH = 200;
const BACK_OFF_MS = 500;

export interface Consuming {
  /** Resolves when what was under way is committed and acknowledged. */
  close(): Promise<void>;
}

interface Tap {
  channel: Channel;
  client: DatabaseClient;
  isOpen(): boolean;
}

/**
 * Takes from the queues, commits, and acknowledges only then: who dies in between is delivered the same
 * again, or another is. `committed` is called between COMMIT and acknowledgement.
 */
export function consume(parts: {
  worker: string;
  broker: BrokerAccount;
  queues: readonly string[];
  database: DatabaseAddress;
  ready: () => void;
  committed: () => Promise<void>;
}): Consuming {
  const { worker, broker, queues, database, ready, committed } = parts;
  const closing = new AbortController();
  const { signal } = closing;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const connection = await connectToAny(broker, signal);
      if (!connection) return;
      const lost = closed(connection);
      const taps = await Promise.all(queues.map((queue) => open(connection, queue))).catch(() => undefined);
      if (taps) {
        ready();
        await Promise.race([lost, aborted(signal), ...taps.map(({ over }) => over)]);
        await Promise.all(taps.map(({ end }) => end()));
      }
      await connection.close().catch(() => {});
      if (!signal.aborted) await pause(Math.random() * BACK_OFF_MS);
    }
  }

  /** `over` resolves where the channel ends by itself, `end` ends it in order. */
  async function open(connection: ChannelModel, queue: string) {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    let isOpen = true;
    const over = new Promise<void>((resolve) => {
      channel.once('close', () => {
        isOpen = false;
        resolve();
      });
    });
    await channel.prefetch(PREFETCH);
    // One for each queue: two transactions cannot share a connection.
    const client = databaseClient(database);
    const tap: Tap = { channel, client, isOpen: () => isOpen };
    const waiting: ConsumeMessage[] = [];
    let work: Promise<void> | undefined;
    const take = (message: ConsumeMessage | null) => {
      // The queue is gone, or its leader with nobody to follow: come again.
      if (!message) return void channel.close().catch(() => {});
      waiting.push(message);
      work ??= drain().finally(() => {
        work = undefined;
      });
    };
    const drain = async () => {
      // What came with the same chunk belongs into the same transaction.
      await new Promise((resolve) => setImmediate(resolve));
      while (waiting.length > 0 && isOpen) {
        await settle(tap, waiting.splice(0, PREFETCH));
      }
    };
    const { consumerTag } = await channel.consume(queue, take);
    return {
      over,
      async end() {
        if (isOpen) await channel.cancel(consumerTag).catch(() => {});
        await work;
        if (isOpen) await channel.close().catch(() => {});
        await client.end();
      },
    };
  }

  /** One batch, again and again until the database takes it or the channel is gone. */
  async function settle({ channel, client, isOpen }: Tap, batch: readonly ConsumeMessage[]): Promise<void> {
    const arrived = batch.map(({ fields, content }) => ({
      ...{ address: fields.routingKey, body: content, redelivered: fields.redelivered },
    }));
    while (isOpen()) {
      try {
        await ingest(await client.connected(), worker, arrived);
        break;
      } catch (error) {
        // Without its text, which could quote an event.
        process.stderr.write(
          `${worker}: not committed (${(error as { code?: string }).code ?? 'no code'})\n`,
        );
        await pause(BACK_OFF_MS);
      }
    }
    const last = batch.at(-1);
    if (!last || !isOpen()) return;
    await committed();
    if (isOpen()) channel.ack(last, true);
  }

  const ended = run();
  return {
    async close() {
      closing.abort();
      await ended;
    },
  };
}

function closed(connection: ChannelModel): Promise<void> {
  return new Promise((resolve) => connection.once('close', () => resolve()));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
