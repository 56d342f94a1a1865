import type { Db } from '../database.ts';

/** No box has run before that: a clock that says so was never set, ms since the epoch. */
const SET_SINCE = Date.UTC(2024, 0, 1);

/**
 * How long events wait, whatever the wall clock says of it meanwhile (P6, P13): a clock of the outbox's own,
 * that goes on with the monotonic one while the gateway runs and with the wall clock while it does not. So a
 * box that starts in 1970 and is set right later, or a clock that jumps by a day, makes nothing old.
 */
export interface Age {
  /** ms; never goes back. */
  now(): number;
  /** Inside a transaction: the next start goes on from here. */
  keep(): void;
}

export interface AgeParts {
  /** ms since the epoch; may be wrong, and jump. */
  wall: () => number;
  /** ms since some moment; never goes back. */
  monotonic: () => number;
}

interface Kept {
  age: number;
  wall: number;
}

/** Where the last run stood; nothing before the first. */
export function keptAge(db: Db): Kept | undefined {
  const row = db.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'age'").get();
  return row && (JSON.parse(row.value) as Kept);
}

export function openAge(db: Db, { wall, monotonic }: AgeParts): Age {
  const kept = keptAge(db);
  const begun = kept ? kept.age + stoodStill(kept.wall, wall()) : wall();
  const startedAt = monotonic();
  const put = db.prepare(
    "INSERT INTO meta VALUES ('age', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  const now = () => begun + Math.floor(monotonic() - startedAt);
  return { now, keep: () => void put.run(JSON.stringify({ age: now(), wall: wall() } satisfies Kept)) };
}

/** A clock that was not set, before or after, does not tell: what it may have been counts as nothing. */
function stoodStill(from: number, to: number): number {
  return from < SET_SINCE || to < SET_SINCE ? 0 : Math.max(0, to - from);
}
