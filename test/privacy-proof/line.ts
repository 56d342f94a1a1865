import { once } from 'node:events';
import { appendFileSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line between two ends that keeps what one of them says, a file for each connection. */
export interface RecordingLine {
  port: number;
  /** What was kept so far: files, and how long they are. */
  kept(): { file: string; octets: number }[];
  close(): Promise<void>;
}

/** Keeps what comes from who connects (`near`) or from the target (`far`), in `<name>-<n>`. */
export async function recordingLine(
  target: number,
  name: string,
  keeps: 'near' | 'far',
): Promise<RecordingLine> {
  const sockets = new Set<Socket>();
  const files: string[] = [];
  const server = createServer((near) => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    near.setNoDelay(true);
    const file = `${name}-${files.length + 1}`;
    files.push(file);
    appendFileSync(file, '', { mode: 0o600 });
    (keeps === 'near' ? near : far).on('data', (chunk) => appendFileSync(file, chunk));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    kept: () => files.map((file) => ({ file, octets: statSync(file).size })),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
