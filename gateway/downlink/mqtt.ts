import { setTimeout as wait } from 'node:timers/promises';
import { clientId, type MqttUplinkSettings } from '../uplinks/mqtt.ts';
import { openConnection } from '../uplinks/mqtt-connection.ts';

const TOPICS = ['consents', 'commands', 'decisions'];
const FIRST_BACK_OFF = 500;
const LONGEST_BACK_OFF = 30_000;
const NOTHING = new Uint8Array();

export interface MqttDownlinkParts extends MqttUplinkSettings {
  /** Resolves once the message is on disk, or refused for good. */
  receive: (message: Uint8Array) => Promise<void>;
}

/**
 * `stores/<store>/gateways/<gateway>/{consents,commands,decisions}`, QoS 1, in a session that the
 * broker keeps while we are away. A message is acknowledged once it is on disk; where it cannot be,
 * the connection ends, and the broker sends it again on the next.
 */
export function mqttDownlink(parts: MqttDownlinkParts): { close(): Promise<void> } {
  const { store, gateway, receive } = parts;
  const closing = new AbortController();
  const { signal } = closing;

  /** Resolves when the connection is lost. */
  async function listen(): Promise<void> {
    let end = () => {};
    const client = await openConnection(
      parts,
      {
        // Not the uplink's: a second connection under one id would end the first (MQTT-3.1.4-2).
        clientId: clientId(parts, 'down'),
        clean: false,
        handle: (packet, done) => {
          receive(packet.cmd === 'publish' ? Buffer.from(packet.payload) : NOTHING).then(done, () => end());
        },
      },
      signal,
    );
    end = () => void client.end(true);
    const lost = new Promise<void>((resolve) => client.once('close', () => resolve()));
    const topics = TOPICS.map((topic) => `stores/${store}/gateways/${gateway}/${topic}`);
    await Promise.race([client.subscribeAsync(topics, { qos: 1 }), lost]).catch(end);
    await lost;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = performance.now();
      await listen().catch(() => {});
      failures = performance.now() - startedAt > LONGEST_BACK_OFF ? 0 : failures + 1;
      const pause = Math.random() * Math.min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** Math.min(failures, 10));
      await wait(pause, undefined, { signal }).catch(() => {});
    }
  }

  const ended = run();
  return {
    async close() {
      closing.abort();
      await ended;
    },
  };
}
