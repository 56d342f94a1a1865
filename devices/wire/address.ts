import { fromHex, toHex } from './hex.ts';

/** Octets of a Bluetooth device address, Core Spec vol 6 B §1.3. */
export const ADDRESS_LENGTH = 6;

/** `54:48:e6:8f:80:a5` of six octets, most significant first. */
export function formatAddress(octets: Uint8Array): string {
  return toHex(octets).replace(/..(?!$)/g, '$&:');
}

/** Six octets, most significant first, of `54:48:E6:8F:80:A5`, `54-48-…` or `5448e68f80a5`; or nothing. */
export function parseAddress(text: string): Uint8Array | undefined {
  const separated = /^[^:-]{2}([:-])(?:[^:-]{2}\1){4}[^:-]{2}$/.test(text);
  const octets = fromHex(separated ? text.replace(/[:-]/g, '') : text);
  return octets?.length === ADDRESS_LENGTH ? octets : undefined;
}
