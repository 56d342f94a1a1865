/**
 * A reading as a time series takes it. Of devices, zones and the gateway alone: no tag or field says anything
 * of a person (the list of measurements is `measurements.ts`, and nothing else is taken).
 */
export interface Point {
  /** A name of `measurements.ts`. */
  measurement: string;
  /** Ids of the shop's own configuration. */
  tags: Readonly<Record<string, string>>;
  /** Numbers in the units that the names end in. */
  fields: Readonly<Record<string, number>>;
  /** ms since the epoch. */
  at: number;
}
