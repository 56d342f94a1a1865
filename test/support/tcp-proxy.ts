import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

type Mode = 'pass' | 'swallow' | 'refuse' | 'hang up';

/** A line between two ends that the test can spoil. */
export interface TcpProxy {
  port: number;
  /**
   * `swallow`: connections open and stay open, and no octet gets through. `refuse` resets new ones, `hang up`
   * ends them in good order, without a word.
   */
  set(mode: Mode): void;
  /** Octets that came from the client since the line was last set. */
  swallowed(): number;
  /** Resets every connection. */
  cut(): void;
}

export async function tcpProxy(target: number): Promise<TcpProxy> {
  let mode: Mode = 'pass';
  let swallowed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (mode === 'refuse') return void client.resetAndDestroy();
    if (mode === 'hang up') return void client.resume().end();
    const far = connect(target, '127.0.0.1');
    join(client, far);
    join(far, client);
    client.on('data', (chunk) => {
      swallowed += chunk.length;
    });
  });
  function join(from: Socket, to: Socket): void {
    sockets.add(from);
    from.on('data', (chunk) => {
      if (mode === 'pass') to.write(chunk);
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      if (mode !== 'swallow') to.destroy();
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      mode = next;
      swallowed = 0;
    },
    swallowed: () => swallowed,
    cut,
  };
}
