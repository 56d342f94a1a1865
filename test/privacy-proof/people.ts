import {
  flagsStructure,
  localNameStructure,
  manufacturerDataStructure,
  serviceDataStructure,
  writeAdvertisingData,
} from '../../devices/wire/advertising-data.ts';
import { BTHOME } from '../../devices/wire/bthome.ts';
import { ephemeralId } from '../../devices/wire/eid.ts';
import { fromHex, toHex } from '../../devices/wire/hex.ts';
import { APPLE, formatUuid, writeIBeacon } from '../../devices/wire/ibeacon.ts';
import { ROLLING_TOKEN_COMPANY, writeRollingToken } from '../../devices/wire/rolling-token.ts';
import type { ConsentRecord } from '../../firmware-sim/consent-issuer.ts';
import { eidIdentity, randomAddress } from '../../firmware-sim/firmware/eid-tag.ts';
import { foreignTag, strangerPhone } from '../../firmware-sim/firmware/stranger-phone.ts';
import type { Random } from '../../firmware-sim/shop-floor/seeded-random.ts';
import { type Mark, octetMark, PLACES, type Place, textMark } from './marks.ts';
import { markedRandom } from './random.ts';

/** The simulated day: minutes from the opening. */
export interface Day {
  /** ms since the epoch. */
  opensAt: number;
  minutes: number;
  /** When those who agreed take it back, minutes from the opening. */
  noon: number;
}

export const STORE = 'proof';
export const ELSEWHERE = 'elsewhere';

/** One frame's sender, for a while. */
export interface Identity {
  /** Minutes from the opening. */
  from: number;
  address: string;
  data: Uint8Array;
}

/** Somebody in the shop, and everything by which they could be told from others. */
export interface Person {
  kind: Kind;
  arrives: number;
  leaves: number;
  identities: Identity[];
  /** 32 hex digits, of somebody whose app reports. */
  token?: string;
  /** Of the shop's Wi-Fi, for those who signed in there. */
  wifi?: { user: string; address: string };
  consent?: ConsentRecord;
  marks: Mark[];
}

export type Kind = keyof typeof STRANGERS | 'agreed' | 'agreed without location' | 'staff';

/** Who is nobody here, and how many of a thousand each kind is. */
const STRANGERS = {
  phone: 430,
  'foreign tag': 110,
  'foreign sensor': 70,
  'foreign beacon': 70,
  'rolling token': 80,
  app: 50,
  'app on the air': 10,
  'withdrawn at noon': 50,
  'agreed elsewhere': 50,
  'barring state': 40,
  expired: 15,
  'not yet valid': 15,
  'third-party receiver': 5,
  'wi-fi': 5,
} as const;

/** ISO/IEC TS 27560: states that bar. */
const BARRING = 'unknown requested deferred refused withdrawn expired terminated invalidated'.split(' ');
/** The platform's own lists lie in the same database as its events. */
const NOT_THE_PLATFORM: readonly Place[] = PLACES.filter((place) => place !== 'profile store');
/** Where nothing of anybody's keys may be, whatever they agreed to: beyond the gateway. */
const BEYOND: readonly Place[] = NOT_THE_PLATFORM.filter((place) => place !== 'disk' && place !== 'heap');
/** A table of ephemeral ids is computed ahead from the keys of lists whose time has not come. */
const NOT_COMPUTED: readonly Place[] = PLACES.filter((place) => place !== 'heap');
const EXPONENT = 10;
const YEAR = 365 * 86_400_000;

/** Everybody of the day: `strangers` who are nobody here, and beside them some who agreed. */
export function peopleOfTheDay(seed: number, strangers: number, day: Day): Person[] {
  const kinds = Object.entries(STRANGERS).flatMap(([kind, share]) =>
    Array<Kind>(Math.max(1, Math.round((strangers * share) / 1000))).fill(kind as Kind),
  );
  while (kinds.length < strangers) kinds.unshift('phone');
  while (kinds.length > strangers) kinds.shift();
  const agreed = Math.max(12, Math.round(strangers / 100));
  kinds.push(...Array<Kind>(agreed).fill('agreed'));
  kinds.push(...Array<Kind>(Math.ceil(agreed / 2)).fill('agreed without location'));
  kinds.push(...Array<Kind>(3).fill('staff'));
  return kinds.map((kind, i) => personOf(kind, markedRandom(seed, `person ${i}`), day, i));
}

export function isStranger({ kind }: Person): boolean {
  return kind in STRANGERS;
}

