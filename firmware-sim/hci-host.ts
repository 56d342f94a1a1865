import { connect } from 'node:net';
import { COMMAND_PACKET, EVENT_PACKET, packetReader } from './h4.ts';

/** What a receiver's firmware asks of its Bluetooth chip, and nothing more: legacy, passive scanning. */
export interface Heard {
  address: string;
  addressType: 'public' | 'random';
  /** dBm; null where the chip had none. */
  rssi: number | null;
  data: Uint8Array;
}

const ANSWER_MS = 2_000;
const RETRY_MS = 1_000;

/** Core Spec vol 4 E; masks: LE Meta (bit 61), LE Advertising Report (bit 1). Scan of 60 ms every 60 ms. */
const START: readonly [opcode: number, parameters: string][] = [
  [0x0c03, ''],
  [0x0c01, 'ffffffffff1f0020'],
  [0x2001, '0200000000000000'],
  [0x200b, '00600060000000'],
  // Duplicates are wanted: every one is an RSSI.
  [0x200c, '0100'],
];

/** Scans at the controller at `host:port`, again and again until `close`. `onProblem` gets one sentence each. */
export function scanAt(options: {
  host: string;
  port: number;
  onHeard(heard: Heard): void;
  onScanning(): void;
  onProblem(text: string): void;
}): { close(): void } {
  const { host, port, onHeard, onScanning, onProblem } = options;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;
  let socket = open();
  return {
    close() {
      closed = true;
      clearTimeout(retry);
      socket.destroySoon();
    },
  };

  function open() {
    const current = connect({ host, port, noDelay: true });
    const read = packetReader();
    let step = -1;
    let deadline: NodeJS.Timeout | undefined;
    let problem = 'the controller closed the connection';
    const fail = (text: string): void => {
      problem = text;
      current.destroy();
    };
    const next = (): void => {
      step += 1;
      clearTimeout(deadline);
      const command = START[step];
      if (!command) {
        onScanning();
        return;
      }
      current.write(encodeCommand(...command));
      deadline = setTimeout(() => fail('the controller does not answer'), ANSWER_MS);
    };
    const take = (packet: Buffer): void => {
      if (packet[0] !== EVENT_PACKET) return;
      const waitingFor = START[step]?.[0];
      if (packet[1] === 0x0e && packet.length >= 7 && packet.readUInt16LE(4) === waitingFor) {
        const status = packet.readUInt8(6);
        if (status === 0) next();
        else fail(`the controller refuses command 0x${waitingFor.toString(16)} with error ${status}`);
      } else if (packet[1] === 0x3e && packet[3] === 0x02) readReports(packet, onHeard);
    };
    current.on('connect', next);
    current.on('data', (chunk) => {
      try {
        for (const packet of read(chunk)) take(packet);
      } catch (error) {
        fail((error as Error).message);
      }
    });
    current.on('error', (error: NodeJS.ErrnoException) => {
      problem = `no controller at ${host}:${port} (${error.code})`;
    });
    current.on('close', () => {
      clearTimeout(deadline);
      if (closed) return;
      onProblem(problem);
      retry = setTimeout(() => {
        socket = open();
      }, RETRY_MS);
    });
    return current;
  }
}

function encodeCommand(opcode: number, parameters: string): Buffer {
  const octets = Buffer.from(parameters, 'hex');
  return Buffer.from([COMMAND_PACKET, opcode & 0xff, opcode >> 8, octets.length, ...octets]);
}

/** LE Advertising Reports in one event, Core Spec vol 4 E §7.7.65.2; stops where the octets do. */
function readReports(packet: Buffer, onHeard: (heard: Heard) => void): void {
  let rest = packet.subarray(5);
  for (let left = packet[4] ?? 0; left > 0; left -= 1) {
    const length = rest[8] ?? 0;
    const level = rest.length > 9 + length ? rest.readInt8(9 + length) : undefined;
    if (level === undefined) return;
    const address = [...rest.subarray(2, 8)].reverse().map((octet) => octet.toString(16).padStart(2, '0'));
    onHeard({
      address: address.join(':'),
      addressType: (rest[1] ?? 0) & 1 ? 'random' : 'public',
      rssi: level === 127 ? null : level,
      data: Uint8Array.from(rest.subarray(9, 9 + length)),
    });
    rest = rest.subarray(10 + length);
  }
}
