import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';

export interface Published {
  topic: string;
  payload: string;
  retain: boolean;
}

/** A broker to which one receiver, `r1` with the secret `s3cret`, publishes; it can withhold and cut. */
export interface ShopBroker {
  url: string;
  /** The file with the secret of `r1`. */
  credentialFile: string;
  /** Everything that the receiver published (its will too), in the order of arrival. */
  published: Published[];
  /** Parsed `advertisements`. */
  messages(): { frames: { address: string; data: string; ageMs: number }[]; seq: number; boot: string }[];
  crowds(): { windowS: number; near: number; far: number; seq: number }[];
  states(): string[];
  /** Parsed `radio`. */
  radios(): { state: string; reason?: string }[];
  /** Publishes the retained command `frames`. */
  sendFrames(payload: string): void;
  /** While it holds, messages of these names are taken and not acknowledged. */
  withhold(names: string[]): void;
  /** Cuts the receiver's connections; with `refuse`, it gets no new one. */
  cut(refuse?: boolean): void;
  accept(): void;
  close(): Promise<void>;
}

export async function shopBroker(): Promise<ShopBroker> {
  const broker = await Aedes.createBroker();
  const published: Published[] = [];
  const sockets = new Set<Socket>();
  let withheld: string[] = [];
  let refuses = false;
  broker.authenticate = (client, user, password, done) => {
    done(null, client.id === 'r1' && user === 'r1' && password?.toString() === 's3cret');
  };
  broker.authorizePublish = (_, packet, done) => {
    published.push({ topic: packet.topic, payload: packet.payload.toString(), retain: packet.retain });
    if (!withheld.some((name) => packet.topic.endsWith(`/${name}`))) done(null);
  };
  const server = createServer((socket) => {
    if (refuses) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const folder = mkdtempSync(join(tmpdir(), 'receiver-'));
  const credentialFile = join(folder, 'secret');
  writeFileSync(credentialFile, 's3cret\n', { mode: 0o600 });
  const parsed = (name: string) =>
    published.filter(({ topic }) => topic === `devices/r1/${name}`).map(({ payload }) => JSON.parse(payload));

  return {
    url: `mqtt://127.0.0.1:${typeof bound === 'object' && bound ? bound.port : 0}`,
    credentialFile,
    published,
    messages: () => parsed('advertisements'),
    crowds: () => parsed('crowd'),
    states: () => published.filter(({ topic }) => topic === 'devices/r1/state').map(({ payload }) => payload),
    radios: () => parsed('radio'),
    sendFrames(payload) {
      const topic = 'devices/r1/commands/frames';
      broker.publish({ cmd: 'publish', topic, payload, qos: 1, retain: true, dup: false }, () => {});
    },
    withhold(names) {
      withheld = names;
    },
    cut(refuse = false) {
      refuses = refuse;
      for (const socket of sockets) socket.destroy();
    },
    accept() {
      refuses = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => broker.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}
