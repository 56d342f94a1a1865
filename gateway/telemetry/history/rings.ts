import type { Db } from '../../database.ts';
import { MEASUREMENTS, type Rollup } from '../measurements.ts';
import {
  emptyHour,
  emptyMinute,
  HOUR_MS,
  type Hour,
  hourOfBlob,
  hourToBlob,
  MINUTE_MS,
  type Minute,
  mergeHours,
  mergeMinutes,
  minuteOfBlob,
  minuteToBlob,
  rollMinute,
} from './chunks.ts';
import { octetsHeld } from './file.ts';
import { MAX_FIELD_SERIES } from './numbering.ts';

const MINUTES = HOUR_MS / MINUTE_MS;
/** Beyond this share of the file's bound the oldest day of roll-ups goes. */
const FULL_SHARE = 0.9;

export type SeriesRow = { id: number; measurement: string; field: string; tags: string };

/** The two rings on the disk: windows of ten seconds for a day, roll-ups of five minutes for `days`. */
export interface Rings {
  /** The series' id; it gets one where there is room for it. */
  idOf(measurement: string, field: string, tags: string): number | undefined;
  seriesOf(measurement: string, field: string): SeriesRow[];
  minute(minute: number, series: number): Minute | undefined;
  hour(hour: number, series: number): Hour | undefined;
  /** The oldest minute that is held; nothing where none is. */
  oldestMinute(): number | undefined;
  /** Hours of which anything is held, from `from` on and before `to`, in order. */
  hours(from: number, to: number): number[];
  /** Hours that only `minutes` has yet. */
  unrolled(): Set<number>;
  /** Merges windows into what is there. */
  putMinute(minute: number, series: number, windows: Minute): void;
  /**
   * Rolls up the hours that are not `now`'s, and lets go what is too old. To be called in a transaction.
   * A clock that is not sure may be years off: by it no roll-up goes for its age, or a box that starts without
   * network would lose the month.
   * True where series were let go too: their ids are nobody's any more.
   */
  turn(now: number, isClockSure: boolean): boolean;
  /** Lets the oldest day of roll-ups go. */
  giveUpOldest(): void;
}

export function openRings(db: Db, { days, maxBytes }: { days: number; maxBytes: number }): Rings {
  const sql = statementsOf(db);
  /** The day on which series without a row were searched for last, which takes long. */
  let searched = Number.NaN;

  function roll(hour: number): void {
    const rollups = new Map(sql.allSeries.all().map((row) => [row.id, rollupOf(row)]));
    const rolled = new Map<number, Hour>();
    // One at a time: an hour of all series has 120,000.
    const rows = sql.minutesOfHour.iterate(hour * MINUTES, (hour + 1) * MINUTES);
    for (const { minute, series, samples } of rows) {
      const sums = rolled.get(series) ?? emptyHour();
      rolled.set(series, sums);
      rollMinute(sums, minute - hour * MINUTES, minuteOfBlob(samples), rollups.get(series) ?? 'last');
    }
    for (const [series, sums] of rolled) {
      const before = sql.hour.get(hour, series);
      sql.putHour.run(hour, series, hourToBlob(before ? mergeHours(hourOfBlob(before), sums) : sums));
    }
    sql.markRolled.run(hour);
  }

  /** Whole hours only, so that an hour is in `minutes` or is not. What lies far ahead was a wrong clock's. */
  function letGo(now: number, isClockSure: boolean): boolean {
    const hourNow = Math.floor(now / HOUR_MS);
    sql.dropMinutesBefore.run((hourNow - 24) * MINUTES);
    sql.dropMinutesAfter.run((hourNow + 24) * MINUTES);
    if (isClockSure) {
      sql.dropHoursBefore.run(hourNow - days * 24);
      sql.dropHoursAfter.run(hourNow + 24);
    }
    for (let day = 0; day < days && octetsHeld(db) > FULL_SHARE * maxBytes; day += 1) giveUpOldest();
    const day = Math.floor(hourNow / 24);
    if (day === searched || (sql.countSeries.get() ?? 0) < MAX_FIELD_SERIES) return false;
    searched = day;
    return sql.dropSeries.run().changes > 0;
  }

  /** The first one from `hour` on of which anything is held; an hour that nothing is held of costs nothing. */
  function nextHour(hour: number): number {
    const minute = sql.nextMinute.get(hour * MINUTES) ?? Number.POSITIVE_INFINITY;
    return Math.min(sql.nextHour.get(hour) ?? Number.POSITIVE_INFINITY, Math.floor(minute / MINUTES));
  }

  function giveUpOldest(): void {
    const oldest = sql.oldestHour.get();
    if (oldest !== undefined && oldest !== null) sql.dropHoursBefore.run(oldest + 24);
  }

  return {
    idOf(measurement, field, tags) {
      const id = sql.series.get(measurement, field, tags);
      if (id !== undefined || (sql.countSeries.get() ?? 0) >= MAX_FIELD_SERIES) return id;
      return Number(sql.addSeries.run(measurement, field, tags).lastInsertRowid);
    },
    seriesOf: (measurement, field) => sql.seriesOf.all(measurement, field),
    minute: (minute, series) => mapped(sql.minute.get(minute, series), minuteOfBlob),
    hour: (hour, series) => mapped(sql.hour.get(hour, series), hourOfBlob),
    oldestMinute: () => sql.oldestMinute.get() ?? undefined,
    hours(from, to) {
      const held: number[] = [];
      for (let hour = nextHour(from); hour < to; hour = nextHour(hour + 1)) held.push(hour);
      return held;
    },
    unrolled: () => new Set(sql.unrolled.all()),
    putMinute(minute, series, windows) {
      const before = mapped(sql.minute.get(minute, series), minuteOfBlob) ?? emptyMinute();
      sql.putMinute.run(minute, series, minuteToBlob(mergeMinutes(before, windows)));
      sql.markUnrolled.run(Math.floor(minute / MINUTES));
    },
    turn(now, isClockSure) {
      const over = sql.unrolled.all().filter((hour) => hour !== Math.floor(now / HOUR_MS));
      over.forEach(roll);
      return over.length > 0 && letGo(now, isClockSure);
    },
    giveUpOldest,
  };
}

