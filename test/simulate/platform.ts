import type { ConsentRecord, Purpose } from '../../gateway/consent-record.ts';
import type { CentralCommand, Signal } from '../../gateway/pipeline/signal.ts';
import type { Oracle } from './oracle.ts';
import type { Run } from './run.ts';
import { BEACON_UUID, TAG_UUID } from './shop-config.ts';
import { DAY, HOUR, SECOND, type World } from './world.ts';

/*
 * The central platform's side of the downlink: who agreed to what, and commands. Its messages are a log; the
 * box keeps with each how far it came, and asks from there after a start. On the way they may also come twice,
 * or before others.
 */

export interface Shopper {
  n: number;
  ref: string;
  recordId: string;
  /** 16 octets, hex: what the app shows. */
  token: string;
}

interface PlatformMessage {
  signal: { kind: 'consents' } & Omit<Extract<Signal, { kind: 'consents' }>, 'at'>;
  command?: undefined;
}
interface PlatformCommand {
  command: CentralCommand;
  signal?: undefined;
}
type Said = PlatformMessage | PlatformCommand;

export interface Platform {
  /** Somebody agrees, or agrees anew, to these purposes. */
  grant(shopper: Shopper, purposes: readonly Purpose[]): void;
  withdraw(shopper: Shopper): void;
  erase(shopper: Shopper): void;
  setpoint(setpointC: number): void;
  /** All that is agreed to. */
  fullList(): void;
  /** A run of the box begins: it goes on where its disk says. */
  began(run: Run): void;
  /** Messages come twice and out of order, so often. */
  shuffle(share: number): void;
  /** Ids of the commands that the box has taken. */
  taken: ReadonlySet<string>;
}

