import { connectAsync, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';

/** A foreign MQTT client, as who may log in under `userName`; it ends with the test. Rejects where it may not. */
export async function mqttClient(
  url: string,
  login: { userName?: string; password?: string; clientId?: string },
): Promise<MqttClient> {
  const { userName, password, clientId } = login;
  const client = await connectAsync(url, {
    ...{ protocolVersion: 4, reconnectPeriod: 0 },
    ...(userName !== undefined && { username: userName }),
    ...(password !== undefined && { password }),
    ...(clientId !== undefined && { clientId }),
  });
  client.on('error', () => {});
  onTestFinished(() => void client.end(true));
  return client;
}

/** The payloads that a client receives from here on. */
export function heardBy(client: MqttClient): string[] {
  const heard: string[] = [];
  client.on('message', (_, payload) => heard.push(payload.toString()));
  return heard;
}

/** MQTT 3.1.1 has no refusal of one message: the broker ends the connection (MQTT-3.3.5-2). */
export function mayPublish(client: MqttClient, topic: string, body: string): Promise<boolean> {
  return isDone(client, client.publishAsync(topic, body, { qos: 1 }));
}

export function maySubscribe(client: MqttClient, filter: string): Promise<boolean> {
  const granted = client.subscribeAsync(filter, { qos: 1 }).then((grants) => {
    // MQTT-3.9.3: 0x80 is a failure.
    if (grants.some(({ qos }) => qos === 128)) throw new Error('refused');
  });
  return isDone(client, granted);
}

function isDone(client: MqttClient, work: Promise<unknown>): Promise<boolean> {
  const closed = new Promise<boolean>((resolve) => client.once('close', () => resolve(false)));
  const done = work.then(
    () => true,
    () => false,
  );
  return Promise.race([done, closed]);
}
