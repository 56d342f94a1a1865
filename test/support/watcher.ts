import { readFileSync } from 'node:fs';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Mosquitto } from './mosquitto.ts';

/** A client that reads and writes everything, and remembers what it read: `topic payload` by topic. */
export interface Watcher {
  client: MqttClient;
  /** Payloads of a topic, in their order. */
  of(topic: string): string[];
  /** Everything that was read, topics and payloads. */
  all(): string;
}

export async function watch({ url, ca }: Mosquitto): Promise<Watcher> {
  const read: { topic: string; payload: string }[] = [];
  const client = await connectAsync(url, {
    username: 'watcher',
    password: 'watcher',
    ca: readFileSync(ca),
    reconnectPeriod: 0,
  });
  client.on('message', (topic, payload) => read.push({ topic, payload: payload.toString() }));
  await client.subscribeAsync('devices/#', { qos: 1 });
  return {
    client,
    of: (topic) => read.filter((message) => message.topic === topic).map(({ payload }) => payload),
    all: () => JSON.stringify(read),
  };
}
