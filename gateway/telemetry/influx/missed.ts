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
/** So long after it was written a sample is in the sums, where InfluxDB was there all the time. */
const SUMMED_MS = 2 * STEP_MS;
/** Steps of a request, two hours: of a thousand series that takes some seconds. */
export const MOST_STEPS = 24;

/**
 * One span a measurement, from its oldest late sample to its latest; what is too old for InfluxDB is left out.
 * What came in time is late too where InfluxDB was gone again before it can have summed it up.
 */
export function missedSums({ rawDays, keepDays }: Pick<InfluxConfig, 'rawDays' | 'keepDays'>): Missed {
  const keptMs = Math.min(rawDays, keepDays) * 24 * HOUR;
  const spans = new Map<string, Span>();
  /** Of each measurement the steps that were written in time a moment ago, and when. */
  const fresh = new Map<Measurement, Map<number, number>>();
  let heardAt = Number.NEGATIVE_INFINITY;
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

  function keepFresh(measurement: Measurement, at: number, now: number): void {
    const writtenAt = fresh.get(measurement) ?? new Map<number, number>();
    fresh.set(measurement, writtenAt.set(Math.floor(at / STEP_MS) * STEP_MS, now));
  }

  /** The queries run once a step: after a silence of one, what was fresh before it may have missed them. */
  function judgeFresh(now: number): void {
    const wasAway = now - heardAt > STEP_MS;
    for (const [measurement, writtenAt] of fresh)
      for (const [step, at] of writtenAt) {
        if (at < Math.min(now, heardAt) - SUMMED_MS) writtenAt.delete(step);
        else if (wasAway && step < now - LATE_MS) {
          writtenAt.delete(step);
          widen(measurement, step);
        } else if (wasAway) writtenAt.set(step, now);
      }
    heardAt = now;
  }

  return {
    remember(samples, now) {
      judgeFresh(now);
      for (const { measurement: name, at } of samples) {
        const measurement = at > now - keptMs ? KNOWN.get(name) : undefined;
        if (!measurement) continue;
        if (at < now - LATE_MS) widen(measurement, at);
        else keepFresh(measurement, at, now);
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
