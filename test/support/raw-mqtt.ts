import { connect as connectSocket, type Socket } from 'node:net';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

/** A client of bytes: what it sends is written as it is, what it hears is parsed, nothing is answered. */
export interface RawClient {
  socket: Socket;
  /** Everything that came, in order. */
  heard: Packet[];
  /** Sends packets, or octets as they are, in one write. */
  send(...packets: (Packet | Buffer)[]): void;
  /** The next packet of this kind, or the one that came already; each is given once. */
  next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>>;
  /** Message ids of PUBACK (or another answer), in the order in which they came. */
  answers(cmd: 'puback' | 'pubrec' | 'pubcomp'): number[];
  isClosed(): boolean;
  closed(): Promise<void>;
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true });
  onTestFinished(() => void socket.destroy());
  const heard: Packet[] = [];
  const given = new Set<Packet>();
  let isClosed = false;
  const parsing = parser({ protocolVersion: 4 });
  parsing.on('packet', (packet) => heard.push(packet));
  socket.on('data', (chunk) => parsing.parse(chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return {
    socket,
    heard,
    send: (...packets) => void socket.write(Buffer.concat(packets.map(octets))),
    async next(cmd) {
      const found = () => heard.find((packet) => packet.cmd === cmd && !given.has(packet));
      await until(() => found() !== undefined || isClosed, `${cmd}`);
      const packet = found();
      if (!packet) throw new Error(`the connection ended before ${cmd}`);
      given.add(packet);
      return packet as never;
    },
    answers: (cmd) =>
      heard.flatMap((packet) =>
        packet.cmd === cmd && packet.messageId !== undefined ? [packet.messageId] : [],
      ),
    isClosed: () => isClosed,
    closed: () => until(() => isClosed, 'the end of the connection'),
  };
}

export function octets(packet: Packet | Buffer): Buffer {
  return Buffer.isBuffer(packet) ? packet : generate(packet);
}

export function connectPacket(device: string, more: Partial<IConnectPacket> = {}): IConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId: device,
    username: device,
    password: Buffer.from(`secret of ${device}`),
    ...more,
  };
}

/** Connected, with CONNACK 0. */
export async function connected(
  port: number,
  device: string,
  more: Partial<IConnectPacket> = {},
): Promise<RawClient> {
  const client = await rawClient(port);
  client.send(connectPacket(device, more));
  const { returnCode } = await client.next('connack');
  if (returnCode !== 0) throw new Error(`CONNACK ${returnCode}`);
  return client;
}

export interface PublishOptions {
  qos?: 0 | 1 | 2;
  messageId?: number;
  dup?: boolean;
  retain?: boolean;
}

export function publish(topic: string, payload: unknown, options: PublishOptions = {}): Packet {
  const { qos = 1, messageId = 1, dup = false, retain = false } = options;
  const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
  const packet = { cmd: 'publish', topic, payload: body, qos, dup, retain } as const;
  return qos === 0 ? packet : { ...packet, messageId };
}

/** Presses the button `b1` once more than was acknowledged, and waits for PUBACK; the press' cause. */
export async function pressNext(client: RawClient, acknowledged: string[]): Promise<string> {
  const seq = acknowledged.length + 1;
  const said = { boot: 'b1', seq, button: 1, press: 'press' };
  client.send(publish('devices/b1/pressed', said, { messageId: seq }));
  await client.next('puback');
  const cause = `b1/b1/${seq}`;
  acknowledged.push(cause);
  return cause;
}
