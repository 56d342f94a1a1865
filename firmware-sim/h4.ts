/** UART transport, Core Spec vol 4 A §2: every HCI packet behind one octet that says what it is. */
export const COMMAND_PACKET = 0x01;
export const EVENT_PACKET = 0x04;

/** Octets before the length of what follows, and how many octets that length has (vol 4 E §5.4). */
const LENGTH_FIELD: Readonly<Record<number, { at: number; octets: 1 | 2 }>> = {
  1: { at: 3, octets: 1 },
  2: { at: 3, octets: 2 },
  3: { at: 3, octets: 1 },
  4: { at: 2, octets: 1 },
  5: { at: 3, octets: 2 },
};

/** Gathers a stream's chunks and yields the whole packets, indicator included. Throws on an unknown indicator. */
export function packetReader(): (chunk: Buffer) => Generator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  return function* read(chunk) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (let end = packetEnd(pending); end > 0 && end <= pending.length; end = packetEnd(pending)) {
      const packet = pending.subarray(0, end);
      pending = pending.subarray(end);
      yield packet;
    }
  };
}

/** Where the first packet ends; 0 while its length is not there yet. */
function packetEnd(octets: Buffer): number {
  const indicator = octets[0];
  if (indicator === undefined) return 0;
  const field = LENGTH_FIELD[indicator];
  if (!field) throw new Error(`H4: no packet begins with 0x${indicator.toString(16)}`);
  if (octets.length < field.at + field.octets) return 0;
  return field.at + field.octets + octets.readUIntLE(field.at, field.octets);
}
