import { setTimeout as pause } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';

/** Milliseconds to wait before the next node is tried, with full jitter. */
const BACK_OFF_MS = 500;
const HEARTBEAT_S = 5;
const DEADLINE_MS = 5_000;

/** An account at the nodes of a cluster. */
export interface BrokerAccount {
  /** AMQP ports of 127.0.0.1. */
  ports: readonly number[];
  name: string;
  password: string;
}

/** Connects to whichever node takes it, for as long as it takes; nothing when `signal` aborts before. */
export async function connectToAny(
  { ports, name, password }: BrokerAccount,
  signal: AbortSignal,
): Promise<ChannelModel | undefined> {
  for (let turn = Math.floor(Math.random() * ports.length); !signal.aborted; turn += 1) {
    try {
      const port = ports[turn % ports.length] ?? 0;
      const login = { protocol: 'amqp', hostname: '127.0.0.1', port, username: name, password };
      const broker = await connect(
        { ...login, heartbeat: HEARTBEAT_S },
        { timeout: DEADLINE_MS, noDelay: true },
      );
      // An error without a listener would end the process; 'close' follows.
      broker.on('error', () => {});
      return broker;
    } catch {
      await pause(Math.random() * BACK_OFF_MS, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}
