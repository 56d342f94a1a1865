import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto';
import { encryptBlock } from './aes-block.ts';
import { putBE } from './integers.ts';

/**
 * Eddystone-EID: the ephemeral ids of a beacon, and the identity key that beacon and resolver agree on
 * (github.com/google/eddystone eddystone-eid/eid-computation.md). `beaconSeconds` is the beacon's own
 * 32-bit counter, which need not be the time of day.
 */

const KEY_LENGTH = 16;
/** Octets of an ephemeral id. */
export const EID_LENGTH = 8;
/** The rotation period is 2^exponent seconds. */
export const LARGEST_EXPONENT = 15;
/** A temporary key lasts this long: it depends on the upper half of the counter only. */
export const TEMPORARY_KEY_SECONDS = 0x1_0000;
const TEMPORARY_KEY_SALT = 0xff;

/** 16 octets of the identity key's 16. */
export function temporaryKey(identityKey: Uint8Array, beaconSeconds: number): Uint8Array {
  const block = new Uint8Array(KEY_LENGTH);
  block[11] = TEMPORARY_KEY_SALT;
  putBE(block, 14, 2, Math.floor(wrap(beaconSeconds) / TEMPORARY_KEY_SECONDS));
  return encryptBlock(identityKey, block);
}

/** The 8 octets sent from `beaconSeconds` rounded down to its period; `exponent` 0…15, else RangeError. */
export function ephemeralId(identityKey: Uint8Array, exponent: number, beaconSeconds: number): Uint8Array {
  return ephemeralIdOf(temporaryKey(identityKey, beaconSeconds), exponent, beaconSeconds);
}

/** `ephemeralId` for those who keep the temporary key of these `TEMPORARY_KEY_SECONDS`. */
export function ephemeralIdOf(temporary: Uint8Array, exponent: number, beaconSeconds: number): Uint8Array {
  return encryptBlock(temporary, ephemeralIdBlock(exponent, beaconSeconds)).subarray(0, EID_LENGTH);
}

/** What the temporary key encrypts, for those who have it encrypted elsewhere: 16 octets, the id the first 8. */
export function ephemeralIdBlock(exponent: number, beaconSeconds: number): Uint8Array {
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > LARGEST_EXPONENT) {
    throw new RangeError(`EID rotation exponent ${exponent}, expected 0 to ${LARGEST_EXPONENT}`);
  }
  const seconds = wrap(beaconSeconds);
  const block = new Uint8Array(KEY_LENGTH);
  block[11] = exponent;
  putBE(block, 12, 4, seconds - (seconds % 2 ** exponent));
  return block;
}

/**
 * The identity key of a registration: X25519 with the other side's public key, HKDF-SHA256 salted with
 * both public keys, the resolver's first. Keys are raw, 32 octets. Throws where the exchange yields zeros,
 * as a hostile public key makes it.
 */
export function identityKeyFromExchange(
  side: 'resolver' | 'beacon',
  privateKey: Uint8Array,
  otherPublicKey: Uint8Array,
): Uint8Array {
  const own = importPrivate(privateKey);
  const other = importPublic(otherPublicKey);
  const shared = diffieHellman({ privateKey: own, publicKey: other });
  if (shared.every((octet) => octet === 0))
    throw new RangeError('the X25519 exchange yields zeros: refuse this key');
  const ownPublicKey = exportPublic(own);
  const salt = side === 'resolver' ? [ownPublicKey, otherPublicKey] : [otherPublicKey, ownPublicKey];
  return new Uint8Array(hkdfSync('sha256', shared, Buffer.concat(salt), '', KEY_LENGTH));
}

/** The counter is unsigned and comes round after 2^32 s. */
function wrap(seconds: number): number {
  return ((Math.floor(seconds) % 2 ** 32) + 2 ** 32) % 2 ** 32;
}

/** RFC 8410 §7 and §4: what node:crypto needs before the raw 32 octets. */
const PRIVATE_HEADER = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_HEADER = Buffer.from('302a300506032b656e032100', 'hex');

function importPrivate(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_HEADER, raw]), format: 'der', type: 'pkcs8' });
}

function importPublic(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_HEADER, raw]), format: 'der', type: 'spki' });
}

function exportPublic(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_HEADER.length);
}
