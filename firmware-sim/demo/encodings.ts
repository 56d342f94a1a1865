/** Ways in which bytes could have been written down. `text` is looked for in either case. */
export interface Encoded {
  name: string;
  bytes: Buffer;
  isText: boolean;
}

/** Fewer say nothing: they occur by chance. */
const FEWEST_OCTETS = 6;
/** Base64 of bytes that begin 0, 1 or 2 octets into a group of three. */
const ALIGNMENTS = [0, 1, 2] as const;

/** Every way in which `octets` (at least 6) are looked for. Throws RangeError below. */
export function encodings(octets: Uint8Array): Encoded[] {
  if (octets.length < FEWEST_OCTETS) throw new RangeError(`${octets.length} octets occur by chance`);
  const forward = Buffer.from(octets);
  const reversed = Buffer.from(octets).reverse();
  return [
    { name: 'raw', bytes: forward, isText: false },
    { name: 'raw, reversed', bytes: reversed, isText: false },
    ...texts('hex', forward),
    ...texts('hex, reversed', reversed),
    { name: 'decimal', bytes: Buffer.from(forward.join(',')), isText: true },
    ...base64(forward),
  ];
}

function texts(name: string, octets: Buffer): Encoded[] {
  const pairs = octets.toString('hex').match(/../g) ?? [];
  return ['', ':', '-', ' '].map((between) => ({
    name: between === '' ? name : `${name}, with '${between}'`,
    bytes: Buffer.from(pairs.join(between)),
    isText: true,
  }));
}

/** In the middle of other bytes the first and the last character also hold bits of those: they are left out. */
function base64(octets: Buffer): Encoded[] {
  return ALIGNMENTS.flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), octets])
      .toString('base64')
      .replaceAll('=', '');
    const isWhole = (before + octets.length) % 3 === 0;
    const sure = text.slice(Math.ceil((before * 8) / 6), isWhole ? undefined : -1);
    const url = sure.replaceAll('+', '-').replaceAll('/', '_');
    return [...new Set([sure, url])].map((form) => ({
      name: 'base64',
      bytes: Buffer.from(form),
      isText: false,
    }));
  });
}
