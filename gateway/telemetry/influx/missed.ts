import type { InfluxConfig } from '../../config-influx.ts';
import { MEASUREMENTS, type Measurement } from '../measurements.ts';
import type { Point } from '../point.ts';
import { LATE_HOURS, LONG_STEP_MINUTES } from './statements.ts';

/** Of one measurement, whole steps: ms since the epoch, `to` is not in it. */
export interface Span {
  measurement: Measurement;
  from: number;
  to: number;
}

/** The sums that no continuous query makes any more, because their samples came too late. */
export interface Missed {
  /** Samples that InfluxDB has by now. */
  remember(samples: readonly Point[], now: number): void;
  /** What to sum up next, in one request; nothing where nothing was missed. */
  next(now: number): Span | undefined;
  /** What `next` gave last was summed up, or was not: then another measurement has its turn, with shorter spans. */
  settle(span: Span, isDone: boolean): void;
  /** What is left, one of each measurement. */
  left(): Span[];
}

export const STEP_MS = LONG_STEP_MINUTES * 60_000;
const HOUR = 3_600_000;
/** Older ones may be out of the continuous queries' reach before they run again: clocks differ, servers end. */
export const LATE_MS = (LATE_HOURS - 0.5) * HOUR;
/** Steps of a request, two hours: of a thousand series that takes some seconds. */
export const MOST_STEPS = 24;

/** One span a measurement, from its oldest late sample to its latest; what is too old for InfluxDB is left out. */
export function missedSums({ rawDays, keepDays }: Pick<InfluxConfig, 'rawDays' | 'keepDays'>): Missed {
  const keptMs = Math.min(rawDays, keepDays) * 24 * HOUR;
  const spans = new Map<string, Span>();
  let steps = MOST_STEPS;

  function widen(measurement: Measurement, at: number): void {
    const step = Math.floor(at / STEP_MS) * STEP_MS;
    const { from, to } = spans.get(measurement.name) ?? { from: step, to: step };
    spans.set(measurement.name, {
      measurement,
      // InfluxDB may have gone before it summed up the step that was over by then.
      from: Math.min(from, step - STEP_MS),
      to: Math.max(to, step + STEP_MS),
    });
  }

  return {
    remember(samples, now) {
      for (const { measurement: name, at } of samples) {
        const measurement = at < now - LATE_MS && at > now - keptMs ? KNOWN.get(name) : undefined;
        if (measurement) widen(measurement, at);
      }
    },
    next(now) {
      const oldest = Math.ceil((now - keptMs) / STEP_MS) * STEP_MS;
      for (const [name, { measurement, ...span }] of spans) {
        const from = Math.max(span.from, oldest);
        if (from < span.to) return { measurement, from, to: Math.min(span.to, from + steps * STEP_MS) };
        spans.delete(name);
      }
      steps = MOST_STEPS;
      return undefined;
    },
    settle({ measurement, to }, isDone) {
      const span = spans.get(measurement.name);
      if (!span) return;
      if (!isDone) {
        steps = Math.max(1, steps >> 1);
        spans.delete(measurement.name);
        spans.set(measurement.name, span);
      } else if (to < span.to) spans.set(measurement.name, { ...span, from: to });
      else spans.delete(measurement.name);
    },
    left: () => [...spans.values()],
  };
}

const KNOWN = new Map(MEASUREMENTS.map((measurement) => [measurement.name, measurement]));
