import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Shop } from '../../firmware-sim/central/addresses.ts';
import type { DatabaseAddress } from '../../firmware-sim/central/postgresql.ts';
import { committedEvents } from '../../firmware-sim/central/read.ts';
import type { CloudEvent } from '../../firmware-sim/profile-store/cloud-event.ts';

/** What PostgreSQL says: the books by which a test judges. */
export interface Books {
  client: pg.Client;
  /** Of one gateway, in the order of the commits. */
  eventsOf(shop: Shop): Promise<CloudEvent[]>;
  holesOf(shop: Shop): Promise<{ first: number; last: number }[]>;
  count(): Promise<number>;
  deadLetters(): Promise<{ address: string; reason: string }[]>;
  workers(): Promise<Record<'deliveries' | 'redelivered' | 'duplicates' | 'dead', number>>;
  /** The longest time without a commit since then, ms. */
  stallMs(from: number): Promise<number>;
  /** Waits until it is so; throws with what was waited for. */
  until(condition: () => Promise<boolean>, what: string, ms?: number): Promise<void>;
  /** Waits until so many events more than now are committed. */
  more(count: number): Promise<void>;
  /** What was on its way comes to rest, and nothing more comes. */
  nothingComes(): Promise<void>;
  close(): Promise<void>;
}

/** Under load: the nodes of a cluster are slow to come back on two busy cores. */
const MORE_MS = 240_000;
const REST_MS = 1_000;

export async function openBooks(database: DatabaseAddress): Promise<Books> {
  const client = new pg.Client(database);
  await client.connect();
  const rows = async (sql: string, values: unknown[] = []) => (await client.query(sql, values)).rows;
  const sum = (name: string) => `coalesce(sum(${name}), 0)::int AS ${name}`;
  const count = async (): Promise<number> => (await rows('SELECT count(*)::int AS n FROM events'))[0].n;

  async function until(condition: () => Promise<boolean>, what: string, ms = 60_000): Promise<void> {
    const deadline = performance.now() + ms;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`);
      await pause(50);
    }
  }

  return {
    client,
    eventsOf: async (shop) => {
      const events = (await committedEvents(client)).map(({ event }) => event);
      return events.filter(({ source }) => source === sourceOf(shop));
    },
    holesOf: (shop) => rows('SELECT first::int, last::int FROM holes WHERE source = $1', [sourceOf(shop)]),
    count,
    deadLetters: () => rows('SELECT address, reason FROM dead_letters ORDER BY at'),
    workers: async () =>
      (await rows(`SELECT ${['deliveries', 'redelivered', 'duplicates', 'dead'].map(sum)} FROM workers`))[0],
    async stallMs(from) {
      const times = (await committedEvents(client)).map(({ receivedAt }) => receivedAt);
      const since = [from, ...times.filter((at) => at >= from), Date.now()];
      return since.reduce((longest, at, i) => Math.max(longest, at - (since[i - 1] ?? at)), 0);
    },
    until,
    async more(wanted) {
      const enough = (await count()) + wanted;
      await until(async () => (await count()) >= enough, `${wanted} events more`, MORE_MS);
    },
    async nothingComes() {
      let last = -1;
      const rests = async () => {
        const before = last;
        await pause(REST_MS);
        last = await count();
        return last === before;
      };
      await until(rests, 'rest');
    },
    close: () => client.end(),
  };
}

function sourceOf({ store, gateway }: Shop): string {
  return `urn:aisle:store:${store}:gateway:${gateway}`;
}
