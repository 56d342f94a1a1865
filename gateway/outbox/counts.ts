import type { Db } from '../database.ts';
import { keptAge } from './age.ts';
import { currentEpoch, lastPosition } from './epochs.ts';
import { type Level, levelOf, octetsHeld, type RoomState } from './room.ts';
import { owedTo } from './writer.ts';

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
  /** Events that wait for each uplink, those that are not configured any more included. */
  owed: Record<string, number>;
  /** Octets of the database that hold something. */
  bytes: number;
  /** The quota in octets; null where it is not known here. */
  limit: number | null;
  /** How full it is (`room.ts`); null where the quota is not known here. */
  level: Level | null;
}

/** Read by `status` too, beside a running gateway: of a million that wait none is looked at. */
export function outboxCounts(db: Db, room?: Pick<RoomState, 'limit'> & Partial<RoomState>): OutboxCounts {
  const counters = readCounters(db);
  const last = lastPosition(db);
  const current = currentEpoch(db);
  const bytes = octetsHeld(db).held();
  return {
    epoch: current?.epoch ?? '',
    stored: last - (current?.first ?? 1) + 1,
    declared: counters.get('declared') ?? 0,
    waiting: last - (counters.get('gone') ?? 0),
    oldestAt: oldestAt(db),
    dead: counters.get('dead') ?? countDead(db),
    taken: byUplink(counters, 'taken '),
    owed: byUplink(counters, owedTo('')),
    bytes,
    limit: room?.limit ?? null,
    level: room ? (room.level ?? levelOf(bytes / room.limit)) : null,
  };
}

function readCounters(db: Db): Map<string, number> {
  const rows = db.prepare<[], { name: string; value: number }>('SELECT name, value FROM counters').all();
  return new Map(rows.map(({ name, value }) => [name, value]));
}

/** Without those at nothing: what was settled long ago for an uplink that is no more. */
function byUplink(counters: ReadonlyMap<string, number>, prefix: string): Record<string, number> {
  const counts = [...counters].filter(([name, value]) => name.startsWith(prefix) && value !== 0);
  return Object.fromEntries(counts.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Events are stored by the outbox's own clock, which the wall clock is not. */
function oldestAt(db: Db): number | null {
  const oldest = db.prepare<[], { time: number }>('SELECT time FROM events ORDER BY position LIMIT 1').get();
  if (!oldest) return null;
  const kept = keptAge(db);
  return kept ? kept.wall - (kept.age - oldest.time) : oldest.time;
}

function countDead(db: Db): number {
  return db.prepare<[], number>('SELECT count(*) FROM dead').pluck().get() ?? 0;
}

/** How many events wait for each uplink, those that are not configured any more included; counted through. */
export function owedByUplink(db: Db): Map<string, number> {
  const rows = db
    .prepare<[], { uplink: string; n: number }>('SELECT uplink, count(*) AS n FROM pending GROUP BY uplink')
    .all();
  return new Map(rows.map(({ uplink, n }) => [uplink, n]));
}

/**
 * Counts through what lies in the tables, once in each epoch: a database of an earlier version has not all of
 * the counts, and those of a salvaged or restored one are not its own.
 */
export function ensureCounts(db: Db): void {
  const epoch = currentEpoch(db)?.epoch;
  const counted = db.prepare<[], string>("SELECT value FROM meta WHERE key = 'counted'").pluck().get();
  if (epoch === undefined || counted === epoch) return;
  const put = db.prepare('INSERT OR REPLACE INTO counters VALUES (?, ?)');
  db.transaction(() => {
    const waiting = db.prepare<[], number>('SELECT count(*) FROM events').pluck().get() ?? 0;
    put.run('dead', countDead(db));
    put.run('gone', lastPosition(db) - waiting);
    db.prepare('DELETE FROM counters WHERE name LIKE ?').run(`${owedTo('')}%`);
    for (const [uplink, n] of owedByUplink(db)) put.run(owedTo(uplink), n);
    db.prepare("INSERT OR REPLACE INTO meta VALUES ('counted', ?)").run(epoch);
  })();
}