function rollupOf({ measurement, field }: { measurement: string; field: string }): Rollup {
  const known = MEASUREMENTS.find(({ name }) => name === measurement);
  return known?.fields.find(({ name }) => name === field)?.rollup ?? 'last';
}

function mapped<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value);
}

function statementsOf(db: Db) {
  return {
    series: db
      .prepare<[string, string, string], number>(
        'SELECT id FROM series WHERE measurement = ? AND field = ? AND tags = ?',
      )
      .pluck(),
    allSeries: db.prepare<[], SeriesRow>('SELECT * FROM series'),
    seriesOf: db.prepare<[string, string], SeriesRow>(
      'SELECT * FROM series WHERE measurement = ? AND field = ?',
    ),
    countSeries: db.prepare<[], number>('SELECT count(*) FROM series').pluck(),
    addSeries: db.prepare('INSERT INTO series(measurement, field, tags) VALUES (?, ?, ?)'),
    dropSeries: db.prepare(
      'DELETE FROM series WHERE id NOT IN (SELECT series FROM minutes UNION SELECT series FROM hours)',
    ),
    minute: db
      .prepare<[number, number], Buffer>('SELECT samples FROM minutes WHERE minute = ? AND series = ?')
      .pluck(),
    minutesOfHour: db.prepare<[number, number], { minute: number; series: number; samples: Buffer }>(
      'SELECT * FROM minutes WHERE minute >= ? AND minute < ? ORDER BY minute',
    ),
    oldestMinute: db.prepare<[], number | null>('SELECT min(minute) FROM minutes').pluck(),
    nextMinute: db
      .prepare<[number], number | null>('SELECT min(minute) FROM minutes WHERE minute >= ?')
      .pluck(),
    putMinute: db.prepare('INSERT OR REPLACE INTO minutes VALUES (?, ?, ?)'),
    // Of each end by itself: for both at once SQLite would look at every row.
    dropMinutesBefore: db.prepare('DELETE FROM minutes WHERE minute < ?'),
    dropMinutesAfter: db.prepare('DELETE FROM minutes WHERE minute > ?'),
    hour: db
      .prepare<[number, number], Buffer>('SELECT rolled FROM hours WHERE hour = ? AND series = ?')
      .pluck(),
    oldestHour: db.prepare<[], number | null>('SELECT min(hour) FROM hours').pluck(),
    nextHour: db.prepare<[number], number | null>('SELECT min(hour) FROM hours WHERE hour >= ?').pluck(),
    putHour: db.prepare('INSERT OR REPLACE INTO hours VALUES (?, ?, ?)'),
    dropHoursBefore: db.prepare('DELETE FROM hours WHERE hour < ?'),
    dropHoursAfter: db.prepare('DELETE FROM hours WHERE hour > ?'),
    unrolled: db.prepare<[], number>('SELECT hour FROM unrolled ORDER BY hour').pluck(),
    markUnrolled: db.prepare('INSERT OR IGNORE INTO unrolled VALUES (?)'),
    markRolled: db.prepare('DELETE FROM unrolled WHERE hour = ?'),
  };
}
