import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connects } from './listening.ts';

/** The one address that shops know, in front of the nodes: TCP passed on to the first that takes it. */
export interface Balancer {
  port: number;
  close(): Promise<void>;
}

/** Tries the nodes in turn, beginning with another each time. `port` 0 is any free one. */
export async function openBalancer(nodes: readonly number[], port = 0): Promise<Balancer> {
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
    open.add(client);
    client.on('error', () => {});
    client.on('close', () => open.delete(client));
    turn += 1;
    void reach(turn).then((node) => (node ? join(client, node) : client.destroy()));
  });

  async function reach(first: number): Promise<Socket | undefined> {
    for (let i = 0; i < nodes.length; i += 1) {
      const socket = connect({
        host: '127.0.0.1',
        port: nodes[(first + i) % nodes.length] ?? 0,
        noDelay: true,
      });
      if (await connects(socket)) return socket;
      socket.destroy();
    }
    return undefined;
  }

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function join(client: Socket, node: Socket): void {
  node.on('error', () => {});
  node.on('close', () => client.destroy());
  client.on('close', () => node.destroy());
  if (client.destroyed) node.destroy();
  client.pipe(node);
  node.pipe(client);
}
