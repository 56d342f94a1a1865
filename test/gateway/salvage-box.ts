import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { type Config, readConfig } from '../../gateway/config.ts';
import type { ConsentRecord } from '../../gateway/consent-record.ts';
import { emptyOutcome, type StoreEvent } from '../../gateway/pipeline/outcome.ts';
import type { Signal } from '../../gateway/pipeline/signal.ts';
import { openRoad, type Road, type RoadParts } from '../../gateway/road.ts';
import { storedEvents } from '../../gateway/stored-events.ts';
import { systemTimers, type Timers } from '../../gateway/timers.ts';
import { uplinkName } from '../../gateway/uplinks/index.ts';
import { agreed } from '../support/agreed.ts';
import type { LedgerEvent } from '../support/ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** 2026-03-01T10:00:00Z, ms. */
export const TEN = Date.UTC(2026, 2, 1, 10);
export const TOKEN = '00112233445566778899aabbccddeeff';

export const YAML = `
store: {id: s1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "1", languages: [fr]}}
mode: identify
map: {zones: [{id: shoes, polygon: [[0, 0], [5, 0], [5, 5], [0, 5]]}]}
devices: [{id: app, kind: shopper-app}, {id: b1, kind: smart-button, zone: shoes}]
clock: {source: trusted}
uplinks: [{kind: http, url: "http://127.0.0.1:9"}]
`;

/** A box whose gateway is a road without ends: signals and events in, what is stored out. */
export interface Box {
  config: Config;
  /** The file of the database. */
  file: string;
  open(): Running;
  /** What a kill at this moment leaves, as a box of its own. */
  killed(): Box;
}

export interface Running extends Road {
  /** What it logged, as JSON lines. */
  log(): string;
  /** Resolves once the events are on disk. */
  store(...events: StoreEvent[]): Promise<void>;
  take(signal: Signal): Promise<unknown>;
  /** Delivers so many of what waits; what was delivered comes back. */
  deliver(most: number): LedgerEvent[];
  /** What waits, opened. */
  waiting(): LedgerEvent[];
  close(): void;
}

/** As the system's, but nothing waits long. */
const impatient: Timers = {
  monotonic: systemTimers.monotonic,
  after: (ms, work) => systemTimers.after(ms / 100, work),
};

export function openBox(folder = temporaryFolder(), yaml = YAML): Box {
  writeFileSync(join(folder, 'aisle.yaml'), yaml);
  const config = readConfig(join(folder, 'aisle.yaml'));
  return {
    config,
    file: join(config.data, 'aisle.db'),
    open: () => run(config, { timers: impatient }),
    killed() {
      const copy = temporaryFolder();
      cpSync(config.data, join(copy, 'data'), { recursive: true });
      return openBox(copy, yaml);
    },
  };
}

/** Runs until the test ends. */
export function started(box: Box): Running {
  const road = box.open();
  onTestFinished(() => road.close());
  return road;
}

export function run(config: Config, parts: Partial<RoadParts> = {}): Running {
  const closers: (() => unknown)[] = [];
  let log = '';
  const note = (line: string) => {
    log += line;
  };
  const close = () => {
    for (const closer of closers.splice(0).reverse()) closer();
  };
  const road = open();
  const [uplink = ''] = config.uplinks.map(uplinkName);

  function open(): Road {
    try {
      const to = pino({ level: 'info' }, { write: note });
      return openRoad(config, { log: to, wall: () => TEN, ...parts }, closers);
    } catch (error) {
      close();
      throw error;
    }
  }

  return {
    ...road,
    log: () => log,
    store: (...events) => new Promise((resolve) => road.commit.add({ ...emptyOutcome(), events }, resolve)),
    take: (signal) => new Promise((resolve, reject) => road.enter(signal, resolve, reject)),
    deliver(most) {
      const taken = road.outbox.take(uplink, { from: 0, below: Number.MAX_SAFE_INTEGER }, most);
      const accepted = new Set(taken.map(({ id }) => id));
      road.outbox.settle(uplink, taken, { accepted, rejected: new Map() }, TEN);
      return taken.map(({ body }) => JSON.parse(body));
    },
    waiting: () => [...storedEvents(road.db, road.sealed).since(0)] as unknown as LedgerEvent[],
    close,
  };
}

/** `seq` from one to another, both included, as a button presses them. */
export const presses = (from: number, to: number): StoreEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => press(from + i));

export const press = (seq: number, more: Record<string, unknown> = {}): StoreEvent => ({
  name: 'button.pressed',
  class: 'B',
  time: TEN,
  causationId: causeOf(seq),
  data: { storeId: 's1', deviceId: 'b1', zoneId: 'shoes', button: 1, press: 'press', ...more },
});

export const causeOf = (seq: number): string => `b1/b1/${seq}`;
export const causes = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => causeOf(from + i));

export const personal = (subjectRef: string, visitId: string): StoreEvent => ({
  name: 'visit.started',
  class: 'B',
  time: TEN,
  subjectRef,
  visitId,
  purposes: ['recognition'],
  data: { storeId: 's1', visitId, subject: { ref: subjectRef } },
});

/** The list that says who agreed. */
export const consents = (version = 1): Signal => ({
  kind: 'consents',
  list: 'full',
  storeId: 's1',
  version,
  issuedAt: TEN,
  records: [agreed([{ kind: 'app', token: TOKEN }]) as ConsentRecord],
  at: TEN,
});

export const corruptsIn = (events: readonly LedgerEvent[]): Record<string, unknown>[] =>
  events.flatMap(({ type, data }) =>
    type === 'aisle.gateway.store.corrupt.v1' ? [data as Record<string, unknown>] : [],
  );

/** A question that costs something, for `until`: asked five times a second. */
export function seldom(ask: () => boolean): () => boolean {
  let next = 0;
  return () => {
    if (performance.now() < next) return false;
    next = performance.now() + 200;
    return ask();
  };
}
