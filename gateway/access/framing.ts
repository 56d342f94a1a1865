import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Octets of a packet before the client is known: a CONNECT, will included. */
const MAX_CONNECT_PACKET = 4 * 1024;
/** Octets of a message's payload (contract, Topics). */
export const MAX_PAYLOAD = 64 * 1024;
/** Fixed header, topic and packet id beside the payload. */
const MAX_PACKET = MAX_PAYLOAD + 1024;
/** A packet that has begun has to be whole after so long, ms. */
const PACKET_DEADLINE = 10_000;

/**
 * Stands between a socket and the broker, which has no bound of its own: reads the fixed headers
 * (MQTT 3.1.1 §2.2) as octets pass, and ends the connection when a packet announces more than its
 * limit or does not complete in time. Nothing is buffered here.
 */
export function guardFraming(socket: Socket, isKnown: () => boolean): Duplex {
  const packets = packetScanner();
  let deadline: NodeJS.Timeout | undefined;

  const guarded = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    // One system call for what the broker wrote in one turn.
    writev(chunks, done) {
      void socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done);
    },
    final: (done) => void socket.end(done),
    destroy(error, done) {
      clearTimeout(deadline);
      socket.destroy();
      done(error);
    },
  });

  socket.on('data', (chunk: Buffer) => {
    const largest = packets.scan(chunk);
    if (largest < 0) return void guarded.destroy(new Error('malformed remaining length'));
    if (largest > (isKnown() ? MAX_PACKET : MAX_CONNECT_PACKET)) {
      return void guarded.destroy(new Error(`packet of ${largest} octets is over the limit`));
    }
    clearTimeout(deadline);
    if (packets.isInside()) {
      deadline = setTimeout(
        () => guarded.destroy(new Error('packet not completed in time')),
        PACKET_DEADLINE,
      );
    }
    if (!guarded.push(chunk)) socket.pause();
  });
  socket.on('end', () => void guarded.push(null));
  socket.on('error', (error) => void guarded.destroy(error));
  socket.on('close', () => void guarded.destroy());
  return guarded;
}

interface PacketScanner {
  /** The longest packet that begins or goes on in this chunk, octets; -1 where a length is malformed. */
  scan(chunk: Uint8Array): number;
  /** True between the first octet of a packet and its last. */
  isInside(): boolean;
}

/** Follows packet borders over chunks. Remaining length: up to four octets of 7 bits, MQTT 3.1.1 §2.2.3. */
function packetScanner(): PacketScanner {
  /** Octets of the body still to come; null while the header is being read. */
  let body: number | null = null;
  let lengthOctets = 0;
  let length = 0;
  let hasType = false;
  let current = 0;

  function scan(chunk: Uint8Array): number {
    let largest = body === null ? 0 : current;
    let i = 0;
    while (i < chunk.length) {
      if (body !== null) {
        const passed = Math.min(body, chunk.length - i);
        i += passed;
        body -= passed;
      } else if (!hasType) {
        hasType = true;
        i += 1;
      } else {
        const octet = chunk[i] as number;
        i += 1;
        length += (octet & 0x7f) * 128 ** lengthOctets;
        lengthOctets += 1;
        if (octet & 0x80) {
          if (lengthOctets === 4) return -1;
        } else {
          current = length;
          largest = Math.max(largest, length);
          body = length;
        }
      }
      if (body === 0) {
        body = null;
        hasType = false;
        lengthOctets = 0;
        length = 0;
      }
    }
    return largest;
  }

  return { scan, isInside: () => body !== null || hasType };
}
