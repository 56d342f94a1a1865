/** One question to a time series, the same for InfluxDB and the history on this box. */
export interface SeriesQuery {
  /** A name of `measurements.ts`, and a field of it. */
  measurement: string;
  field: string;
  /** Only series with these tags. */
  tags?: Readonly<Record<string, string>>;
  /** ms since the epoch; from included, to not. Both are brought to whole steps. */
  from: number;
  to: number;
  /** Seconds between two points, a multiple of ten; values within are rolled up as the field says. */
  stepS: number;
}

/** One series. Every step has a point; null where nothing was measured. Lines are sorted by their tags. */
export interface SeriesLine {
  tags: Readonly<Record<string, string>>;
  points: [atMs: number, value: number | null][];
}

/** A question asks for more than can be answered, or too many do at once; another may well be answered. */
export class TooMuch extends Error {}

export interface SeriesSource {
  name: 'influxdb' | 'history';
  /** @throws with a sentence where it cannot answer now. */
  query(query: SeriesQuery): Promise<SeriesLine[]>;
}
