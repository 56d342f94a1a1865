import type { Db } from '../database.ts';
import { LAST_POSITION } from './sql.ts';

export interface OutboxCounts {
  epoch: string;
  /** Events that were given a sequence in this epoch. */
  stored: number;
  /** Removed before delivery and declared, of earlier epochs too. */
  declared: number;
  /** Waiting for at least one uplink, of earlier epochs too. */
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
  const last = Number(db.prepare<[], { value: string }>(LAST_POSITION).get()?.value ?? 0);
  const current = db
    .prepare<[], { first: number; epoch: string }>(
      'SELECT first, epoch FROM epochs ORDER BY first DESC LIMIT 1',
    )
    .get();
  const oldest = db.prepare<[], { time: number }>('SELECT time FROM events ORDER BY position LIMIT 1').get();
  const dead = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM dead').get();
  const taken = [...counters].filter(([name]) => name.startsWith('taken '));
  return {
    epoch: current?.epoch ?? '',
    stored: last - (current?.first ?? 1) + 1,
    declared: counters.get('declared') ?? 0,
    // Counted as they go: a backlog of a million is not to be counted through for each look.
    waiting: last - (counters.get('gone') ?? 0),
    oldestAt: oldest?.time ?? null,
    dead: dead?.n ?? 0,
    taken: Object.fromEntries(taken.map(([name, value]) => [name.slice('taken '.length), value])),
  };
}

/** How many events wait for each uplink, those that are not configured any more included. */
export function owedByUplink(db: Db): Map<string, number> {
  const rows = db
    .prepare<[], { uplink: string; n: number }>('SELECT uplink, count(*) AS n FROM pending GROUP BY uplink')
    .all();
  return new Map(rows.map(({ uplink, n }) => [uplink, n]));
}
