import {
  type AdStructure,
  flagsStructure,
  manufacturerDataStructure,
  serviceDataStructure,
  writeAdvertisingData,
} from '../../devices/wire/advertising-data.ts';
import { toHex } from '../../devices/wire/hex.ts';
import { APPLE } from '../../devices/wire/ibeacon.ts';
import type { Random } from '../shop-floor/seeded-random.ts';
import { eidIdentity, type Identity, randomAddress } from './eid-tag.ts';

/** Companies and services, Bluetooth Assigned Numbers §7.1 and §3.4. */
const MICROSOFT = 0x0006;
const SAMSUNG = 0x0075;
const FAST_PAIR = 0xfe2c;
/** A phone keeps an address for 15 minutes; here for less, so that some change within a short run. Seconds. */
const KEPT_S = [60, 150] as const;

/**
 * A phone of somebody who agreed to nothing: what phones send all day, under an address that changes.
 * Returns what it says at `seconds` of any clock, and the same object while that stays the same.
 */
export function strangerPhone(random: Random): (seconds: number) => Identity {
  const says = random.pick([nearbyInfo, nearbyInfo, findMy, fastPair, samsung, swiftPair]);
  return changing(random, () => {
    const address = randomAddress(random);
    const { data, secret } = says(random);
    const identifiers: Identity['identifiers'] = [
      { kind: 'address', hex: address.replaceAll(':', '') },
      { kind: 'payload', hex: toHex(secret) },
    ];
    return { address, data, identifiers };
  });
}

/** Somebody else's Eddystone-EID tag: a receiver cannot tell it from ours, only the gateway can. */
export function foreignTag(random: Random): (seconds: number) => Identity {
  return changing(random, () => eidIdentity(randomAddress(random), random.bytes(8)));
}

function changing(random: Random, make: () => Identity): (seconds: number) => Identity {
  let identity: Identity | undefined;
  let until = Number.NEGATIVE_INFINITY;
  return (seconds) => {
    if (identity && seconds < until) return identity;
    // The first one began before anybody looked.
    until = seconds + random.between(...KEPT_S) * (identity ? 1 : random.next());
    identity = make();
    return identity;
  };
}

interface Said {
  data: Uint8Array;
  /** The part that is random and its own. */
  secret: Uint8Array;
}

/** Apple's Nearby Info (0x10) behind a Handoff (0x0C), as phones in use send them. */
function nearbyInfo(random: Random): Said {
  const secret = random.bytes(14);
  const data = Uint8Array.of(0x0c, 0x0e, ...secret, 0x10, 0x05, 0x18, ...random.bytes(4));
  return { secret, data: withFlags(manufacturerDataStructure(APPLE, data)) };
}

/** Apple's Find My (0x12): most of a public key. */
function findMy(random: Random): Said {
  const secret = random.bytes(22);
  const data = Uint8Array.of(0x12, 0x19, 0x10, ...secret, 0x01, 0x00);
  return { secret, data: writeAdvertisingData([manufacturerDataStructure(APPLE, data)]) };
}

function fastPair(random: Random): Said {
  const secret = random.bytes(9);
  return { secret, data: withFlags(serviceDataStructure(FAST_PAIR, Uint8Array.of(0x00, 0x60, ...secret))) };
}

function samsung(random: Random): Said {
  const secret = random.bytes(20);
  return {
    secret,
    data: withFlags(manufacturerDataStructure(SAMSUNG, Uint8Array.of(0x42, 0x04, 0x01, ...secret))),
  };
}

function swiftPair(random: Random): Said {
  const secret = random.bytes(18);
  return {
    secret,
    data: withFlags(manufacturerDataStructure(MICROSOFT, Uint8Array.of(0x01, 0x09, 0x20, ...secret))),
  };
}

function withFlags(structure: AdStructure): Uint8Array {
  return writeAdvertisingData([flagsStructure(0x1a), structure]);
}
