/** Packet indicators of the UART transport, Core Spec vol 4 A §2. */
export const H4_COMMAND = 0x01;
export const H4_ACL = 0x02;
export const H4_SYNCHRONOUS = 0x03;
export const H4_EVENT = 0x04;
export const H4_ISO = 0x05;

/** Header's length behind the indicator, and how it says what follows; vol 4 E §5.4. */
const HEADERS = new Map<number, { length: number; payload(header: Buffer): number }>([
  [H4_ACL, { length: 4, payload: (header) => header.readUInt16LE(2) }],
  [H4_SYNCHRONOUS, { length: 3, payload: (header) => header.readUInt8(2) }],
  [H4_EVENT, { length: 2, payload: (header) => header.readUInt8(1) }],
  [H4_ISO, { length: 4, payload: (header) => header.readUInt16LE(2) & 0x3fff }],
]);

/**
 * Cuts the stream from a controller into HCI packets, each with its indicator. Returns the function that takes
 * the stream's chunks; it answers `false` once an indicator is unknown: H4 has no mark to find the next packet
 * by, so the connection is useless from there on.
 */
export function h4Framing(onPacket: (packet: Buffer) => void): (chunk: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let octets: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    for (;;) {
      const length = packetLength(octets);
      if (length === 'unknown') return false;
      if (length === 'incomplete' || octets.length < length) break;
      onPacket(octets.subarray(0, length));
      octets = octets.subarray(length);
    }
    rest = Buffer.from(octets);
    return true;
  };
}

function packetLength(octets: Buffer): number | 'incomplete' | 'unknown' {
  const indicator = octets[0];
  if (indicator === undefined) return 'incomplete';
  const header = HEADERS.get(indicator);
  if (!header) return 'unknown';
  if (octets.length < 1 + header.length) return 'incomplete';
  return 1 + header.length + header.payload(octets.subarray(1, 1 + header.length));
}
