import { type Day, type Identity, isStranger, type Person } from './people.ts';
import { CEILINGS } from './plan.ts';
import { markedRandom } from './random.ts';

/** A frame as a receiver's message has it. */
export interface Frame {
  address: string;
  addressType: 'random';
  rssi: number;
  /** Hex. */
  data: string;
  ageMs: number;
}

/** What is heard in one minute. */
export interface Minute {
  /** By receiver, unfiltered: as a receiver would send that knows no list of frames. */
  frames: Map<string, Frame[]>;
  /** Heard by the receiver of another maker. */
  bridged: Frame[];
  /** Sign-ins at the Wi-Fi, of people who did not agree to be recognised by them. */
  signedIn: { user: string; address: string }[];
  /** Of the share that goes through the sieve of the shop's own radio. */
  sieved: Frame[];
  /** Tokens of apps that report what they hear. */
  reports: string[];
}

export interface Schedule {
  advertisements: number;
  minute(number: number): Minute;
}

/** One frame of so many goes through the sieve. */
const SIEVED_ONE_OF = 10;
/** An app reports every so many minutes. */
const REPORTS_EVERY = 5;

/** Spreads so many advertisements over everybody who can be heard, evenly over each one's stay. */
export function scheduleOf(
  people: readonly Person[],
  day: Day,
  { seed, advertisements }: { seed: number; advertisements: number },
): Schedule {
  const random = markedRandom(seed, 'the air');
  const heard = people.filter(({ identities }) => identities.length > 0);
  const present = Array.from({ length: day.minutes }, () => [] as { person: Person; share: number }[]);
  for (const [i, person] of heard.entries()) {
    const share = Math.floor(advertisements / heard.length) + (i < advertisements % heard.length ? 1 : 0);
    for (let minute = person.arrives; minute < person.leaves; minute += 1) {
      present[minute]?.push({ person, share });
    }
  }
  const reporters = people.filter(({ token }) => token !== undefined);

  function minute(number: number): Minute {
    const heardNow: Minute = { frames: new Map(), sieved: [], bridged: [], signedIn: [], reports: [] };
    let count = 0;
    for (const { person, share } of present[number] ?? []) {
      const identity = identityAt(person, number);
      for (let n = framesIn(person, share, number); n > 0; n -= 1) {
        count += 1;
        const frame = frameOf(identity);
        if (person.kind === 'third-party receiver') heardNow.bridged.push(frame);
        else if (count % SIEVED_ONE_OF === 0 && isStranger(person)) heardNow.sieved.push(frame);
        else put(heardNow.frames, frame);
      }
    }
    for (const { token = '', arrives, leaves } of reporters) {
      const isDue = arrives <= number && number < leaves && (number - arrives) % REPORTS_EVERY === 0;
      if (isDue) heardNow.reports.push(token);
    }
    for (const { wifi, arrives, leaves } of people) {
      if (wifi && arrives <= number && number < leaves) heardNow.signedIn.push(wifi);
    }
    return heardNow;
  }

  function frameOf({ address, data }: Identity): Frame {
    return {
      ...{ address, addressType: 'random', rssi: -90 + random.below(45) },
      ...{ data: Buffer.from(data).toString('hex'), ageMs: random.below(900) },
    };
  }

  function put(frames: Minute['frames'], frame: Frame): void {
    const receiver = random.pick(CEILINGS);
    const list = frames.get(receiver) ?? [];
    list.push(frame);
    frames.set(receiver, list);
  }

  return { advertisements, minute };
}

function identityAt({ identities }: Person, minute: number): Identity {
  let now = identities[0] as Identity;
  for (const identity of identities) if (identity.from <= minute) now = identity;
  return now;
}

function framesIn({ arrives, leaves }: Person, share: number, minute: number): number {
  const until = (end: number) => Math.floor((share * (end - arrives)) / (leaves - arrives));
  return until(minute + 1) - until(minute);
}
