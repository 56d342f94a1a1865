import type { Db } from './database.ts';
import { LAST_SEQUENCE } from './outbox-sql.ts';

export interface OutboxCounts {
  epoch: string;
  /** Events that were given a sequence in this epoch. */
  stored: number;
  /** Of them, removed before delivery and declared. */
  declared: number;
  /** Waiting for at least one uplink. */
  waiting: number;
  /** ms since the epoch; null when nothing waits. */
  oldestAt: number | null;
  dead: number;
  /** Events that each uplink took. */
  taken: Record<string, number>;
}

/** Read by `status` too, beside a running gateway. */
export function outboxCounts(db: Db): OutboxCounts {
  const counters = new Map(
    db
      .prepare<[], { name: string; value: number }>('SELECT name, value FROM counters')
      .all()
      .map(({ name, value }) => [name, value]),
  );
  const stored = Number(db.prepare<[], { value: string }>(LAST_SEQUENCE).get()?.value ?? 0);
  const oldest = db.prepare<[], { time: number }>('SELECT time FROM events ORDER BY sequence LIMIT 1').get();
  const dead = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM dead').get();
  const taken = [...counters].filter(([name]) => name.startsWith('taken '));
  return {
    epoch: epochOf(db),
    stored,
    declared: counters.get('declared') ?? 0,
    // Counted as they go: a backlog of a million is not to be counted through for each look.
    waiting: stored - (counters.get('gone') ?? 0),
    oldestAt: oldest?.time ?? null,
    dead: dead?.n ?? 0,
    taken: Object.fromEntries(taken.map(([name, value]) => [name.slice('taken '.length), value])),
  };
}

/** The database's epoch; made with the database. */
export function epochOf(db: Db, make?: () => string): string {
  const found = db.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'epoch'").get();
  if (found) return found.value;
  const epoch = make?.() ?? '';
  if (make) db.prepare("INSERT INTO meta VALUES ('epoch', ?)").run(epoch);
  return epoch;
}

/** How many events wait for each uplink, those that are not configured any more included. */
export function owedByUplink(db: Db): Map<string, number> {
  const rows = db
    .prepare<[], { uplink: string; n: number }>('SELECT uplink, count(*) AS n FROM pending GROUP BY uplink')
    .all();
  return new Map(rows.map(({ uplink, n }) => [uplink, n]));
}