export function platform(world: World, oracle: Oracle): Platform {
  const { time } = world;
  const random = world.draws('platform');
  const log: Said[] = [];
  const records = new Map<string, ConsentRecord>();
  const versions = new Map<string, number>();
  const taken = new Set<string>();
  let run: Run | undefined;
  let isPulling = false;
  let listVersion = 0;
  let shuffled = 0;
  let commands = 0;

  function send(said: Said): void {
    log.push(said);
    world.trace(() => `the platform sends ${JSON.stringify(said)}`);
    pull();
    if (shuffled > 0 && random.chance(shuffled)) {
      time.after(random.between(0, HOUR), () => stray(random.whole(0, log.length - 1)));
    }
  }

  function cursorOf({ road }: Run): number {
    return Number((road.stored.get('cursor').get('downlink') as { n?: number } | undefined)?.n ?? 0);
  }
  let cursor = 0;

  /** One after the other, each on the box's disk before the next. */
  function pull(): void {
    const mine = run;
    const said = log[cursor];
    if (isPulling || !mine?.isAlive() || !said) return;
    isPulling = true;
    time.after(random.between(20, 500), () => {
      if (mine !== run) return;
      give(mine, said, { n: cursor + 1 }, (isTaken) => {
        if (mine !== run) return;
        isPulling = false;
        if (isTaken) cursor += 1;
        if (isTaken) pull();
        else time.after(SECOND, pull);
      });
    });
  }

  /** A message that comes again, or too early. */
  function stray(n: number): void {
    const said = log[n];
    if (!said || !run?.isAlive()) return;
    world.trace(() => `message ${n + 1} of the platform comes by another way`);
    give(run, said, undefined, () => {});
  }

  function give(
    to: Run,
    said: Said,
    next: { n: number } | undefined,
    told: (isTaken: boolean) => void,
  ): void {
    const at = to.road.now();
    const more = { at, ...(next && { cursor: next }) };
    const before = said.command && heldBefore(to, said.command);
    to.enter(
      said.command ? { kind: 'command', command: said.command, ...more } : { ...said.signal, ...more },
      (outcome) => {
        took(to, said, outcome.refused, before);
        told(true);
      },
      () => told(false),
    );
  }

  function heldBefore({ road }: Run, { args }: CentralCommand): ConsentRecord | undefined {
    const record = [...records.values()].find(({ subjectRef }) => subjectRef === args.subjectRef);
    return record && road.pipeline.held(record.recordId);
  }

  function took(by: Run, said: Said, refused: string | undefined, erased?: ConsentRecord): void {
    if (said.signal) return oracle.listed(by, said.signal.records, refused);
    if (refused !== undefined) return;
    taken.add(said.command.id);
    if (erased) oracle.ended(by, erased.recordId, erased.version);
  }

  function recordOf(shopper: Shopper, state: ConsentRecord['state'], purposes: Purpose[]): ConsentRecord {
    const version = (versions.get(shopper.recordId) ?? 0) + 1;
    versions.set(shopper.recordId, version);
    const { n, ref: subjectRef, recordId, token } = shopper;
    const isGiven = state !== 'withdrawn';
    return {
      recordId,
      version,
      subjectRef,
      purposes,
      state,
      validFrom: isGiven ? new Date(world.trueTime() - DAY).toISOString() : '9999-12-31T23:59:59Z',
      ...(isGiven && { validUntil: new Date(world.trueTime() + 200 * DAY).toISOString() }),
      noticeVersion: '1',
      stores: isGiven ? ['s1'] : [],
      keys: isGiven
        ? [
            { kind: 'app', token },
            { kind: 'ibeacon', uuid: TAG_UUID, major: 7, minor: n },
          ]
        : [],
    };
  }

  /** Of the next version. */
  function listHead() {
    listVersion += 1;
    const issuedAt = world.trueTime();
    return { kind: 'consents', storeId: 's1', version: listVersion, issuedAt } as const;
  }

  function change(record: ConsentRecord): void {
    const previous = listVersion;
    const head = listHead();
    send({ signal: { ...head, list: 'change', previous, records: [record] } });
  }

  function command(action: string, args: Record<string, unknown>): void {
    commands += 1;
    const now = world.trueTime();
    const times = { issuedAt: now, expiresAt: now + 10 * 60 * SECOND };
    send({ command: { id: `k${commands}`, storeId: 's1', gateway: 'g1', action, args, ...times } });
  }

  return {
    grant(shopper, purposes) {
      const record = recordOf(shopper, records.has(shopper.recordId) ? 'renewed' : 'given', [...purposes]);
      records.set(shopper.recordId, record);
      change(record);
    },
    withdraw(shopper) {
      records.delete(shopper.recordId);
      change(recordOf(shopper, 'withdrawn', []));
    },
    erase(shopper) {
      command('erase', { subjectRef: shopper.ref });
      records.delete(shopper.recordId);
      // Whoever is erased has withdrawn too, or the next full list would bring them back.
      change(recordOf(shopper, 'withdrawn', []));
    },
    setpoint: (setpointC) => command('setpoint', { device: 'thermostat-1', setpointC }),
    fullList() {
      const head = listHead();
      send({ signal: { ...head, list: 'full', records: [...records.values()] } });
    },
    began(next) {
      run = next;
      isPulling = false;
      const stored = cursorOf(next);
      // Taken by a run that died before it could say so.
      for (const { command: one } of log.slice(cursor, stored)) if (one) taken.add(one.id);
      if (stored < cursor) world.trace(() => `the box asks again from ${stored}, it had ${cursor}`);
      cursor = stored;
      pull();
    },
    shuffle(share) {
      shuffled = share;
    },
    taken,
  };
}

/** A frame as a tag of this shopper sends it: an iBeacon (Proximity Beacon Specification R1 §2.1). */
export function tagFrame(minor: number, uuid = TAG_UUID): string {
  return `0201061aff4c000215${uuid}0007${minor.toString(16).padStart(4, '0')}c5`;
}

/** What an app hears of the shop's fixed beacons. */
export function heardBeacon(zone: number, rssi: number): object {
  return { uuid: BEACON_UUID, major: 1, minor: zone, rssi };
}
