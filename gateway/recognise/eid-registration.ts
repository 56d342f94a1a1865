import { timingSafeEqual } from 'node:crypto';
import {
  EID_LENGTH,
  ephemeralId,
  identityKeyFromExchange,
  LARGEST_EXPONENT,
} from '../../devices/wire/eid.ts';
import { fromHex, toHex } from '../../devices/wire/hex.ts';
import type { EidKey } from './eid-tag.ts';

/** What a beacon that is being registered shows, and the resolver's own key. Keys and ids in hex. */
export interface EidRegistration {
  /** X25519, 32 octets. */
  resolverPrivateKey: string;
  /** X25519, 32 octets. */
  beaconPublicKey: string;
  /** 0 to 15: the id changes every 2^exponent seconds. */
  exponent: number;
  /** The beacon's counter now, and the id that it sends with it. */
  beaconSeconds: number;
  eid: string;
  /** ms since the epoch. */
  now: number;
}

/** The registration does not fit; the message says what, and never shows a key. */
export class EidRegistrationError extends Error {
  override readonly name = 'EidRegistrationError';
}

const KEY_LENGTH = 32;

/**
 * The consent key of a beacon, by the exchange of google/eddystone eddystone-eid ("secure" provisioning): the
 * identity key is agreed on, never sent. The id that the beacon sends has to be the one that follows.
 * @throws EidRegistrationError
 */
export function registerEid(registration: EidRegistration): EidKey {
  const { exponent, beaconSeconds, now } = registration;
  const privateKey = octets(registration.resolverPrivateKey, KEY_LENGTH, "the resolver's private key");
  const publicKey = octets(registration.beaconPublicKey, KEY_LENGTH, "the beacon's public key");
  const shown = octets(registration.eid, EID_LENGTH, 'the EID');
  whole(exponent, LARGEST_EXPONENT, 'the exponent');
  whole(beaconSeconds, 2 ** 32 - 1, "the beacon's counter");
  const identityKey = exchanged(privateKey, publicKey);
  if (!timingSafeEqual(ephemeralId(identityKey, exponent, beaconSeconds), shown)) {
    throw new EidRegistrationError(
      'the EID does not fit the keys, exponent and counter: read the counter and the EID again within one period, and check that the beacon was given this public key',
    );
  }
  return {
    kind: 'eid',
    identityKey: toHex(identityKey),
    exponent,
    offset: beaconSeconds - Math.floor(now / 1000),
  };
}

function exchanged(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return identityKeyFromExchange('resolver', privateKey, publicKey);
  } catch {
    throw new EidRegistrationError("the beacon's public key makes the exchange foreseeable: refuse it");
  }
}

function octets(hex: string, length: number, what: string): Uint8Array {
  const read = fromHex(hex);
  if (read?.length !== length) throw new EidRegistrationError(`${what} must be ${length * 2} hex digits`);
  return read;
}

function whole(value: number, most: number, what: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  throw new EidRegistrationError(`${what} must be a whole number from 0 to ${most}`);
}
