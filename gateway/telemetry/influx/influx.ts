import type { InfluxConfig } from '../../config-influx.ts';
import type { SeriesSource } from '../series.ts';
import type { Sink } from '../sink.ts';
import type { OwnTags } from './line.ts';
import { influxSink, type SinkOptions } from './sink.ts';
import { influxSource, type SourceOptions } from './source.ts';

export type InfluxOptions = OwnTags & Omit<SinkOptions, 'deadlineMs'> & Partial<SourceOptions>;

/**
 * The time series in InfluxDB 1.x: where windows go, and where the page asks. Opening never fails and asks
 * nothing: a server that is not there, or a file that cannot be read, is in the sink's state.
 */
export function openInflux(config: InfluxConfig, options: InfluxOptions): Sink & SeriesSource {
  const { store, gateway, now = Date.now } = options;
  const own = { store, gateway };
  return { ...influxSink(config, own, options), ...influxSource(config, own, { ...options, now }) };
}
