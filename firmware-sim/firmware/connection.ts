import { connect, type MqttClient } from 'mqtt';

/**
 * How a device of the shop talks to the gateway: MQTT over TLS, QoS 1, each message numbered. What is
 * not acknowledged stays in memory and is sent again, in order and under its own `seq`, on the next
 * connection; so nothing that the device told is lost while it has power.
 */
export interface Connection {
  isUp(): boolean;
  /** Sends `devices/<device>/<name>`, now or when the gateway is back. */
  send(name: string, fields: object): void;
  /** Messages, once each however often one was sent. `waiting` were never sent yet. */
  counters(): Counters;
  /** Sends what waits, then ends; gives up after `GOODBYE_MS`. */
  close(): Promise<void>;
}

export interface Counters {
  sent: number;
  acked: number;
  waiting: number;
}

export interface ConnectionOptions {
  device: string;
  /** Of one phone among many that share a device's entry; otherwise the device's id. */
  clientId?: string;
  /** Random for each start, `[A-Za-z0-9_-]{1,64}`. */
  boot: string;
  /** The secret may come later: until then the device waits, as one does that is being enrolled. */
  gateway: { url: string; secret: Promise<string>; ca: string };
  /** Commands to listen to. */
  commands?: readonly string[];
  onCommand?(command: string, payload: Record<string, unknown>): void;
  onUp?(): void;
  /** A message goes out for the first time; `cause` is `<device>/<boot>/<seq>`. */
  onSent?(cause: string, name: string): void;
  onAcked?(cause: string, name: string): void;
}

interface Entry {
  seq: number;
  name: string;
  payload: string;
}

/** Far fewer than the 64 `seq` that the gateway remembers. */
const IN_FLIGHT = 8;
const RETRY_MS = 700;
const KEEPALIVE_S = 15;
const GOODBYE_MS = 20_000;
const LOOK_MS = 20;

export function openConnection(options: ConnectionOptions): Connection {
  const { device, clientId = device, boot, gateway } = options;
  const isShared = clientId !== device;
  const waiting: Entry[] = [];
  const inFlight = new Map<number, Entry>();
  let seq = 0;
  let highestSent = 0;
  let acked = 0;
  let client: MqttClient | undefined;
  let isUp = false;
  let ended = false;
  let isEnrolled = false;
  let retry: NodeJS.Timeout | undefined;

  const causeOf = (entry: Entry) => `${device}/${boot}/${entry.seq}`;
  const state = `devices/${device}/state`;

  async function open(): Promise<void> {
    const password = await gateway.secret;
    isEnrolled = true;
    if (ended) return;
    const current = connect(gateway.url, {
      clientId,
      username: device,
      password,
      ca: gateway.ca,
      protocolVersion: 4,
      reconnectPeriod: 0,
      keepalive: KEEPALIVE_S,
      ...(!isShared && { will: { topic: state, payload: Buffer.from('offline'), qos: 1, retain: true } }),
    });
    client = current;
    current.on('connect', () => {
      isUp = true;
      if (!isShared) current.publish(state, 'online', { qos: 1, retain: true });
      for (const command of options.commands ?? []) {
        current.subscribe(`devices/${device}/commands/${command}`, { qos: 1 });
      }
      options.onUp?.();
      pump();
    });
    current.on('message', (topic, payload) => takeCommand(topic, payload));
    // The close that follows says all there is to say.
    current.on('error', () => {});
    current.on('close', () => {
      if (current !== client) return;
      isUp = false;
      current.end(true);
      waiting.unshift(...inFlight.values());
      inFlight.clear();
      retry = setTimeout(() => void open(), RETRY_MS * (0.5 + Math.random()));
    });
  }

  function takeCommand(topic: string, payload: Buffer): void {
    const command = topic.split('/')[3] ?? '';
    try {
      options.onCommand?.(command, JSON.parse(payload.toString('utf8')));
    } catch {
      // A command that cannot be read is not obeyed.
    }
  }

  function pump(): void {
    const current = client;
    while (isUp && current && inFlight.size < IN_FLIGHT) {
      const entry = waiting.shift();
      if (!entry) return;
      inFlight.set(entry.seq, entry);
      if (entry.seq > highestSent) {
        highestSent = entry.seq;
        options.onSent?.(causeOf(entry), entry.name);
      }
      current.publish(`devices/${device}/${entry.name}`, entry.payload, { qos: 1 }, (error) => {
        if (error || !inFlight.delete(entry.seq)) return;
        acked += 1;
        options.onAcked?.(causeOf(entry), entry.name);
        pump();
      });
    }
  }

  void open();
  return {
    isUp: () => isUp,
    send(name, fields) {
      seq += 1;
      waiting.push({ seq, name, payload: JSON.stringify({ ...fields, ts: Date.now(), seq, boot }) });
      pump();
    },
    counters: () => ({ sent: highestSent, acked, waiting: seq - highestSent }),
    async close() {
      const deadline = performance.now() + (isEnrolled ? GOODBYE_MS : 0);
      while (waiting.length + inFlight.size > 0 && performance.now() < deadline) await pause(LOOK_MS);
      ended = true;
      clearTimeout(retry);
      const last = client;
      client = undefined;
      if (isUp && last) {
        if (!isShared) await within(2_000, last.publishAsync(state, 'offline', { qos: 1, retain: true }));
        await within(2_000, last.endAsync());
      }
      isUp = false;
      last?.end(true);
      last?.stream?.destroy();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function within(ms: number, work: Promise<unknown>): Promise<unknown> {
  return Promise.race([work.catch(() => {}), pause(ms)]);
}
