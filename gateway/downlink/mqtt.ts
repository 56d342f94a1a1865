import { setTimeout as wait } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { connectionOptions, type MqttUplinkSettings } from '../uplinks/mqtt.ts';

const TOPICS = ['consents', 'commands', 'decisions'];
const FIRST_BACK_OFF = 500;
const LONGEST_BACK_OFF = 30_000;

/**
 * `stores/<store>/gateways/<gateway>/{consents,commands,decisions}`, QoS 1, in a session that the
 * broker keeps while we are away. A message is acknowledged once it is on disk.
 */
export function mqttDownlink(settings: MqttUplinkSettings & { receive: (jws: string) => Promise<void> }): {
  close(): Promise<void>;
} {
  const { store, gateway, receive } = settings;
  const closing = new AbortController();
  let client: MqttClient | undefined;

  async function listen(): Promise<void> {
    client = await connectAsync(settings.url, {
      ...connectionOptions(settings),
      // Not the uplink's: a second connection under one id would end the first (MQTT-3.1.4-2).
      clientId: `gw-${gateway}-down`,
      clean: false,
    });
    client.on('error', () => {});
    // PUBACK goes out when this calls back (MQTT.js, handleMessage).
    client.handleMessage = (packet, done) => {
      const jws = packet.cmd === 'publish' ? String(packet.payload) : '';
      receive(jws).then(
        () => done(),
        (error: Error) => done(error),
      );
    };
    const lost = new Promise<void>((resolve) => client?.once('close', () => resolve()));
    await client.subscribeAsync(
      TOPICS.map((topic) => `stores/${store}/gateways/${gateway}/${topic}`),
      { qos: 1 },
    );
    await lost;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      await listen().catch(() => {});
      client?.end(true);
      failures = performance.now() - startedAt > LONGEST_BACK_OFF ? 0 : failures + 1;
      const pause = Math.random() * Math.min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** Math.min(failures, 10));
      await wait(pause, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  const ended = run();
  return {
    async close() {
      closing.abort();
      client?.end(true);
      await ended;
    },
  };
}
