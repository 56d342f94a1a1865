import { readFile, stat } from 'node:fs/promises';
import type { IClientOptions } from 'mqtt';

/** Where the gateway's broker is and how this receiver proves who it is. */
export interface GatewayAddress {
  /** `mqtts://host:port`, or `mqtt://` on this machine. */
  url: string;
  /** Holds the receiver's secret. Read at each connection, so a rotated secret needs no restart. */
  credentialFile: string;
  /** PEM of the authority that signed the broker's certificate; without it, the system's authorities. */
  ca?: string | undefined;
}

/** Detected after 1.5 times this by MQTT.js. */
const KEEPALIVE_S = 15;
const CONNECT_MS = 10_000;

export interface Credentials {
  password: string;
  ca?: Buffer;
}

const READABLE_BY_ALL = 0o004;

/** Reads the secret and the authority. Rejects with a sentence where a file is missing, empty, or open to all. */
export async function readCredentials({ credentialFile, ca }: GatewayAddress): Promise<Credentials> {
  const password = (await readFile(credentialFile, 'utf8')).trim();
  if (password === '')
    throw new Error(`${credentialFile} is empty: it holds what \`aisle devices add\` printed`);
  if ((await stat(credentialFile)).mode & READABLE_BY_ALL) {
    throw new Error(`everybody can read ${credentialFile}: chmod 600 it`);
  }
  return ca === undefined ? { password } : { password, ca: await readFile(ca) };
}

/** One connection and no other: MQTT 3.1.1, nothing kept or repeated by MQTT.js, `state` `offline` by will. */
export function connectOptions(receiver: string, credentials: Credentials): IClientOptions {
  return {
    ...credentials,
    clientId: receiver,
    username: receiver,
    protocolVersion: 4,
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    will: { topic: `devices/${receiver}/state`, payload: Buffer.from('offline'), qos: 1, retain: true },
  };
}

/** What went wrong with a connection, in words. */
export function explain(
  error: Error & { code?: number | string },
  receiver: string,
  gateway: GatewayAddress,
): string {
  // CONNACK return codes, MQTT 3.1.1 §3.2.2.3.
  if (error.code === 4 || error.code === 5) {
    return `it refuses ${receiver} with the secret in ${gateway.credentialFile}`;
  }
  return typeof error.code === 'string' ? error.code : error.message;
}
