import { formatAddress, parseAddress } from './address.ts';

/**
 * A station's address as `aa:bb:cc:dd:ee:ff`, whatever way it is spelled: `AA-BB-CC-DD-EE-FF` (RFC 3580
 * §3.21), with colons, `aabb.ccdd.eeff`, or bare; nothing where the text is none.
 */
export function stationAddress(text: string): string | undefined {
  const dotted = /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i.test(text);
  const octets = parseAddress(dotted ? text.replaceAll('.', '') : text);
  return octets && formatAddress(octets);
}
