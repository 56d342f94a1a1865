import type { Point } from './point.ts';
import type { Sink, SinkState } from './sink.ts';
import { createWindows, type WindowPart } from './windows.ts';

export interface Telemetry {
  /** Takes what a signal measured. Never throws, never waits: no event is later for it. */
  record(points: readonly Point[]): void;
  /** Hands on the windows that are over. */
  tick(at: number): void;
  states(): SinkState[];
  /** Points that belonged to no series, or to one too many. */
  dropped(): number;
  /** Goes on with the windows that the end of the process before cut. */
  resume(parts: readonly WindowPart[], at: number): void;
  /** Hands on what is open, and closes the sinks; what the next process has to go on with. */
  close(at: number): Promise<WindowPart[]>;
}

/**
 * So long after its end, ms, a window is open for a point of a frame that a receiver kept back a little.
 * What comes later still has its window told once more.
 */
const GRACE_MS = 2_000;

/** Points of the road and of the gateway itself, in windows of ten seconds, to each sink. */
export function createTelemetry(sinks: readonly Sink[], isKnownTag: (value: string) => boolean): Telemetry {
  const windows = createWindows(isKnownTag);

  function hand(samples: readonly Point[]): void {
    if (samples.length === 0) return;
    for (const sink of sinks) sink.take(samples);
  }

  return {
    record(points) {
      for (const point of points) windows.add(point);
    },
    tick: (at) => hand(windows.closed(at - GRACE_MS)),
    states: () => sinks.map((sink) => sink.state()),
    dropped: windows.dropped,
    resume: windows.resume,
    async close(at) {
      hand(windows.all());
      const cut = windows.open(at - GRACE_MS);
      await Promise.all(sinks.map((sink) => sink.close()));
      return cut;
    },
  };
}
