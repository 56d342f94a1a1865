import { connect, type MqttClient } from 'mqtt';
import { connectOptions, explain, type GatewayAddress, readCredentials } from './gateway-address.ts';
import type { RadioLog } from './radio-state.ts';

export interface GatewayLink {
  isUp(): boolean;
  /** Publishes `devices/<device>/<name>` with QoS 1; resolves at the PUBACK, rejects where none came. */
  publish(name: string, payload: string, options?: { retain: boolean }): Promise<void>;
  /** Says goodbye (`state` `offline`) and ends the connection. */
  close(): Promise<void>;
}

export interface LinkEvents {
  /** Names of the commands that it takes, `devices/<device>/commands/<name>`. */
  commands: readonly string[];
  onUp(): void;
  onDown(): void;
  onCommand(name: string, payload: Uint8Array): void;
}

/** A PUBACK that takes longer does not come: the connection is given up, its messages are sent on the next. */
const ACK_MS = 15_000;
const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 30_000;
/** A connection that held so long was a good one: the next attempt is not delayed for the failures before. */
const GOOD_CONNECTION_MS = 10_000;
const GOODBYE_MS = 2_000;

/**
 * Keeps a device's connection to the gateway's broker: user name and client id are its id, `state` is
 * `offline` by will. Every connection is a client of its own, so nothing is queued or sent again behind the
 * caller's back. Retries with full jitter; each new problem is logged once. `random` yields 0…1.
 */
export function gatewayLink(
  device: string,
  gateway: GatewayAddress,
  events: LinkEvents,
  context: { log: RadioLog; random(): number },
): GatewayLink {
  const { log } = context;
  const where = new URL(gateway.url).host;
  let client: MqttClient | undefined;
  let isUp = false;
  let upAt = 0;
  let failures = 0;
  let lastProblem: string | undefined;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;
  const pending = new Set<Promise<void>>();

  const lost = (problem: string): void => {
    const goodFor = isUp ? performance.now() - upAt : 0;
    const wasUp = isUp;
    isUp = false;
    client?.end(true);
    client = undefined;
    if (wasUp) events.onDown();
    if (closed) return;
    if (problem !== lastProblem || wasUp) log.warn(`no connection to the gateway at ${where}: ${problem}`);
    lastProblem = problem;
    failures = goodFor > GOOD_CONNECTION_MS ? 0 : failures + 1;
    const delay = context.random() * Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** failures);
    retry = setTimeout(() => void open(), delay);
  };
  const open = async (): Promise<void> => {
    const credentials = await readCredentials(gateway).catch((error: Error) => error);
    if (closed) return;
    if (credentials instanceof Error) {
      lost(credentials.message);
      return;
    }
    client = attempt(connect(gateway.url, connectOptions(device, credentials)));
  };
  const attempt = (current: MqttClient): MqttClient => {
    const commands = new Map(events.commands.map((name) => [`devices/${device}/commands/${name}`, name]));
    let problem = 'the connection was closed';
    current.on('error', (error) => {
      problem = explain(error, device, gateway);
    });
    current.on('close', () => {
      if (current === client) lost(problem);
    });
    current.on('message', (topic, payload) => {
      const name = commands.get(topic);
      if (name !== undefined) events.onCommand(name, payload);
    });
    current.on('connect', () => {
      isUp = true;
      upAt = performance.now();
      lastProblem = undefined;
      log.info(`connected to the gateway at ${where} as ${device}`);
      const filters = [...commands.keys()];
      current.subscribe(filters, { qos: 1 }, (error, granted) => {
        const refused = error ?? granted?.some(({ qos }) => qos > 2);
        if (refused && current === client)
          log.warn(`the gateway at ${where} does not let ${device} read ${filters.join(', ')}`);
      });
      events.onUp();
    });
    return current;
  };
  const publish: GatewayLink['publish'] = (name, payload, options) => {
    const current = client;
    if (!current || !isUp) return Promise.reject(new Error(`no connection to the gateway at ${where}`));
    const acknowledged = new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => {
        reject(new Error('not acknowledged'));
        if (current === client) lost(`${name} was not acknowledged within ${ACK_MS / 1000} s`);
      }, ACK_MS);
      current.publish(`devices/${device}/${name}`, payload, { qos: 1, ...options }, (error) => {
        clearTimeout(deadline);
        if (error) reject(error);
        else resolve();
      });
    });
    pending.add(acknowledged);
    return acknowledged.finally(() => pending.delete(acknowledged));
  };

  void open();
  return {
    isUp: () => isUp,
    publish,
    async close() {
      closed = true;
      clearTimeout(retry);
      if (isUp) publish('state', 'offline', { retain: true }).catch(() => {});
      await within(GOODBYE_MS, Promise.allSettled(pending));
      const last = client;
      isUp = false;
      client = undefined;
      // Without DISCONNECT where something is not acknowledged: the broker then says "offline" for us.
      if (last) await within(GOODBYE_MS, last.endAsync(pending.size > 0));
      last?.stream.destroy();
    },
  };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}
