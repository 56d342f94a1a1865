import { join } from 'node:path';
import { MEASUREMENTS } from '../../gateway/telemetry/measurements.ts';
import { hasInflux, influxCli, openInfluxShop } from '../support/influxd.ts';
import { type RecordingLine, recordingLine } from './line.ts';

/** Debian's InfluxDB, and everything that the gateway says to it. */
export interface SeriesStore {
  /** `influx` of `aisle.yaml`. */
  settings: object;
  line: RecordingLine;
  /** What it keeps. */
  folder: string;
  /** Points that it has. */
  points(): Promise<number>;
  close(): Promise<void>;
}

/** Nothing where InfluxDB is not here. `said` is what the recordings are called. */
export async function openSeriesStore(said: string): Promise<SeriesStore | undefined> {
  if (!hasInflux) return undefined;
  const shop = await openInfluxShop();
  // The simulated day lies in the past.
  await influxCli(shop.server, 'ALTER RETENTION POLICY "raw" ON "aisle" DURATION INF');
  const line = await recordingLine(Number(new URL(shop.server.url).port), said, 'near');
  const { userName, passwordFile, database } = shop.config;
  return {
    settings: { url: `http://127.0.0.1:${line.port}`, userName, passwordFile, database },
    line,
    folder: join(shop.folder, 'disk'),
    async points() {
      const counted = await influxCli(shop.server, 'SELECT count(*) FROM /.*/');
      return counted
        .filter((row) => !row.startsWith('name,'))
        .flatMap((row) => row.split(',').slice(2).map(Number))
        .reduce((sum, count) => sum + count, 0);
    },
    async close() {
      await line.close();
      await shop.close();
    },
  };
}

/** A question of the page for each field that there is, a day at a time. */
export function seriesQuestions(from: number): string[] {
  return MEASUREMENTS.flatMap(({ name: measurement, fields }) =>
    fields.map(({ name: field }) => {
      const asked = { measurement, field, from: `${from}`, to: `${from + 86_400_000}`, step: '60' };
      return `/api/series?${new URLSearchParams(asked)}`;
    }),
  );
}
