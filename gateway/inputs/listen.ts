import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** A TLS handshake has to be done after so long, ms. */
const HANDSHAKE_DEADLINE = 5_000;
/** Connections at a time, beyond which new ones are closed at once. */
const MAX_CONNECTIONS = 5_000;

export interface Listener {
  port: number;
  /** Ends every connection, those in a handshake too, and listens no more. */
  close(): Promise<void>;
}

/** Listens for TCP, or for TLS 1.2 and later. @throws with a sentence where the address cannot be used. */
export async function listen(
  { host, port }: { host: string; port: number },
  tls: { cert: string | Buffer; key: string | Buffer } | undefined,
  connected: (socket: Socket) => void,
): Promise<Listener> {
  const server = tls ? tlsServer(tls, connected) : createServer({ noDelay: true }, connected);
  server.maxConnections = MAX_CONNECTIONS;
  const sockets = new Set<Socket>();
  // Of a TLS server too this is the TCP connection, before the handshake.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await listening(server, host, port);
  const bound = server.address();
  return {
    port: bound !== null && typeof bound === 'object' ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function tlsServer(
  tls: { cert: string | Buffer; key: string | Buffer },
  connected: (socket: Socket) => void,
) {
  const options = { minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_DEADLINE, noDelay: true } as const;
  try {
    return createTlsServer({ ...tls, ...options }, connected);
  } catch (error) {
    throw new Error(
      `inputs.mqtt.tls: ${(error as Error).message}: cert and key must be PEM files and belong together`,
    );
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(new Error(whyNot(error, `${host}:${port}`)));
    server.once('error', fail);
    try {
      server.listen(port, host, () => {
        server.off('error', fail);
        resolve();
      });
    } catch (error) {
      fail(error as NodeJS.ErrnoException);
    }
  });
}

function whyNot({ code, message }: NodeJS.ErrnoException, place: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${place} is in use by another program: stop it, or set inputs.mqtt.listen`;
    case 'EACCES':
      return `${place}: this user may not listen there: set inputs.mqtt.listen to a port from 1024 on`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${place} is not an address of this machine: set inputs.mqtt.listen to one that is`;
    default:
      return `${place} cannot be listened on: ${message}`;
  }
}
