import { formatAddress } from '../../devices/wire/address.ts';
import {
  serviceDataStructure,
  serviceUuidsStructure,
  writeAdvertisingData,
} from '../../devices/wire/advertising-data.ts';
import { EDDYSTONE, writeEddystone } from '../../devices/wire/eddystone.ts';
import { ephemeralId } from '../../devices/wire/eid.ts';
import { toHex } from '../../devices/wire/hex.ts';
import type { Random } from '../shop-floor/seeded-random.ts';

/** What a transmitter says under one address, until it takes another. */
export interface Identity {
  /** Lower case with colons. */
  address: string;
  data: Uint8Array;
  /** What names it, in hex, for those who look whether it was kept anywhere. */
  identifiers: { kind: 'address' | 'ephemeral id' | 'token' | 'payload'; hex: string }[];
}

/** dBm at 0 m, as Eddystone frames carry it; 41 dB more than at 1 m. */
const RANGING_DATA = -18;

/**
 * Firmware of a loyalty tag: Eddystone-EID, its ephemeral id new every 2^exponent seconds, and the address
 * with it. Returns what it says at `unixS`, and the same object while that stays the same.
 */
export function eidTag(tag: {
  identityKey: Uint8Array;
  exponent: number;
  /** Beacon clock less unix seconds. */
  offset: number;
  random: Random;
}): (unixS: number) => Identity {
  let slot: number | undefined;
  let identity: Identity | undefined;
  return (unixS) => {
    const clock = Math.floor(unixS) + tag.offset;
    const now = Math.floor(clock / 2 ** tag.exponent);
    if (identity && slot === now) return identity;
    slot = now;
    identity = eidIdentity(randomAddress(tag.random), ephemeralId(tag.identityKey, tag.exponent, clock));
    return identity;
  };
}

export function eidIdentity(address: string, eid: Uint8Array): Identity {
  const frame = writeEddystone({ frame: 'eid', rangingData: RANGING_DATA, eid });
  return {
    address,
    data: writeAdvertisingData([serviceUuidsStructure(EDDYSTONE), serviceDataStructure(EDDYSTONE, frame)]),
    identifiers: [
      { kind: 'address', hex: address.replaceAll(':', '') },
      { kind: 'ephemeral id', hex: toHex(eid) },
    ],
  };
}

/** A resolvable private address by its form: the two highest bits 01, Core Spec vol 6 B §1.3.2.2. */
export function randomAddress(random: Random): string {
  const octets = random.bytes(6);
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  return formatAddress(octets);
}
