/** Characters of a cursor's JSON: it is asked with in a URL, and kept with each message. */
const MAX_CURSOR = 4096;
/**
 * Commas and opening brackets of an answer: a signed message has none. It is not signed itself, and a
 * hundred megabytes of `[[[[` would become gigabytes of memory, which ends the process, not the thread.
 */
const MAX_VALUES = 20_000;

/**
 * `{cursor, messages: [JWS]}`, the answer of a long poll; what is no text in it is left out. Nothing at
 * all is an answer too: nothing came while it was waited for. The pieces are given up on the way.
 * @throws where it is not JSON, or more than a hundred parts of a list and their like could be.
 */
export function readAnswer(pieces: Uint8Array[]): { cursor?: unknown; messages: (string | undefined)[] } {
  const { cursor, messages } = parsed(Buffer.concat(pieces.splice(0)));
  if (JSON.stringify(cursor ?? null).length > MAX_CURSOR) throw new Error('an answer with an endless cursor');
  return { cursor, messages: Array.isArray(messages) ? messages.filter(isText) : [] };
}

function parsed(octets: Buffer): { cursor?: unknown; messages?: unknown } {
  if (octets.length === 0) return {};
  if (countOf(octets, [',', '[', '{']) > MAX_VALUES) throw new Error('an answer of too many values');
  try {
    return JSON.parse(octets.toString('utf8')) ?? {};
  } catch {
    // The parser's own words would quote what it read.
    throw new Error('an answer that is not JSON');
  }
}

function countOf(octets: Buffer, characters: readonly string[]): number {
  let count = 0;
  for (const character of characters) {
    let place = octets.indexOf(character);
    while (place >= 0 && count <= MAX_VALUES) {
      count += 1;
      place = octets.indexOf(character, place + 1);
    }
  }
  return count;
}

function isText(message: unknown): message is string {
  return typeof message === 'string';
}
