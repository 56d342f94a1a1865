import { connect, createServer, type Socket } from 'node:net';

/**
 * The line between the gateway and the profile store: a TCP proxy that can be cut. While it is cut, what
 * the gateway sends up disappears, as in a cable that somebody pulled; nothing is refused, nothing
 * answers. Mended, the connections of before are reset, and the gateway opens new ones.
 *
 * The way down (`GET /downlink`, or the MQTT client `…-down`) is a line of its own and stays: so a
 * withdrawal arrives while events wait, and it can be seen what becomes of them.
 */
export interface Line {
  port: number;
  isCut(): boolean;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

const DOWNLINK = 'GET /downlink';

interface Pair {
  gateway: Socket;
  store: Socket | undefined;
  kind: 'up' | 'down' | undefined;
  /** Came while the line was cut: nobody will ever answer. */
  isDead: boolean;
}

/** By the first octets of a connection. */
function isDownlink(first: Buffer): boolean {
  const isHttp = first.toString('latin1', 0, DOWNLINK.length) === DOWNLINK;
  return isHttp || mqttClientId(first)?.endsWith('-down') === true;
}

/** MQTT 3.1.1 §3.1: CONNECT, its length in one to four octets, ten octets of `MQTT` and flags, the client id. */
function mqttClientId(first: Buffer): string | undefined {
  if (first[0] !== 0x10) return undefined;
  const header = 2 + first.subarray(1, 4).findIndex((octet) => octet < 0x80);
  const at = header + 10;
  return first.length < at + 2 ? undefined : first.toString('utf8', at + 2, at + 2 + first.readUInt16BE(at));
}

/** Takes connections on 127.0.0.1 at any free port and passes them on to `storePort`. */
export async function openLine(storePort: number): Promise<Line> {
  const pairs = new Set<Pair>();
  let isCut = false;

  const server = createServer({ noDelay: true }, (gateway) => {
    const pair: Pair = { gateway, store: undefined, kind: undefined, isDead: false };
    pairs.add(pair);
    gateway.on('error', () => {});
    gateway.on('close', () => {
      pairs.delete(pair);
      pair.store?.destroy();
    });
    gateway.on('data', (chunk) => {
      pair.kind ??= isDownlink(chunk) ? 'down' : 'up';
      if (isCut && pair.kind === 'up') pair.isDead = true;
      if (pair.isDead) return;
      pair.store ??= reach(pair);
      pair.store.write(chunk);
    });
  });

  function reach(pair: Pair): Socket {
    const store = connect({ host: '127.0.0.1', port: storePort, noDelay: true });
    store.on('error', () => {});
    store.on('close', () => pair.isDead || pair.gateway.destroy());
    store.on('data', (chunk) => {
      // An answer that is lost on its way: the store has the events, the gateway does not know.
      if (isCut && pair.kind === 'up') pair.isDead = true;
      if (!pair.isDead) pair.gateway.write(chunk);
    });
    return store;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : 0,
    isCut: () => isCut,
    cut() {
      isCut = true;
    },
    mend() {
      isCut = false;
      for (const pair of pairs) if (pair.isDead) pair.gateway.resetAndDestroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { gateway } of pairs) gateway.destroy();
      }),
  };
}
