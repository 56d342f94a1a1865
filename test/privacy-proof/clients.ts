import { connectAsync, type MqttClient } from 'mqtt';

/** The shop's devices at the gateway's broker: they say what they are told to, and ask for more than they may. */
export interface Clients {
  /** Resolves once it is acknowledged; said again on a new connection where the broker ended the one it had. */
  say(device: string, message: string, payload: string | Buffer): Promise<void>;
  /** The same, to any topic. */
  publish(device: string, topic: string, payload: string | Buffer): Promise<void>;
  /** Said once: true where the broker took it, false where it ended the connection for it. */
  dare(device: string, topic: string, payload: string): Promise<boolean>;
  /** A phone of its own among those that share the app's entry. */
  phone(clientId: string, payload: string): Promise<void>;
  /** The list of frames that the gateway sent to this receiver, as it came. */
  frames(device: string): Buffer | undefined;
  close(): Promise<void>;
}

/** What nobody may read; the broker has to refuse it (R26), and what comes all the same is found. */
const FORBIDDEN = ['#', 'devices/#', 'devices/+/advertisements', 'devices/+/ranged', '$SYS/#', '+/+/+'];
const TRIES = 5;

export async function connectDevices(
  port: number,
  secrets: ReadonlyMap<string, string>,
  app: string,
): Promise<Clients> {
  const clients = new Map<string, Promise<MqttClient>>();
  const frames = new Map<string, Buffer>();

  async function open(device: string, clientId: string): Promise<MqttClient> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      ...{ clientId, username: device, password: secrets.get(device) ?? '', protocolVersion: 4 },
      reconnectPeriod: 0,
    });
    client.on('error', () => {});
    // Each message under way looks at the connection's end.
    client.setMaxListeners(0);
    return client;
  }

  async function openDevice(device: string): Promise<MqttClient> {
    const client = await open(device, device === app ? `${app}-all` : device);
    client.on('message', (topic, payload) => {
      if (topic.endsWith('/frames')) frames.set(device, payload);
    });
    client.once('close', () => clients.delete(device));
    await settledOn(client, client.subscribeAsync(`devices/${device}/commands/+`, { qos: 1 }));
    for (const filter of FORBIDDEN) await settledOn(client, client.subscribeAsync(filter, { qos: 1 }));
    return client;
  }

  function clientOf(device: string): Promise<MqttClient> {
    const client = clients.get(device) ?? openDevice(device);
    clients.set(device, client);
    return client;
  }

  /** False where the connection ended before the answer. */
  async function saidOnce(device: string, topic: string, payload: string | Buffer): Promise<boolean> {
    const client = await clientOf(device);
    return settledOn(client, client.publishAsync(topic, payload, { qos: 1 }));
  }

  async function publish(device: string, topic: string, payload: string | Buffer): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) if (await saidOnce(device, topic, payload)) return;
    throw new Error(`${device}: the broker does not take ${topic.split('/').at(-1)}`);
  }

  for (const device of secrets.keys()) await clientOf(device);

  return {
    say: (device, message, payload) => publish(device, `devices/${device}/${message}`, payload),
    publish,
    dare: saidOnce,
    async phone(clientId, payload) {
      const client = await open(app, clientId);
      await settledOn(client, client.publishAsync(`devices/${app}/ranged`, payload, { qos: 1 }));
      await client.endAsync(true);
    },
    frames: (device) => frames.get(device),
    async close() {
      for (const client of [...clients.values()]) await (await client).endAsync(true);
    },
  };
}

/** Waits for the answer or the end of the connection, whichever is first: true where it was answered well. */
function settledOn(client: MqttClient, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    const settle = (isDone: boolean) => {
      client.off('close', gone);
      resolve(isDone);
    };
    work.then(
      () => settle(true),
      () => settle(false),
    );
    if (client.connected) client.once('close', gone);
    else gone();
  });
}
