import type { MqttClient } from 'mqtt';
import { type MqttSettings, openConnection } from './mqtt-connection.ts';
import { type Delivery, type OutgoingEvent, type Uplink, withDeadline } from './uplink.ts';

/** PUBACK has to be there after so long, ms: publishing into a black hole never settles by itself. */
const DEADLINE = 15_000;

export interface MqttUplinkSettings extends MqttSettings {
  store: string;
  gateway: string;
}

/**
 * Structured CloudEvents over MQTT 3.1.1, QoS 1 (CloudEvents MQTT binding §3.2), one message an event
 * to `stores/<store>/gateways/<gateway>/events/<name with dashes>`. PUBACK counts as taken, as far as
 * the broker promises. The connection is made at the first batch and again after each loss.
 */
export function mqttUplink(settings: MqttUplinkSettings, deadline: number = DEADLINE): Uplink {
  const { store, gateway } = settings;
  const closing = new AbortController();
  /** One for both lanes: a second under the same client id would end the first (MQTT-3.1.4-2). */
  let connection: Promise<MqttClient> | undefined;

  function connected(): Promise<MqttClient> {
    if (connection) return connection;
    const session = { clientId: clientId(settings, 'up'), clean: true };
    const opening = openConnection(settings, session, closing.signal, deadline);
    const forget = () => {
      if (connection === opening) connection = undefined;
    };
    connection = opening;
    opening.then((client) => client.once('close', forget), forget);
    return opening;
  }

  async function publishAll(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<string[]> {
    const opening = connected();
    const client = await orAborted(opening, signal);
    const accepted: string[] = [];
    let answered = 0;
    const acknowledge = nudge(client);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
      for (const { id, name, body } of events) {
        const topic = `stores/${store}/gateways/${gateway}/events/${name.replaceAll('.', '-')}`;
        // Called with an error when the connection is lost.
        client.publish(topic, body, { qos: 1 }, (error) => {
          if (!error) accepted.push(id);
          answered += 1;
          if (answered === events.length) resolve();
          else if (!error) acknowledge();
        });
      }
    });
    if (accepted.length < events.length) {
      // A connection that left something unanswered cannot be trusted any more: the next batch makes one anew.
      if (connection === opening) connection = undefined;
      client.end(true);
    }
    return accepted;
  }

  return {
    async send(events, signal): Promise<Delivery> {
      const accepted = await withDeadline(signal, deadline, (inner) => publishAll(events, inner));
      if (accepted.length === 0) throw new Error('the broker acknowledged nothing, or not in time');
      return { accepted, rejected: [] };
    },
    async close() {
      closing.abort();
      const client = await connection?.catch(() => undefined);
      client?.end(true);
    },
  };
}

/** One for each direction: uplink and downlink are connections of their own. No id has a dot: none is another’s. */
export function clientId({ store, gateway }: MqttUplinkSettings, direction: 'up' | 'down'): string {
  return `aisle-${store}.${gateway}-${direction}`;
}

/**
 * Sends a PINGREQ, at most one a turn of the loop: the broker's first PUBACK is acknowledged with it at once. Many
 * brokers hold the others back until it is (Nagle's algorithm), and our system waits 40 ms for something to send.
 */
function nudge(client: MqttClient): () => void {
  let isDue = true;
  return () => {
    if (!isDue) return;
    isDue = false;
    client.sendPing();
    setImmediate(() => {
      isDue = true;
    });
  };
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const over = () => reject(signal.reason as Error);
    if (signal.aborted) over();
    signal.addEventListener('abort', over);
    work.then(resolve, reject);
  });
}
