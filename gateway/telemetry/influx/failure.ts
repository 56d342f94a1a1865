/** Characters of what a server said that are kept. */
const MAX_SAID = 300;

/** Why InfluxDB did not do what it was asked. The message is a sentence for people, of bounded length. */
export class InfluxFailure extends Error {
  /** Of HTTP, where it was InfluxDB that answered. */
  readonly status: number | undefined;
  /** Its own words, or the network's. */
  readonly said: string;
  constructor(said: string, status?: number) {
    super(sentence(said.slice(0, MAX_SAID), status));
    this.status = status;
    this.said = said;
  }
}

/** What becomes of points that were not taken. */
export type Verdict =
  /** Later they may be: nothing is wrong with them. */
  | { kind: 'wait' }
  /** So many of them never will; the others were written. */
  | { kind: 'refused'; points: number }
  /** Some of them never will, or they are too many at a time. */
  | { kind: 'halve' };

/** Of `points` points that were sent together. */
export function verdictOn({ status, said }: InfluxFailure, points: number): Verdict {
  // Said with 400 and `dropped=` too, though nothing is wrong with the points.
  if (NO_ROOM.test(said) || (status !== 400 && status !== 413)) return { kind: 'wait' };
  const dropped = Number(/\bdropped=(\d+)/.exec(said)?.[1] ?? 0);
  if (status === 400 && dropped > 0) return { kind: 'refused', points: Math.min(dropped, points) };
  return points > 1 ? { kind: 'halve' } : { kind: 'refused', points: 1 };
}

const NO_ROOM = /no space left on device/;

function sentence(said: string, status: number | undefined): string {
  if (NO_ROOM.test(said)) return 'InfluxDB has no room on its disk: make some, then start influxd again';
  if (/(database|retention policy) not found/.test(said)) {
    return `InfluxDB says "${said}": run  aisle influx setup`;
  }
  if (status === 401) return 'InfluxDB refuses influx.userName with the password of influx.passwordFile';
  if (status === undefined) return `InfluxDB cannot be reached: ${said}`;
  return `InfluxDB says "${said}" (HTTP ${status})`;
}
