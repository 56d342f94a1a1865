import { readFileSync } from 'node:fs';
import { connect, type IClientOptions, type MqttClient, type Packet } from 'mqtt';

const KEEPALIVE_S = 15;
const CONNECT_DEADLINE = 10_000;

export interface MqttSettings {
  url: string;
  userName?: string | undefined;
  passwordFile?: string | undefined;
  ca?: string | undefined;
}

export interface MqttSession {
  clientId: string;
  clean: boolean;
  /**
   * Takes each message that comes; PUBACK goes out when `done` is called. There from the first octet:
   * what the broker kept comes with CONNACK.
   */
  handle?: (packet: Packet, done: () => void) => void;
}

/**
 * Connects once, and never again by itself: coming back is its user's work (back-off, jitter).
 * Rejects, with the broker's or the system's reason, where it is not connected in time or `signal` aborts.
 * When the connection is lost later the client emits `close`.
 */
export function openConnection(
  settings: MqttSettings,
  { handle, ...session }: MqttSession,
  signal: AbortSignal,
  deadline: number = CONNECT_DEADLINE,
): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const client = connect(settings.url, { ...options(settings), ...session, connectTimeout: deadline });
    if (handle) client.handleMessage = handle;
    const over = () => end(new Error('the gateway ends'));
    const end = (error: Error) => {
      signal.removeEventListener('abort', over);
      client.end(true);
      reject(error);
    };
    signal.addEventListener('abort', over);
    // For as long as it lives: an error without a listener would end the process.
    client.on('error', end);
    client.on('close', () => end(new Error(`no connection in ${deadline / 1000} s, or it was closed`)));
    client.once('connect', () => resolve(client));
  });
}

function options({ userName, passwordFile, ca }: MqttSettings): IClientOptions {
  return {
    protocolVersion: 4,
    keepalive: KEEPALIVE_S,
    reconnectPeriod: 0,
    queueQoSZero: false,
    ...(userName !== undefined && { username: userName }),
    ...(passwordFile !== undefined && { password: readFileSync(passwordFile, 'utf8').trim() }),
    ...(ca !== undefined && { ca: readFileSync(ca) }),
  };
}
