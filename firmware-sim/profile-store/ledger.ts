import type { Database } from 'better-sqlite3';

/** First and last of a run of sequence numbers, both included. */
export type Range = [from: number, to: number];

export interface SequenceReport {
  source: string;
  epoch: string;
  min: number;
  max: number;
  count: number;
  /** Between `min` and `max`: neither received nor declared as removed by a `gateway.gap`. */
  missing: Range[];
}

export interface Stats {
  /** Distinct events in the store. */
  received: number;
  /** Deliveries of an event that was here already; they had no effect. */
  duplicates: number;
  rejected: number;
  /** Events with a subject. */
  personalEvents: number;
  byType: Record<string, number>;
  /** Events of `gateway.gap`, and how many removed events they declare. */
  gaps: { count: number; declared: number };
  presses: number;
  /** Events beyond the first that tell of one device message twice, under ids of their own. */
  doubledEffects: number;
  sequences: SequenceReport[];
}

const SEQUENCES = `
  SELECT source, epoch, min(sequence) AS min, max(sequence) AS max, count(*) AS count
  FROM events WHERE sequence IS NOT NULL GROUP BY source, epoch ORDER BY source, epoch`;

const HOLES = `
  SELECT source, epoch, previous + 1 AS first, sequence - 1 AS last FROM (
    SELECT source, epoch, sequence,
           lag(sequence) OVER (PARTITION BY source, epoch ORDER BY sequence) AS previous
    FROM events WHERE sequence IS NOT NULL)
  WHERE sequence > previous + 1`;

// Two different ids can still be one press told twice, which (source, id) cannot see. A device's own
// message makes at most one of these; a receiver's message may hold several, so it is left out.
const DOUBLED = `
  SELECT coalesce(sum(n - 1), 0) AS n FROM (
    SELECT count(*) AS n FROM (
      SELECT source, type, json_extract(event, '$.causationid') AS cause,
             json_extract(event, '$.data.deviceId') AS device
      FROM events WHERE type IN ('aisle.button.pressed.v1', 'aisle.thermostat.changed.v1'))
    WHERE substr(cause, 1, length(device) + 1) = device || '/'
    GROUP BY source, type, cause)`;

interface Hole {
  source: string;
  epoch: string;
  first: number;
  last: number;
}

interface Gap {
  source: string;
  epoch: string;
  from: number;
  to: number;
  count: number;
  ranges?: Range[];
}

/** Counts what the store holds and looks for what it should hold; scans every event, so not for a hot road. */
export function stats(db: Database): Stats {
  const byType = Object.fromEntries(
    db
      .prepare<[], { type: string; n: number }>('SELECT type, count(*) AS n FROM events GROUP BY type')
      .all()
      .map(({ type, n }) => [type, n]),
  );
  const counters = Object.fromEntries(
    db
      .prepare<[], { name: string; n: number }>('SELECT name, n FROM counters')
      .all()
      .map(({ name, n }) => [name, n]),
  );
  const gaps = declaredGaps(db);
  return {
    received: Object.values(byType).reduce((sum, n) => sum + n, 0),
    duplicates: counters.duplicates ?? 0,
    rejected: counters.rejected ?? 0,
    personalEvents: countOf(db, 'SELECT count(*) AS n FROM events WHERE subject_ref IS NOT NULL'),
    byType,
    gaps: { count: gaps.length, declared: gaps.reduce((sum, gap) => sum + gap.count, 0) },
    presses: byType['aisle.button.pressed.v1'] ?? 0,
    doubledEffects: countOf(db, DOUBLED),
    sequences: sequences(db, gaps),
  };
}

function countOf(db: Database, sql: string): number {
  return db.prepare<[], { n: number }>(sql).get()?.n ?? 0;
}

function declaredGaps(db: Database): Gap[] {
  return db
    .prepare<[], { source: string; data: string }>(
      `SELECT source, json_extract(event, '$.data') AS data FROM events WHERE type = 'aisle.gateway.gap.v1'`,
    )
    .all()
    .map(({ source, data }) => readGap(source, JSON.parse(data) as Record<string, unknown>));
}

/** `from` and `to` may come as numbers or as the padded text of `sequence`. */
function readGap(source: string, data: Record<string, unknown>): Gap {
  const ranges = Array.isArray(data.ranges) ? data.ranges.filter(Array.isArray) : undefined;
  return {
    source,
    epoch: String(data.epoch),
    from: Number(data.from),
    to: Number(data.to),
    count: Number(data.count) || 0,
    ...(ranges && { ranges: ranges.map(([from, to]): Range => [Number(from), Number(to)]) }),
  };
}

function sequences(db: Database, gaps: readonly Gap[]): SequenceReport[] {
  const holes = db.prepare<[], Hole>(HOLES).all();
  return db
    .prepare<[], Omit<SequenceReport, 'missing'>>(SEQUENCES)
    .all()
    .map((report) => {
      const isOurs = (of: { source: string; epoch: string }) =>
        of.source === report.source && of.epoch === report.epoch;
      const declared = gaps.filter(isOurs).flatMap(({ from, to, ranges }) => ranges ?? [[from, to] as Range]);
      const absent = holes.filter(isOurs).map(({ first, last }): Range => [first, last]);
      return { ...report, missing: without(absent, declared) };
    });
}

/** What is left of `ranges` when every number in `removed` is taken out. */
export function without(ranges: readonly Range[], removed: readonly Range[]): Range[] {
  let left = [...ranges];
  for (const [from, to] of removed) {
    left = left.flatMap(([first, last]): Range[] => {
      if (to < first || from > last) return [[first, last]];
      const parts: Range[] = [
        [first, from - 1],
        [to + 1, last],
      ];
      return parts.filter(([start, end]) => start <= end);
    });
  }
  return left;
}
