import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Octets of the first packet, a CONNECT, will included: what somebody unknown may make us hold. */
const MAX_CONNECT_PACKET = 4 * 1024;
/** Octets of a message's payload (contract, Topics). */
export const MAX_PAYLOAD = 64 * 1024;
/** Fixed header, topic and packet id beside the payload, and room to refuse a payload in its turn. */
const MAX_PACKET = MAX_PAYLOAD + 4 * 1024;
/** A packet that has begun has to be whole after so long, ms. */
const PACKET_DEADLINE = 10_000;

/**
 * Stands between a socket and the broker, which has no bound of its own: reads the fixed headers
 * (MQTT 3.1.1 §2.2) as octets pass, and ends the connection when it does not begin with CONNECT, when
 * a packet announces more than its limit or does not complete in time. Nothing is buffered here.
 */
export function guardFraming(socket: Socket, deadline: number = PACKET_DEADLINE): Duplex {
  const packets = packetScanner();
  /** The packet that the timer runs for; 0: none. */
  let timed = 0;
  let timer: NodeJS.Timeout | undefined;

  const guarded = new Duplex({
    read() {
      socket.resume();
      keepTime();
    },
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    // One system call for what the broker wrote in one turn.
    writev(chunks, done) {
      void socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done);
    },
    final: (done) => void socket.end(done),
    destroy(error, done) {
      clearTimeout(timer);
      socket.destroy();
      done(error);
    },
  });

  /** The deadline is the packet's: octets that dribble in do not put it off, our own pausing does. */
  function keepTime(): void {
    const packet = socket.isPaused() ? 0 : packets.inside();
    if (packet === timed) return;
    clearTimeout(timer);
    timed = packet;
    if (packet === 0 || guarded.destroyed) return;
    timer = setTimeout(() => guarded.destroy(new Error('a packet was not completed in time')), deadline);
  }

  socket.on('data', (chunk: Buffer) => {
    const wrong = packets.scan(chunk);
    if (wrong !== undefined) return void guarded.destroy(new Error(wrong));
    if (!guarded.push(chunk)) socket.pause();
    keepTime();
  });
  socket.on('end', () => void guarded.push(null));
  socket.on('error', (error) => void guarded.destroy(error));
  socket.on('close', () => void guarded.destroy());
  return guarded;
}

interface PacketScanner {
  /** What is wrong with the packets that begin in this chunk, if anything. */
  scan(chunk: Uint8Array): string | undefined;
  /** The number of the packet that has begun and not ended, from 1; 0 between packets. */
  inside(): number;
}

/** Follows packet borders over chunks. Remaining length: up to four octets of 7 bits, MQTT 3.1.1 §2.2.3. */
function packetScanner(): PacketScanner {
  let begun = 0;
  let isInside = false;
  /** Octets of the body still to come; null while the header is being read. */
  let body: number | null = null;
  let lengthOctets = 0;
  let length = 0;

  function begin(type: number): string | undefined {
    begun += 1;
    isInside = true;
    length = 0;
    lengthOctets = 0;
    // MQTT-3.1.0-1
    return begun === 1 && type !== 0x10 ? 'the first packet is not CONNECT' : undefined;
  }

  function readLength(octet: number): string | undefined {
    length += (octet & 0x7f) * 128 ** lengthOctets;
    lengthOctets += 1;
    if (octet & 0x80) return lengthOctets === 4 ? 'malformed remaining length' : undefined;
    const limit = begun === 1 ? MAX_CONNECT_PACKET : MAX_PACKET;
    if (length > limit) return `a packet of ${length} octets, over the limit of ${limit}`;
    body = length;
    return undefined;
  }

  function scan(chunk: Uint8Array): string | undefined {
    let i = 0;
    while (i < chunk.length) {
      let wrong: string | undefined;
      if (body === null) {
        const octet = chunk[i] as number;
        i += 1;
        wrong = isInside ? readLength(octet) : begin(octet);
      } else {
        const passed = Math.min(body, chunk.length - i);
        i += passed;
        body -= passed;
      }
      if (wrong !== undefined) return wrong;
      if (body === 0) {
        body = null;
        isInside = false;
      }
    }
    return undefined;
  }

  return { scan, inside: () => (isInside ? begun : 0) };
}
