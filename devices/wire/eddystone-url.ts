/** The compressed URL of Eddystone-URL, github.com/google/eddystone eddystone-url/README.md. */

const SCHEMES = ['http://www.', 'https://www.', 'http://', 'https://'] as const;
/** Code = place in the list; those with the slash come first, so that a search finds the longest. */
const EXPANSIONS = [
  '.com/',
  '.org/',
  '.edu/',
  '.net/',
  '.info/',
  '.biz/',
  '.gov/',
  '.com',
  '.org',
  '.edu',
  '.net',
  '.info',
  '.biz',
  '.gov',
] as const;
/** Octets behind the scheme, "Encoded URL: Length 0-17". */
const LONGEST = 17;

/** The URL of a scheme octet and what follows; nothing where a code is reserved for future use. */
export function readEddystoneUrl(encoded: Uint8Array): string | undefined {
  const scheme = SCHEMES[encoded[0] ?? -1];
  if (scheme === undefined) return undefined;
  let url: string = scheme;
  for (let i = 1; i < encoded.length; i += 1) {
    const code = encoded[i] ?? 0;
    if (code > 0x20 && code < 0x7f) url += String.fromCharCode(code);
    else if (code < EXPANSIONS.length) url += EXPANSIONS[code];
    else return undefined;
  }
  return url;
}

/** The scheme octet and the encoded rest. Throws RangeError where the URL has no such form. */
export function writeEddystoneUrl(url: string): Uint8Array {
  const scheme = SCHEMES.findIndex((prefix) => url.startsWith(prefix));
  if (scheme < 0) throw new RangeError(`"${url}" does not start with http:// or https://`);
  const encoded = [scheme];
  let rest = url.slice(SCHEMES[scheme]?.length);
  while (rest !== '') {
    const code = EXPANSIONS.findIndex((expansion) => rest.startsWith(expansion));
    encoded.push(code < 0 ? printable(rest.charCodeAt(0), url) : code);
    rest = rest.slice(code < 0 ? 1 : EXPANSIONS[code]?.length);
  }
  if (encoded.length - 1 > LONGEST) {
    throw new RangeError(`"${url}" takes ${encoded.length - 1} octets, at most ${LONGEST} fit: shorten it`);
  }
  return Uint8Array.from(encoded);
}

function printable(code: number, url: string): number {
  if (code > 0x20 && code < 0x7f) return code;
  throw new RangeError(`"${url}" has a character outside printable ASCII: percent-encode it`);
}
