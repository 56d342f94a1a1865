import {
  type CharacteristicId,
  type GattProfile,
  type GattSaid,
  isSame,
  whyNot,
} from '../../../devices/gatt/profile.ts';
import type { LocalTime } from '../../../devices/wire/local-time.ts';
import type { Timers } from '../../timers.ts';
import type { LinkCalls } from './link-calls.ts';
import type { GattLink } from './peer.ts';

/** A link in the words of its profile: a reading and a setpoint instead of characteristics and bytes. */
export interface GattTalk {
  /** What the thermostat said last on this link; empty before it said anything. */
  said(): GattSaid;
  /** Whether it said so last. */
  isSetTo(setpointC: number): boolean;
  /** How long ago the last `refresh` ended, ms. */
  ageMs(): number;
  /** Has it say everything now. Rejects where it does not, or the link is lost. */
  refresh(): Promise<void>;
  /** Sets it, and says whether the thermostat said after it that it is set so. Rejects as `refresh`. */
  set(setpointC: number): Promise<boolean>;
  /** `over` resolves after `ms` or with `wake`, and rejects when the link is lost. */
  rest(ms: number): { wake(): void; over: Promise<void> };
}

export interface TalkOptions {
  link: GattLink;
  /** For this link alone: `lost` ends the talk. */
  calls: LinkCalls;
  profile: GattProfile;
  timers: Timers;
  localTime(): LocalTime;
  /** Called with everything known, at each notification and at the end of each `refresh`. */
  onSaid(said: GattSaid): void;
}

/** A read, a write, a subscription: BlueZ gives one up after 30 s, a thermostat that is there answers in one. */
const CALL_MS = 10_000;
/** An eQ-3 answers within a second; at noon on Saturday it is deaf for a minute. */
const ANSWER_MS = 5_000;
/** Half of the finest step that a profile encodes, °C. */
const SAME_C = 0.005;

/** Subscribes to what the profile names. Rejects, with a sentence, where the thermostat is of another model. */
export async function startTalk(options: TalkOptions): Promise<GattTalk> {
  const { link, calls, profile, timers, localTime, onSaid } = options;
  let said: GattSaid = {};
  let refreshedAt = Number.NEGATIVE_INFINITY;
  /** Counts what was notified of the setpoint: an answer is one that came after the question. */
  let answers = 0;
  let wakeListener = () => {};

  link.onDrop(calls.lost);
  const why = whyNot(profile, link.characteristics);
  if (why !== undefined) throw new Error(why);
  for (const { from, decode } of profile.notifies) {
    if (!canNotify(link, from)) continue;
    const subscribed = link.subscribe(from, (bytes) => heard(decode(bytes)));
    await calls.run('subscribing', CALL_MS, subscribed);
  }

  function heard(part: GattSaid | undefined): void {
    if (!part) return;
    said = { ...said, ...part };
    if (part.setpointC !== undefined) answers += 1;
    wakeListener();
    onSaid(said);
  }

  async function answered(since: number, isAnswer: () => boolean): Promise<boolean> {
    const until = timers.monotonic() + ANSWER_MS;
    while (answers === since || !isAnswer()) {
      const left = until - timers.monotonic();
      if (left <= 0) return false;
      const { wake, over } = calls.rest(left);
      wakeListener = wake;
      await over;
    }
    return true;
  }

  const write = (to: CharacteristicId, bytes: Uint8Array) =>
    calls.run('writing', CALL_MS, link.write(to, bytes));

  async function refresh(): Promise<void> {
    const read: GattSaid = {};
    for (const { from, decode } of profile.reads) {
      Object.assign(read, decode(await calls.run('reading', CALL_MS, link.read(from))));
    }
    if (profile.reads.length > 0) {
      said = read;
      onSaid(said);
    }
    if (profile.ask) {
      const since = answers;
      await write(profile.ask.to, profile.ask.encode(localTime()));
      if (!(await answered(since, () => true))) throw new Error('it does not say its status');
    }
    refreshedAt = timers.monotonic();
  }

  const isSetTo = (setpointC: number) =>
    said.setpointC !== undefined && Math.abs(said.setpointC - setpointC) < SAME_C;

  async function set(setpointC: number): Promise<boolean> {
    const since = answers;
    await write(profile.set.to, profile.set.encode(setpointC));
    if (profile.ask) return answered(since, () => isSetTo(setpointC));
    await refresh();
    return isSetTo(setpointC);
  }

  return {
    said: () => said,
    isSetTo,
    ageMs: () => timers.monotonic() - refreshedAt,
    refresh,
    set,
    rest: calls.rest,
  };
}

function canNotify({ characteristics }: GattLink, from: CharacteristicId): boolean {
  const { properties = [] } = characteristics.find((one) => isSame(one, from)) ?? {};
  return properties.includes('notify') || properties.includes('indicate');
}