function personOf(kind: Kind, random: Random, day: Day, number: number): Person {
  const person: Person = { kind, ...stayOf(kind, random, day), identities: [], marks: [] };
  switch (kind) {
    case 'third-party receiver':
      return changing(person, random, 8, () =>
        number % 2 === 0 ? foreignTag(random)(0) : strangerPhone(random)(0),
      );
    case 'phone':
      return changing(person, random, 8, () => strangerPhone(random)(0));
    case 'foreign tag':
      return changing(person, random, 12, () => foreignTag(random)(0));
    case 'foreign sensor':
      return foreignSensor(person, random);
    case 'foreign beacon':
      return changing(person, random, Number.POSITIVE_INFINITY, () => foreignBeacon(random));
    case 'rolling token':
      return changing(person, random, 10, () => tokenPhone(random));
    case 'app':
    case 'app on the air':
      return appUser(person, random);
    case 'wi-fi':
      return wifiUser(person, random);
    default:
      return withConsent(person, random, day, number);
  }
}

/** Those whose consent ends at noon are there before and after. */
function stayOf(kind: Kind, random: Random, { minutes, noon }: Day) {
  if (kind === 'withdrawn at noon') return { arrives: noon - 20, leaves: Math.min(minutes, noon + 40) };
  const stay = Math.min(minutes, 10 + random.below(50));
  const arrives = random.below(minutes - stay + 1);
  return { arrives, leaves: arrives + stay };
}

/** A new address and payload every so many minutes. */
function changing(
  person: Person,
  random: Random,
  every: number,
  make: () => { address: string; data: Uint8Array; identifiers: { kind: string; hex: string }[] },
): Person {
  const step = Math.min(every, person.leaves - person.arrives) * random.between(0.7, 1.3);
  for (let from = person.arrives; from < person.leaves; from += Math.max(1, step)) {
    const { address, data, identifiers } = make();
    person.identities.push({ from, address, data });
    for (const { kind, hex } of identifiers) {
      person.marks.push(octetMark(`${kind} of: ${person.kind}`, Buffer.from(hex, 'hex')));
    }
  }
  return person;
}

function foreignBeacon(random: Random) {
  const uuid = random.bytes(16);
  const address = randomAddress(random);
  const numbers = { major: random.below(0x10000), minor: random.below(0x10000) };
  const beacon = writeIBeacon({ uuid, ...numbers, measuredPower: -59 });
  return {
    address,
    data: writeAdvertisingData([flagsStructure(0x06), manufacturerDataStructure(APPLE, beacon)]),
    identifiers: [
      { kind: 'address', hex: bare(address) },
      { kind: 'beacon id', hex: toHex(uuid) },
      { kind: 'beacon id as printed', hex: Buffer.from(formatUuid(uuid)).toString('hex') },
    ],
  };
}

function tokenPhone(random: Random) {
  const token = random.bytes(16);
  const address = randomAddress(random);
  return {
    address,
    data: writeAdvertisingData([
      flagsStructure(0x1a),
      manufacturerDataStructure(ROLLING_TOKEN_COMPANY, writeRollingToken(token)),
    ]),
    identifiers: [
      { kind: 'address', hex: bare(address) },
      { kind: 'token', hex: toHex(token) },
    ],
  };
}

/** A thermometer in somebody's bag: BTHome v2 sealed, under its owner's name. */
function foreignSensor(person: Person, random: Random): Person {
  const name = Array.from({ length: 12 }, () => random.pick([...'abcdefghijklmnopqrstuvwxyz'])).join('');
  person.marks.push(textMark('name of a sensor', name));
  return changing(person, random, Number.POSITIVE_INFINITY, () => {
    const address = randomAddress(random);
    const sealed = random.bytes(12);
    return {
      address,
      data: writeAdvertisingData([
        serviceDataStructure(BTHOME, Uint8Array.of(0x41, ...sealed)),
        localNameStructure(name),
      ]),
      identifiers: [
        { kind: 'address', hex: bare(address) },
        { kind: 'payload', hex: toHex(sealed) },
      ],
    };
  });
}

function appUser(person: Person, random: Random): Person {
  const token = random.bytes(16);
  person.token = toHex(token);
  person.marks.push(octetMark(`token of: ${person.kind}`, token));
  return person;
}

function wifiUser(person: Person, random: Random): Person {
  const address = random.bytes(6);
  const user = `${toHex(random.bytes(6))}@guests`;
  person.wifi = { user, address: toHex(address).match(/../g)?.join(':') ?? '' };
  person.marks.push(octetMark('address on the Wi-Fi', address), textMark('user name on the Wi-Fi', user));
  return person;
}

