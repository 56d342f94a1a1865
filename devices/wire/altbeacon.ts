import { intBE, putBE, uintBE, uintLE } from './integers.ts';

/** AltBeacon Protocol Specification v1.0, "AltBeacon Protocol Fields": every maker's own company leads. */
const CODE = 0xbeac;
const ID_LENGTH = 20;
/** Beacons that leave the last octet out are met (android-beacon-library's tests have one). */
const SHORTEST = 2 + 2 + ID_LENGTH + 1;

export interface AltBeacon {
  /** The maker's company identifier, Bluetooth Assigned Numbers §7.1. */
  mfgId: number;
  /** 20 octets: 16 of the organisation, the rest as it divides them. Read, a view into the advertisement. */
  beaconId: Uint8Array;
  /** dBm at 1 m. */
  referenceRssi: number;
  /** The maker's own; absent where the beacon sends none. */
  mfgReserved?: number;
}

/** Reads the whole value of manufacturer data, company included; nothing where it is no AltBeacon. */
export function readAltBeacon(value: Uint8Array): AltBeacon | undefined {
  if (value.length < SHORTEST || uintBE(value, 2, 2) !== CODE) return undefined;
  const reserved = value[SHORTEST];
  return {
    mfgId: uintLE(value, 0, 2),
    beaconId: value.subarray(4, 4 + ID_LENGTH),
    referenceRssi: intBE(value, 24, 1),
    ...(reserved === undefined ? {} : { mfgReserved: reserved }),
  };
}

/** Manufacturer data behind the company `mfgId`. Throws RangeError where a value does not fit. */
export function writeAltBeacon({ beaconId, referenceRssi, mfgReserved }: AltBeacon): Uint8Array {
  if (beaconId.length !== ID_LENGTH) {
    throw new RangeError(`an AltBeacon's id has ${ID_LENGTH} octets, not ${beaconId.length}`);
  }
  const data = new Uint8Array(SHORTEST - 2 + (mfgReserved === undefined ? 0 : 1));
  putBE(data, 0, 2, CODE);
  data.set(beaconId, 2);
  putBE(data, 22, 1, referenceRssi);
  if (mfgReserved !== undefined) putBE(data, 23, 1, mfgReserved);
  return data;
}
