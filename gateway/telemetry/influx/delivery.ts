import type { IPoint } from 'influx';
import type { Point } from '../point.ts';
import { type Connection, connect } from './connection.ts';
import { InfluxFailure, verdictOn } from './failure.ts';
import { librarySchema, type OwnTags, toInfluxPoint } from './line.ts';
import { type InfluxServer, RAW } from './server.ts';

/** What became of a batch. */
export interface Delivered {
  written: number;
  /** Those that InfluxDB will never take, or that are no samples of `measurements.ts`. */
  dropped: number;
  /** Why InfluxDB refused some for good. */
  refusal?: string;
  /** Those that have to wait, oldest first, and why. */
  left: readonly Point[];
  trouble?: string;
}

export interface Delivery {
  /** Never throws. A batch is settled in as many requests as that takes, one after another. */
  deliver(batch: readonly Point[]): Promise<Delivered>;
  close(): void;
}

/** Samples to InfluxDB's raw policy; a point that is written twice is there once. */
export function openDelivery(server: InfluxServer, own: OwnTags, deadlineMs: number): Delivery {
  const schema = librarySchema();
  let connection: Connection | undefined;

  /** After a failure the next has a connection of its own, with the password that is in the file by then. */
  function close(): void {
    connection?.close();
    connection = undefined;
  }

  async function write(points: IPoint[]) {
    connection ??= connect(server, { deadlineMs, schema });
    try {
      const target = { precision: 'ms', retentionPolicy: RAW } as const;
      await connection.request((influx) => influx.writePoints(points, target), 204);
      return undefined;
    } catch (error) {
      if (!(error instanceof InfluxFailure)) throw error;
      const verdict = verdictOn(error, points.length);
      if (verdict.kind === 'wait') throw error;
      return { ...verdict, why: error.message };
    }
  }

  return {
    async deliver(batch) {
      const all: Delivered = { written: 0, dropped: 0, left: [] };
      const parts = [batch];
      for (let part = parts.shift(); part; part = parts.shift()) {
        const points = part
          .map((sample) => toInfluxPoint(sample, own))
          .filter((point) => point !== undefined);
        try {
          const refused = points.length === 0 ? undefined : await write(points);
          if (refused?.kind === 'halve') {
            parts.unshift(...halves(part));
            continue;
          }
          const gone = refused?.points ?? 0;
          all.written += points.length - gone;
          all.dropped += part.length - points.length + gone;
          if (refused)
            all.refusal = `${gone} of ${points.length} points were refused for good: ${refused.why}`;
        } catch (error) {
          close();
          return { ...all, left: [part, ...parts].flat(), trouble: (error as Error).message };
        }
      }
      return all;
    },
    close,
  };
}

function halves<T>(all: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(all.length / 2);
  return [all.slice(0, middle), all.slice(middle)];
}
