import type { Identifier } from '../shop-floor/messages.ts';

/**
 * The commands by which a visitor looks for one stranger by hand: every identifier as text in either case
 * and order, as raw bytes in either order, and as base64. GNU grep; nothing printed means nothing kept.
 */
export function grepCommands(identifiers: readonly Identifier[], where: readonly string[]): string[] {
  const places = where.map(quoted).join(' ');
  const octets = identifiers.map(({ hex }) => Buffer.from(hex, 'hex'));
  const bothWays = octets.flatMap((bytes) => [bytes, Buffer.from(bytes).reverse()]);
  const texts = bothWays.flatMap((bytes) => {
    const pairs = bytes.toString('hex').match(/../g) ?? [];
    return [pairs.join(''), pairs.join(':')];
  });
  const raw = bothWays.map((bytes) => [...bytes].map((octet) => `\\x${hex(octet)}`).join(''));
  const base64 = octets.map((bytes) => bytes.toString('base64').replace(/=+$/, '').slice(0, -1));
  return [
    `grep -rialF ${texts.map((text) => `-e ${text}`).join(' ')} ${places}`,
    `LC_ALL=C grep -rlaP '${raw.join('|')}' ${places}`,
    `grep -ralF ${base64.map((text) => `-e ${quoted(text)}`).join(' ')} ${places}`,
  ];
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
