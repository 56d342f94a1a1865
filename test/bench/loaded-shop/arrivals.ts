import { join } from 'node:path';
import Database from 'better-sqlite3';
import { COMMITTED_AT } from '../../../firmware-sim/profile-store/store.ts';
import type { LivePress } from './live.ts';

export interface Arrivals {
  received: number;
  redelivered: number;
  /** From each press's publish to its commit at the profile store, ms; infinite where it is not there. */
  liveMs: number[];
}

/** What the stand-in profile store has, and when what was pressed meanwhile came. */
export function arrivals(folder: string, live: readonly LivePress[]): Arrivals {
  const db = new Database(join(folder, 'profiles/profile-store.db'), { readonly: true });
  const one = (sql: string) => db.prepare<[], number>(sql).pluck().get() ?? 0;
  const first = Math.min(...live.map(({ publishedAt }) => publishedAt));
  const rows = db
    .prepare<[number], { cause: string; at: number }>(
      `SELECT json_extract(event, '$.causationid') AS cause, coalesce(${COMMITTED_AT}, received_at) AS at
       FROM events WHERE received_at >= ?`,
    )
    .iterate(first);
  const causes = new Map(live.map(({ cause }) => [cause, Number.POSITIVE_INFINITY]));
  for (const { cause, at } of rows) if (causes.has(cause)) causes.set(cause, at);
  const liveMs = live.map(({ cause, publishedAt }) => (causes.get(cause) ?? Infinity) - publishedAt);
  const received = one('SELECT count(*) FROM events');
  const redelivered = one("SELECT n FROM counters WHERE name = 'duplicates'");
  db.close();
  return { received, redelivered, liveMs };
}
