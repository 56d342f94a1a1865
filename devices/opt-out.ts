import { createHmac } from 'node:crypto';
import { parseAddress } from './wire/address.ts';
import { fromHex } from './wire/hex.ts';

/*
 * Who does not want to be counted (R22): a receiver drops their frames before it looks at them. The list
 * holds no address, only 16 bits of a keyed hash of each, which 2^32 addresses share: nobody's address can
 * be read from it. The price is a collision: of all addresses, n in 65,536 are dropped for n entries.
 */

const OPT_OUT_BITS = 16;
/** Entries that a list may have: 1 in 16 of all frames would be dropped by then. */
export const MAX_OPT_OUTS = 4_096;
const KEY_OCTETS = 32;

/** As the retained command `frames` carries it, `optOut`. */
export interface OptOutList {
  /** 32 octets in hex, for this purpose alone; the same on every receiver of the shop. */
  key: string;
  /** Numbers of 16 bits, see `optOutValue`. */
  values: readonly number[];
}

/** Whether a frame from this address is to be dropped; in any spelling. */
export type IsOptedOut = (address: string) => boolean;

/**
 * The 16 bits that stand for an address in the list: the first of HMAC-SHA-256 over its six octets, most
 * significant first. Nothing where the text is no address.
 */
export function optOutValue(key: Uint8Array, address: string): number | undefined {
  const octets = parseAddress(address);
  return octets && createHmac('sha256', key).update(octets).digest().readUInt16BE(0);
}

/** `ours` are addresses of the shop's own devices, in lower case with colons: no collision makes them deaf. */
export function optedOut(list: OptOutList | undefined, ours: ReadonlySet<string> = new Set()): IsOptedOut {
  if (!list || list.values.length === 0) return () => false;
  const key = Buffer.from(list.key, 'hex');
  const values = new Set(list.values);
  return (address) => {
    const value = optOutValue(key, address);
    return value !== undefined && values.has(value) && !ours.has(address.toLowerCase());
  };
}

/** The member `optOut` of the command; nothing where it is not one. */
export function readOptOutList(member: unknown): OptOutList | undefined {
  const { key, values } = (member ?? {}) as { key?: unknown; values?: unknown };
  if (typeof key !== 'string' || fromHex(key)?.length !== KEY_OCTETS) return undefined;
  return isOptOutValues(values) ? { key, values } : undefined;
}

/** Whether this is what a list may hold. */
export function isOptOutValues(values: unknown): values is number[] {
  return Array.isArray(values) && values.length <= MAX_OPT_OUTS && values.every(isValue);
}

function isValue(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** OPT_OUT_BITS;
}
