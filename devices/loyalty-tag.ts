import type { Advertisement, SeenKey } from './device.ts';
import { AD_TYPE, type AdStructure, leadingId } from './wire/advertising-data.ts';
import { EDDYSTONE, readEid } from './wire/eddystone.ts';
import { toHex } from './wire/hex.ts';
import { APPLE, readIBeacon } from './wire/ibeacon.ts';
import { isResolvable } from './wire/private-address.ts';
import { ROLLING_TOKEN_COMPANY, readRollingToken } from './wire/rolling-token.ts';

/**
 * What a shopper may carry: a tag or card with an ephemeral id (Eddystone-EID), a phone with a rolling
 * token, a tag with a static iBeacon id. Nobody's has an entry in the configuration; whose it is, if
 * anybody's who agreed, only the gateway's recognisers can say. With `sender` a resolvable private address
 * is a key too.
 */
export function tagKeys(
  structures: readonly AdStructure[],
  sender?: Pick<Advertisement, 'address' | 'addressType'>,
): SeenKey[] {
  const keys: SeenKey[] = [];
  if (sender?.addressType === 'random' && isResolvable(sender.address)) {
    keys.push({ kind: 'private-address', address: sender.address });
  }
  for (const structure of structures) {
    const key = tagKey(structure);
    if (key) keys.push(key);
  }
  return keys;
}

function tagKey(structure: AdStructure): SeenKey | undefined {
  const data = structure.value.subarray(2);
  if (structure.type === AD_TYPE.serviceData16) {
    const eid = leadingId(structure) === EDDYSTONE ? readEid(data) : undefined;
    return eid && { kind: 'eid', eid: toHex(eid.eid) };
  }
  if (structure.type !== AD_TYPE.manufacturerData) return undefined;
  switch (leadingId(structure)) {
    case APPLE: {
      const beacon = readIBeacon(data);
      return (
        beacon && { kind: 'ibeacon', uuid: toHex(beacon.uuid), major: beacon.major, minor: beacon.minor }
      );
    }
    case ROLLING_TOKEN_COMPANY: {
      const token = readRollingToken(data);
      return token && { kind: 'rolling-token', token: toHex(token) };
    }
    default:
      return undefined;
  }
}
