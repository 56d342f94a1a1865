import { readFileSync } from 'node:fs';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Delivery, OutgoingEvent, Uplink } from './uplink.ts';

/** PUBACK has to be there after so long, ms: publishing into a black hole never settles by itself. */
const DEADLINE = 15_000;
const KEEPALIVE_S = 15;
const CONNECT_DEADLINE = 10_000;

export interface MqttUplinkSettings {
  url: string;
  userName?: string | undefined;
  passwordFile?: string | undefined;
  ca?: string | undefined;
  store: string;
  gateway: string;
}

/**
 * Structured CloudEvents over MQTT 3.1.1, QoS 1 (CloudEvents MQTT binding §3.2), one message an event
 * to `stores/<store>/gateways/<gateway>/events/<name with dashes>`. PUBACK counts as taken, as far as
 * the broker promises. The connection is made at the first batch and again after each loss.
 */
export function mqttUplink(settings: MqttUplinkSettings): Uplink {
  const { store, gateway } = settings;
  let client: MqttClient | undefined;

  async function connected(): Promise<MqttClient> {
    if (client?.connected) return client;
    client?.end(true);
    client = await connectAsync(settings.url, {
      ...connectionOptions(settings),
      clientId: `gw-${gateway}`,
      clean: true,
    });
    // An error without a listener would end the process; the next batch finds the connection gone.
    client.on('error', () => {});
    return client;
  }

  return {
    async send(events, signal): Promise<Delivery> {
      const connection = await connected();
      const accepted: string[] = [];
      await settleAll(events, signal, async (event) => {
        const name = event.name.replaceAll('.', '-');
        const topic = `stores/${store}/gateways/${gateway}/events/${name}`;
        await connection.publishAsync(topic, event.body, { qos: 1 });
        accepted.push(event.id);
      });
      if (accepted.length < events.length) {
        // In flight on a connection that cannot be trusted any more: begin anew.
        connection.end(true);
        client = undefined;
        if (accepted.length === 0) throw new Error('the broker acknowledged nothing in time');
      }
      return { accepted, rejected: [] };
    },
    async close() {
      await client?.endAsync(true);
    },
  };
}

/** Reconnecting is the forwarder's work (back-off, jitter), not the library's. */
export function connectionOptions(settings: MqttUplinkSettings) {
  const { userName, passwordFile, ca } = settings;
  return {
    protocolVersion: 4 as const,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_DEADLINE,
    reconnectPeriod: 0,
    queueQoSZero: false,
    ...(userName !== undefined && { username: userName }),
    ...(passwordFile !== undefined && { password: readFileSync(passwordFile, 'utf8').trim() }),
    ...(ca !== undefined && { ca: readFileSync(ca) }),
  };
}

async function settleAll(
  events: readonly OutgoingEvent[],
  signal: AbortSignal,
  send: (event: OutgoingEvent) => Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DEADLINE);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([Promise.allSettled(events.map(send)), over]);
  clearTimeout(timer);
}
