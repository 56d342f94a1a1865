import type { Db } from '../database.ts';

/**
 * How full the outbox is, and what follows (P4, P5): from `warned` on it is told, from `shedding` on the
 * oldest telemetry (C) goes, from `reserved` on messages of class B are refused, at `full` every message.
 */
export const LEVELS = ['roomy', 'warned', 'shedding', 'reserved', 'full'] as const;
export type Level = (typeof LEVELS)[number];

/** Shares of the quota at which a level begins. */
const MARKS: readonly (readonly [level: Level, share: number])[] = [
  ['full', 0.99],
  ['reserved', 0.95],
  ['shedding', 0.85],
  ['warned', 0.7],
];
/** A level that was reached is left this much below its mark, so that it is not left and reached all the time. */
const SLACK = 0.01;

export interface RoomState {
  /** Octets that hold something. */
  bytes: number;
  /** The quota in octets. */
  limit: number;
  level: Level;
}

export interface Room {
  /** Looks at the file again: two words of its first page. */
  measure(): void;
  /** As measured last; at least `reserved` while the disk itself is full. */
  state(): RoomState;
  /** Whether a level, or one above it, is reached. */
  is(level: Level): boolean;
}

export interface RoomParts {
  /** Octets. What a file holds beyond it stays: only nothing is added (P10). */
  limit: number;
  /** The disk itself is full, whatever the quota. */
  isDiskFull?: () => boolean;
  /** Another level is reached. */
  changed?: (state: RoomState) => void;
}

/**
 * The room of a database. The file cannot grow beyond the quota (`max_page_count`); the last hundredth of
 * it no message may take, so that settlements and erasures have it.
 */
export function openRoom(db: Db, { limit, isDiskFull = () => false, changed = () => {} }: RoomParts): Room {
  const pages = octetsHeld(db);
  // SQLite itself goes no lower than what the file has (https://sqlite.org/pragma.html#pragma_max_page_count).
  db.pragma(`max_page_count = ${Math.max(1, Math.floor(limit / pages.size))}`);
  let bytes = 0;
  let byQuota: Level = 'roomy';
  let told: Level = 'roomy';

  const level = (): Level => (isDiskFull() && !isAtLeast(byQuota, 'reserved') ? 'reserved' : byQuota);
  const state = (): RoomState => ({ bytes, limit, level: level() });

  function measure(): void {
    bytes = pages.held();
    byQuota = levelOf(bytes / limit, byQuota);
    if (level() === told) return;
    told = level();
    changed(state());
  }

  measure();
  return { measure, state, is: (wanted) => isAtLeast(level(), wanted) };
}

/** The octets of a database that hold something: what its file could do without is free. */
export function octetsHeld(db: Db): { held: () => number; size: number } {
  const size = db.pragma('page_size', { simple: true }) as number;
  const count = db.prepare<[], number>('PRAGMA page_count').pluck();
  const free = db.prepare<[], number>('PRAGMA freelist_count').pluck();
  return { held: () => ((count.get() ?? 0) - (free.get() ?? 0)) * size, size };
}

/** The level of a share of the quota, coming from another level. */
export function levelOf(share: number, before: Level = 'roomy'): Level {
  const reached = MARKS.find(([level, mark]) => share >= (isAtLeast(before, level) ? mark - SLACK : mark));
  return reached?.[0] ?? 'roomy';
}

function isAtLeast(level: Level, wanted: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}
