import type { Point } from './point.ts';

/**
 * Where closed windows of the time series go. A sample is a point whose `at` is the start of its window
 * (`windows.ts`) and whose fields are rolled up as `measurements.ts` says.
 */
export interface Sink {
  /** Never throws, never waits; what finds no room is dropped and counted. */
  take(samples: readonly Point[]): void;
  state(): SinkState;
  /** Writes what it can within a short time, then gives up. */
  close(): Promise<void>;
}

export interface SinkState {
  name: 'influxdb' | 'history';
  ok: boolean;
  /** Why it is not, in a sentence. */
  reason?: string;
  /** Samples that wait to be written, that were, and that found no room or were refused. */
  waiting: number;
  written: number;
  dropped: number;
}
