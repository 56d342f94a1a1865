import { fromHex, toHex } from '../../devices/wire/hex.ts';
import type { Connection } from '../firmware/connection.ts';
import { eidTag, type Identity } from '../firmware/eid-tag.ts';
import { type HeardBeacon, phoneApp } from '../firmware/phone-app.ts';
import { foreignTag, strangerPhone } from '../firmware/stranger-phone.ts';
import { type Air, distance } from './air.ts';
import { BEACON_UUID, beacons, type Place } from './floor-plan.ts';
import { keyOf } from './keys.ts';
import type { Identifier } from './messages.ts';
import type { Transmission } from './radios.ts';
import { type Random, seededRandom } from './seeded-random.ts';
import type { Shopper } from './shoppers.ts';

/** What a shopper carries: it transmits, or reports by MQTT, while its owner is in the shop. */
export interface Carried {
  /** To be called often while the owner is inside; `at` is ms, monotonic. */
  tick(place: Place, at: number): void;
  /** What names it at this moment; of a stranger only. */
  identifiers(): Identifier[];
}

export interface Pocket {
  seed: number;
  speed: number;
  air: Air;
  transmit(transmission: Transmission): void;
  /** A phone's connection to the gateway. */
  connect(clientId: string): Connection;
  /** Something new that names a stranger. */
  stranger(identifiers: Identifier[]): void;
  unixMs(): number;
}

/** In a pocket or on a bag. */
export const CARRIED_AT_M = 1.1;
const TAG_EVERY_MS = 500;
const PHONE_EVERY_MS = 900;
const RANGE_EVERY_MS = 1_000;
/** Levels at 1 m, dBm: of a coin cell tag, of a phone, of the shop's fixed beacons. */
const TAG_DBM = -59;
const PHONE_DBM = -57;
const BEACON_DBM = -60;

export function carriedBy({ index, carries }: Shopper, pocket: Pocket): Carried[] {
  const random = seededRandom(pocket.seed, `what shopper ${index} carries`);
  switch (carries) {
    case 'loyalty-tag':
      return [ownTag(index, random, pocket)];
    case 'app':
      return [app(index, keyToken(pocket.seed, index), pocket)];
    case 'phone':
      return [phone(index, random, pocket)];
    case 'foreign-tag':
      return [phone(index, random, pocket), strangersTag(index, random, pocket)];
    case 'foreign-app': {
      const token = toHex(random.bytes(16));
      const identifiers: Identifier[] = [{ kind: 'token', hex: token }];
      pocket.stranger(identifiers);
      const reports = { ...app(index, token, pocket), identifiers: () => identifiers };
      return [phone(index, random, pocket), reports];
    }
  }
}

function keyToken(seed: number, index: number): string {
  const key = keyOf(seed, index, 'app');
  return key.kind === 'app' ? key.token : '';
}

function ownTag(index: number, random: Random, pocket: Pocket): Carried {
  const key = keyOf(pocket.seed, index, 'loyalty-tag');
  if (key.kind !== 'eid') throw new Error('a loyalty tag has an identity key');
  const identityKey = fromHex(key.identityKey) ?? new Uint8Array(16);
  const says = eidTag({ identityKey, exponent: key.exponent, offset: key.offset, random });
  return transmitter(`tag ${index}`, TAG_EVERY_MS, TAG_DBM, says, random, pocket, () => {});
}

function phone(index: number, random: Random, pocket: Pocket): Carried {
  const says = strangerPhone(random);
  return transmitter(`phone ${index}`, PHONE_EVERY_MS, PHONE_DBM, says, random, pocket, pocket.stranger);
}

function strangersTag(index: number, random: Random, pocket: Pocket): Carried {
  const says = foreignTag(random);
  return transmitter(`tag ${index}`, TAG_EVERY_MS, TAG_DBM, says, random, pocket, pocket.stranger);
}

function transmitter(
  from: string,
  everyMs: number,
  atOneMetre: number,
  says: (unixS: number) => Identity,
  random: Random,
  pocket: Pocket,
  changed: (identifiers: Identifier[]) => void,
): Carried {
  let identity: Identity | undefined;
  let dueAt = Number.NEGATIVE_INFINITY;
  return {
    tick(place, at) {
      if (at < dueAt) return;
      // Up to 10 ms of delay keep two transmitters from colliding for ever, Core Spec vol 6 B §4.4.2.2.1.
      dueAt = at + everyMs / Math.min(pocket.speed, 4) + random.between(0, 10);
      const now = says(pocket.unixMs() / 1000);
      if (now !== identity) changed(now.identifiers);
      identity = now;
      const { address, data } = now;
      pocket.transmit({ from, at: place, address, addressType: 'random', data, atOneMetre });
    },
    identifiers: () => identity?.identifiers ?? [],
  };
}

function app(index: number, token: string, pocket: Pocket): Carried {
  const random = seededRandom(pocket.seed, `app ${index}`);
  const connection = pocket.connect(toHex(random.bytes(6)));
  let here: { place: Place; at: number } | undefined;

  function range(): HeardBeacon[] {
    if (!here) return [];
    const { place, at } = here;
    return beacons.flatMap((beacon) => {
      const metres = distance(place, beacon.at);
      const path = { from: beacon.id, to: `phone ${index}`, metres, atOneMetre: BEACON_DBM, at };
      const rssi = pocket.air.arrives(path);
      const { major, minor } = beacon;
      return rssi === undefined ? [] : [{ uuid: BEACON_UUID, major, minor, rssi }];
    });
  }

  const { isUp, send } = connection;
  const reporting = phoneApp({ token, everyMs: RANGE_EVERY_MS / pocket.speed, range, isUp, send });
  return {
    tick(place, at) {
      here = { place, at };
      reporting.tick(at);
    },
    identifiers: () => [],
  };
}
