/** Bytes as hexadecimal text, lower case. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * The bytes of hexadecimal text in either case; nothing where it has an odd length or any other
 * character, a space or `0x` included.
 */
export function fromHex(text: string): Uint8Array | undefined {
  // Looked for first: Buffer takes a character's low octet, and so "š" (U+0161) for an "a".
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text)) return undefined;
  return Buffer.from(text, 'hex');
}
