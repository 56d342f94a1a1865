import { createHash } from 'node:crypto';
import { pino } from 'pino';
import type { Config } from '../../gateway/config.ts';
import { type Db, isDiskRefusing } from '../../gateway/database.ts';
import { type Forward, startForward } from '../../gateway/forward.ts';
import { healthEvent } from '../../gateway/gateway-health.ts';
import { emptyOutcome, type Outcome } from '../../gateway/pipeline/outcome.ts';
import type { Signal } from '../../gateway/pipeline/signal.ts';
import { layRoad, type Road } from '../../gateway/road.ts';
import type { StoreKey } from '../../gateway/store-key.ts';
import type { Timers } from '../../gateway/timers.ts';
import { uplinkName } from '../../gateway/uplinks/index.ts';
import type { OutgoingEvent, Uplink } from '../../gateway/uplinks/uplink.ts';
import type { Draws } from './draws.ts';
import type { VirtualTime } from './virtual-time.ts';
import { MINUTE, SECOND, type World } from './world.ts';

/*
 * One run of the box: the gateway's road with its clock, ticks and uplinks, as `gateway.ts` lays it. Once it
 * has died it says nothing any more: its timers are silent and its answers reach nobody.
 */

export type Enter = (signal: Signal, done: (outcome: Outcome) => void, refuse: () => void) => void;

export interface Run {
  road: Road;
  db: Db;
  isAlive: () => boolean;
  enter: Enter;
}

/** Whether it lives, and whether it is not on its way to its end. */
export interface Life {
  isAlive: boolean;
  isOpen: boolean;
}

type Departs = (events: readonly OutgoingEvent[]) => void;

export interface RunParts {
  world: World;
  /** What the box believes the time to be, ms since the epoch. */
  wall: () => number;
  uplinkTo: (name: string, run: Pick<Run, 'isAlive'>, departs: Departs) => Uplink;
  departs: (events: readonly OutgoingEvent[], uplink: string) => void;
  /** The profile store's clock, by each tick. */
  heard: () => number;
  /** How often `gateway.health` is told, ms. */
  healthEvery: number;
  /** A line of its log. */
  logged: (line: string) => void;
}

/** Without any signal for so long, ticks come so seldom, ms: nothing falls due in between. */
const TICKS: readonly [quietFor: number, every: number][] = [
  [3 * SECOND, SECOND],
  [MINUTE, 15 * SECOND],
  [7 * MINUTE, MINUTE],
  [Number.POSITIVE_INFINITY, 30 * MINUTE],
];

/** @throws where the disk refuses, or the run dies at its start. */
export function beginRun(parts: RunParts, config: Config, db: Db, life: Life, random: Draws) {
  const { world } = parts;
  const { time } = world;
  const forwards: Forward[] = [];
  const timers = timersOf(time, life);
  const road = layRoad(config, db, storeKey, {
    log: pino({ base: null, timestamp: false }, { write: parts.logged }),
    wall: parts.wall,
    timers,
    random: (n) => random.octets(n),
    committed(last) {
      time.stir();
      for (const forward of forwards) forward.wake(last);
    },
  });
  const { commit, now, trust, room } = road;
  /** As `gateway.ts` has it: then no signal enters, and nothing is said about others. */
  const isShut = () => commit.failing() || room.is('full');
  const ticking = pulse(time, () => life.isAlive && life.isOpen, tick);

  const enter: Enter = (signal, done, refuse) => {
    if (!life.isAlive) return;
    ticking.heard();
    const whileAlive = (work: () => void) => life.isAlive && work();
    inRun(life, () =>
      road.enter(
        signal,
        (outcome) => whileAlive(() => done(outcome)),
        () => whileAlive(refuse),
      ),
    );
  };
  const run: Run = { road, db, isAlive: () => life.isAlive, enter };

  function tick(): void {
    trust.heard(parts.heard());
    room.measure();
    if (isShut()) return;
    const signal = { kind: 'tick', at: now(), synchronised: trust.synchronised() } as const;
    inRun(life, () => road.enter(signal, ignore, ignore));
  }

  function housekeep(): void {
    if (!life.isAlive || !life.isOpen) return;
    time.after(parts.healthEvery, housekeep);
    if (room.is('full')) inRun(life, () => makeRoom(road));
    if (isShut()) return;
    const { pipeline, outbox } = road;
    const told = { storeId: config.store.id, mode: config.mode, pipeline, counts: outbox.counts() };
    const event = healthEvent({ ...told, synchronised: trust.synchronised(), at: now() });
    inRun(life, () => commit.add({ ...emptyOutcome(), events: [event] }, ignore));
  }

  ticking.now();
  for (const name of config.uplinks.map(uplinkName)) {
    forwards.push(
      startForward({
        name,
        uplink: parts.uplinkTo(name, run, (events) => parts.departs(events, name)),
        outbox: road.outbox,
        now,
        random: () => random.next(),
        changed: ({ connected, error }) => parts.logged(`${name}: ${connected ? 'takes events' : error}`),
        timers,
      }),
    );
  }
  time.stir();
  time.after(parts.healthEvery, housekeep);
  return {
    run,
    /** Ends as `gateway.ts` ends: what is on its way first, what waits for the disk last. */
    async close(): Promise<void> {
      life.isOpen = false;
      time.stir();
      await Promise.all(forwards.map((forward) => forward.close()));
      if (life.isAlive) closeCommit(road);
    },
  };
}

const ignore = () => {};

/** Timers of a run: silent once it has died. */
function timersOf(time: VirtualTime, life: Life): Timers {
  const startedAt = time.now();
  return {
    monotonic: () => time.now() - startedAt,
    after: (ms, work) =>
      time.after(ms, () => {
        if (!life.isAlive) return;
        time.stir();
        inRun(life, work);
      }),
  };
}

/** Ticks, close together after a signal, and ever further apart while nothing is heard. */
function pulse(time: VirtualTime, isOn: () => boolean, tick: () => void) {
  let heardAt = time.now();
  let every = 0;
  let callOff = ignore;

  function next(ms: number): void {
    callOff();
    every = ms;
    callOff = time.after(ms, beat);
  }

  function beat(): void {
    if (!isOn()) return;
    tick();
    const quietFor = time.now() - heardAt;
    next(TICKS.find(([limit]) => quietFor < limit)?.[1] ?? MINUTE);
  }

  return {
    now: beat,
    heard() {
      heardAt = time.now();
      if (every > SECOND) next(SECOND);
    },
  };
}

/** What is thrown by a run that has died ends nothing any more. */
function inRun(life: Pick<Life, 'isAlive'>, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (life.isAlive) throw error;
  }
}

/** As `gateway.ts` does: no batch takes out any more what has expired. */
function makeRoom({ outbox, now }: Road): void {
  try {
    outbox.expire(now());
  } catch (error) {
    if (!isDiskRefusing(error)) throw error;
  }
}

/** As `road.ts` ends: what the disk refuses now, nobody was told. */
function closeCommit({ commit }: Road): void {
  try {
    commit.close();
  } catch (error) {
    if (!isDiskRefusing(error)) throw error;
  }
}

const derived = new Map<string, Buffer>();
const storeKey: StoreKey = {
  derive(purpose) {
    const key = derived.get(purpose) ?? createHash('sha256').update(`simulated ${purpose}`).digest();
    derived.set(purpose, key);
    return key;
  },
};
