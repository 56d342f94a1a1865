import type { SeenKey } from '../../../devices/device.ts';
import { formatAddress } from '../../../devices/wire/address.ts';
import { ephemeralId } from '../../../devices/wire/eid.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { privateAddress } from '../../../devices/wire/private-address.ts';
import { rollingToken, rollingTokenKey, tokenInterval } from '../../../devices/wire/rolling-token.ts';
import type { ConsentKey } from '../../../gateway/consent-record.ts';
import { appReport } from '../../../gateway/recognise/app-report.ts';
import { beaconId } from '../../../gateway/recognise/beacon-id.ts';
import { checkIn } from '../../../gateway/recognise/check-in.ts';
import { eid } from '../../../gateway/recognise/eid.ts';
import { privateAddresses } from '../../../gateway/recognise/private-address.ts';
import type { Recogniser } from '../../../gateway/recognise/recogniser.ts';
import { rollingTokens } from '../../../gateway/recognise/rolling-token.ts';
import { wifiSession } from '../../../gateway/recognise/wifi-session.ts';
import { seededRandom } from '../../../gateway/seeded-random.ts';

/** A way of being recognised, as the shared suite (`contract.test.ts`) tries it: one entry each in `ways`. */
export interface Way {
  recogniser: Recogniser;
  /** The consent key of person `n`; for a way whose keys are of a day, of that one. */
  key(n: number, day: string): ConsentKey;
  /** What person `n` shows at `at`, one after another: the last one recognises. */
  shows(n: number, at: number): SeenKey[];
  /** Its keys are for one day. */
  isOfDays?: boolean;
}

/** 16 octets that are person `n`'s alone, in hex. */
export function secretOf(n: number): string {
  return `5ec4e7${n.toString(16).padStart(26, '0')}`;
}

const bytes = (n: number) => Buffer.from(secretOf(n), 'hex');
const addressOf = (n: number, random: number) =>
  formatAddress(privateAddress(bytes(n), Uint8Array.of(random, random, random)));

export const ways: Way[] = [
  {
    recogniser: appReport,
    key: (n, day) => ({ kind: 'app', token: secretOf(n), day }),
    shows: (n) => [{ kind: 'app', token: secretOf(n) }],
    isOfDays: true,
  },
  {
    recogniser: checkIn,
    key: (n, day) => ({ kind: 'app', token: secretOf(n), day }),
    shows: (n) => [{ kind: 'check-in', token: secretOf(n) }],
    isOfDays: true,
  },
  {
    recogniser: eid,
    key: (n) => ({ kind: 'eid', identityKey: secretOf(n), exponent: 10, offset: n }),
    shows: (n, at) => [{ kind: 'eid', eid: toHex(ephemeralId(bytes(n), 10, Math.floor(at / 1000) + n)) }],
  },
  {
    recogniser: rollingTokens(),
    key: (n, day) => ({ kind: 'rolling-token', key: secretOf(n), day }),
    shows: (n, at) => {
      const token = rollingToken(rollingTokenKey(bytes(n)), tokenInterval(at / 1000));
      return [{ kind: 'rolling-token', token: toHex(token) }];
    },
    isOfDays: true,
  },
  {
    recogniser: beaconId,
    key: (n) => ({ kind: 'ibeacon', uuid: secretOf(n), major: 1, minor: 7 }),
    shows: (n) => [{ kind: 'ibeacon', uuid: secretOf(n), major: 1, minor: 7 }],
  },
  {
    recogniser: wifiSession,
    key: (n) => ({ kind: 'wifi', user: secretOf(n) }),
    shows: (n) => [{ kind: 'wifi', user: secretOf(n) }],
  },
  {
    recogniser: privateAddresses(seededRandom(1)),
    key: (n) => ({ kind: 'irk', irk: secretOf(n) }),
    shows: (n) => [1, 2].map((random) => ({ kind: 'private-address', address: addressOf(n, random) })),
  },
];
