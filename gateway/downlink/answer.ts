/** Characters of a cursor's JSON: it is asked with in a URL, and kept with each message. */
const MAX_CURSOR = 4096;

/**
 * `{cursor, messages: [JWS]}`, the answer of a long poll; what is no text in it is left out. Nothing at
 * all is an answer too: nothing came while it was waited for.
 * @throws where it is not JSON, or its cursor is none.
 */
export function readAnswer(pieces: Uint8Array[]): { cursor?: unknown; messages: (string | undefined)[] } {
  const text = joined(pieces);
  if (text === '') return { messages: [] };
  const { cursor, messages } = (parsed(text) ?? {}) as { cursor?: unknown; messages?: unknown };
  if (JSON.stringify(cursor ?? null).length > MAX_CURSOR) throw new Error('an answer with an endless cursor');
  return { cursor, messages: Array.isArray(messages) ? messages.filter(isText) : [] };
}

/** The pieces are given up on the way: an answer is long, and held as few times as can be. */
function joined(pieces: Uint8Array[]): string {
  return Buffer.concat(pieces.splice(0)).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words would quote what it read.
    throw new Error('an answer that is not JSON');
  }
}

function isText(message: unknown): message is string {
  return typeof message === 'string';
}
