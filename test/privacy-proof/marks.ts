import { createHash } from 'node:crypto';

/** Where something of a stranger could be left behind. */
export const PLACES = ['disk', 'log', 'uplink', 'profile store', 'broker', 'http', 'series', 'heap'] as const;
export type Place = (typeof PLACES)[number];

/** What tells one person, or one thing of theirs, from all others. */
export interface Mark {
  /** What it is and whose: `address of a phone`. */
  what: string;
  octets: Buffer;
  /** As it is printed, beside plain hex: hashed too, as somebody who hashes an address hashes its text. */
  texts: readonly string[];
  /** Where it must not be. */
  places: readonly Place[];
  /** True where it may have been told before noon: counts only in what came into being later. */
  afterNoon: boolean;
}

/** Fewer octets occur by chance: 6 octets in 1 GB, one in 260,000 for each mark. */
export const FEWEST_OCTETS = 6;

/** A mark of octets, an address as `aa:bb:…` too. Throws RangeError below `FEWEST_OCTETS`. */
export function octetMark(what: string, octets: Uint8Array, more: Partial<Mark> = {}): Mark {
  if (octets.length < FEWEST_OCTETS) throw new RangeError(`${what}: ${octets.length} octets occur by chance`);
  const hex = Buffer.from(octets).toString('hex');
  const plain = [hex, hex.toUpperCase()];
  const texts = octets.length === 6 ? [...plain, ...plain.map(withColons)] : plain;
  return { what, octets: Buffer.from(octets), texts, places: PLACES, afterNoon: false, ...more };
}

/** A mark of text: a name, a reference. */
export function textMark(what: string, text: string, more: Partial<Mark> = {}): Mark {
  return { ...octetMark(what, Buffer.from(text)), texts: [], ...more };
}

/** A mark as bytes, in one of the ways in which it could have been kept. */
export interface Needle {
  form: string;
  bytes: Buffer;
}

const DIGESTS = ['md5', 'sha1', 'sha256'] as const;

/**
 * The mark itself, in either order, as a whole number, and the digests of it and of its texts. How bytes are
 * written down, in hex or base64, is the reader's to undo (`readings.ts`): here they are bytes.
 */
export function needlesOf({ octets, texts }: Mark): Needle[] {
  const needles = [
    { form: 'raw', bytes: octets },
    { form: 'reversed', bytes: Buffer.from(octets).reverse() },
  ];
  if (octets.length <= 8 && texts.length > 0) {
    const whole = BigInt(`0x${octets.toString('hex')}`).toString();
    if (whole.length >= 12) needles.push({ form: 'whole number', bytes: Buffer.from(whole) });
  }
  for (const digest of DIGESTS) {
    for (const said of [octets, ...texts.map((text) => Buffer.from(text))]) {
      needles.push({ form: digest, bytes: createHash(digest).update(said).digest() });
    }
  }
  return needles;
}

function withColons(hex: string): string {
  return hex.replace(/..(?!$)/g, '$&:');
}
