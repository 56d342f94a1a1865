import { hkdfSync } from 'node:crypto';
import { encryptBlock } from './aes-block.ts';
import { putLE } from './integers.ts';

/**
 * The token that a shopper's phone sends, built as Exposure Notification builds its rolling proximity
 * identifiers (Cryptography Specification v1.2) under another name: manufacturer data of company 0xFFFF,
 * `41 49`, then 16 octets that only the holder of the day's key can foresee.
 */

/** The company identifier for internal use, Bluetooth Assigned Numbers §7.1. */
export const ROLLING_TOKEN_COMPANY = 0xffff;
const MARK = [0x41, 0x49] as const;
const TOKEN_LENGTH = 16;
const KEY_LENGTH = 16;
/** A token lasts this long. */
export const TOKEN_SECONDS = 600;

export interface TokenScheme {
  /** HKDF's info. */
  info: string;
  /** First six octets of the block that is encrypted, ASCII. */
  prefix: string;
}

export const AISLE_TOKENS: TokenScheme = { info: 'AISLE-RPIK', prefix: 'AISLE1' };

/** The key of a day's tokens, 16 octets, from the day's key: HKDF-SHA256 without salt. */
export function rollingTokenKey(dayKey: Uint8Array, { info } = AISLE_TOKENS): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', dayKey, '', info, KEY_LENGTH));
}

/** The token's interval number at this second since 1970. */
export function tokenInterval(unixSeconds: number): number {
  return Math.floor(unixSeconds / TOKEN_SECONDS);
}

/** The 16 octets of an interval: AES-128 of `prefix | 00×6 | le32(interval)`. */
export function rollingToken(tokenKey: Uint8Array, interval: number, scheme = AISLE_TOKENS): Uint8Array {
  return encryptBlock(tokenKey, rollingTokenBlock(interval, scheme));
}

/** What the token key encrypts, for those who have it encrypted elsewhere. */
export function rollingTokenBlock(interval: number, { prefix } = AISLE_TOKENS): Uint8Array {
  const block = new Uint8Array(TOKEN_LENGTH);
  block.set(Buffer.from(prefix, 'ascii'));
  putLE(block, 12, 4, interval);
  return block;
}

/** Reads manufacturer data of company 0xFFFF (behind the company): a view of the token, or nothing. */
export function readRollingToken(data: Uint8Array): Uint8Array | undefined {
  const isToken = data.length === MARK.length + TOKEN_LENGTH && data[0] === MARK[0] && data[1] === MARK[1];
  return isToken ? data.subarray(MARK.length) : undefined;
}

/** Manufacturer data of company 0xFFFF behind the company. Throws RangeError where it is no token. */
export function writeRollingToken(token: Uint8Array): Uint8Array {
  if (token.length !== TOKEN_LENGTH)
    throw new RangeError(`a rolling token has ${TOKEN_LENGTH} octets, not ${token.length}`);
  return Uint8Array.of(...MARK, ...token);
}