/** Of whom the platform's lists say something: a tag with ephemeral ids, or for every third an app. */
function withConsent(person: Person, random: Random, day: Day, number: number): Person {
  const { kind } = person;
  const identityKey = random.bytes(16);
  const token = random.bytes(16);
  const offset = random.below(1_000_000);
  const record = recordOf(person, random, day);
  person.consent = record;
  const hasApp = number % 3 === 0;
  record.keys = hasApp
    ? [{ kind: 'app', token: toHex(token) }]
    : [{ kind: 'eid', identityKey: toHex(identityKey), exponent: EXPONENT, offset }];
  const reach = reachOf(kind);
  if (hasApp) {
    person.token = toHex(token);
    person.marks.push(octetMark(`token of: ${kind}`, token, reach.key));
  } else {
    person.marks.push(octetMark(`identity key of: ${kind}`, identityKey, reach.key));
    wearTag(person, random, day, { identityKey, offset });
  }
  person.marks.push(textMark(`subject of: ${kind}`, record.subjectRef, reach.subject));
  if (reach.record) person.marks.push(textMark(`record of: ${kind}`, record.recordId, reach.record));
  return person;
}

/** A tag's ephemeral ids change by its clock, with the address: no mark of before noon is said after it. */
function wearTag(
  person: Person,
  random: Random,
  day: Day,
  tag: { identityKey: Uint8Array; offset: number },
): void {
  let last = '';
  const { arrives, leaves, kind } = person;
  for (let minute = arrives; minute < leaves; minute += 1) {
    const clock = Math.floor(day.opensAt / 1000) + minute * 60 + 59 + tag.offset;
    const eid = ephemeralId(tag.identityKey, EXPONENT, clock);
    if (toHex(eid) === last && minute !== day.noon) continue;
    last = toHex(eid);
    const address = randomAddress(random);
    const { data } = eidIdentity(address, eid);
    person.identities.push({ from: minute, address, data });
    const isRecognised = kind === 'withdrawn at noon' && minute < day.noon;
    const { eid: eidReach } = reachOf(isRecognised ? 'agreed' : kind);
    person.marks.push(octetMark(`address of: ${kind}`, Buffer.from(bare(address), 'hex')));
    person.marks.push(octetMark(`ephemeral id of: ${kind}`, eid, eidReach));
  }
}

type Reach = Partial<Mark>;

/** Where what the lists say of somebody may not be; the radio's address may be nowhere in any case. */
function reachOf(kind: Kind): { key: Reach; eid: Reach; subject: Reach; record?: Reach } {
  const never: Reach = { places: NOT_THE_PLATFORM };
  switch (kind) {
    case 'agreed':
    case 'agreed without location':
      // Their events name them; no event, answer or line has their keys.
      return { key: { places: BEYOND }, eid: { places: BEYOND }, subject: { places: ['log', 'broker'] } };
    case 'staff':
      return { key: { places: BEYOND }, eid: { places: BEYOND }, subject: { places: BEYOND } };
    case 'not yet valid':
      return {
        key: { places: BEYOND },
        eid: { places: NOT_COMPUTED },
        subject: { places: BEYOND },
        record: { places: BEYOND },
      };
    case 'withdrawn at noon': {
      const later: Reach = { ...never, afterNoon: true };
      // The withdrawal itself is told, and kept, under the record's id alone.
      return { key: later, eid: { afterNoon: true }, subject: later };
    }
    default:
      return { key: never, eid: {}, subject: never, record: never };
  }
}

function recordOf({ kind }: Person, random: Random, day: Day): ConsentRecord {
  const at = (ms: number) => new Date(ms).toISOString();
  const valid =
    kind === 'expired'
      ? [day.opensAt - YEAR, day.opensAt - 86_400_000]
      : kind === 'not yet valid'
        ? [day.opensAt + 30 * 86_400_000, day.opensAt + YEAR]
        : [day.opensAt - 86_400_000, day.opensAt + YEAR];
  return {
    recordId: uuidOf(random),
    version: 1,
    subjectRef: `${toHex(random.bytes(9))}`,
    purposes:
      kind === 'agreed without location' ? ['recognition'] : ['recognition', 'location', 'interaction'],
    state: kind === 'barring state' ? random.pick(BARRING) : 'given',
    validFrom: at(valid[0] as number),
    validUntil: at(valid[1] as number),
    noticeId: 'n1',
    noticeVersion: '1',
    language: 'fr',
    method: 'app',
    stores: [kind === 'agreed elsewhere' ? ELSEWHERE : STORE],
    keys: [],
    ...(kind === 'staff' && { staff: true }),
  };
}

function uuidOf(random: Random): string {
  return formatUuid(random.bytes(16));
}

function bare(address: string): string {
  return toHex(fromHex(address.replaceAll(':', '')) ?? new Uint8Array());
}
