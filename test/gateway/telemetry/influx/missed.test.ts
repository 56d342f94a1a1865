import { describe, expect, it } from 'vitest';
import {
  LATE_MS,
  type Missed,
  MOST_STEPS,
  missedSums,
  STEP_MS,
} from '../../../../gateway/telemetry/influx/missed.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 22, 12, 3);
const KEPT = { rawDays: 14, keepDays: 400 };
const REQUEST_MS = MOST_STEPS * STEP_MS;

const sample = (at: number, measurement = 'climate'): Point => ({ measurement, tags: {}, fields: {}, at });

function missed(...samples: Point[]): Missed {
  const sums = missedSums(KEPT);
  sums.remember(samples, NOW);
  return sums;
}

/** All that it gives, where all goes well. */
function spansOf(sums: Missed, now = NOW) {
  const spans = [];
  for (let span = sums.next(now); span; span = sums.next(now)) {
    spans.push({ name: span.measurement.name, from: span.from, to: span.to });
    sums.settle(span, true);
  }
  return spans;
}

describe('sums that the continuous queries missed', () => {
  it('are none where all samples came in time', () => {
    expect(spansOf(missed())).toEqual([]);
    expect(spansOf(missed(sample(NOW), sample(NOW - LATE_MS), sample(NOW + DAY)))).toEqual([]);
  });

  it('are whole steps around late samples, and one before: it was not over when InfluxDB went', () => {
    const at = Date.UTC(2026, 10, 22, 7, 7, 10);
    expect(spansOf(missed(sample(at)))).toEqual([
      { name: 'climate', from: Date.UTC(2026, 10, 22, 7), to: Date.UTC(2026, 10, 22, 7, 10) },
    ]);
    const onTheStep = Date.UTC(2026, 10, 22, 7, 5);
    expect(spansOf(missed(sample(onTheStep)))).toEqual(spansOf(missed(sample(at))));
  });

  it('are those too that came in time where InfluxDB was gone again before it summed them up', () => {
    const step = (at: number) => Math.floor(at / STEP_MS) * STEP_MS;
    const sums = missedSums(KEPT);
    sums.remember([sample(NOW - 20 * MINUTE, 'device')], NOW - 20 * MINUTE);
    for (let at = NOW - 20 * MINUTE; at < NOW; at += MINUTE) sums.remember([sample(at, 'gateway')], at);
    // It is back for a moment after an hour away, goes, and comes back for good.
    sums.remember([sample(NOW - HOUR, 'shelf'), sample(NOW, 'shelf')], NOW);
    const later = NOW + 3 * HOUR;
    sums.remember([sample(later, 'gateway')], later);
    expect(spansOf(sums, later)).toEqual([
      { name: 'gateway', from: step(NOW - 11 * MINUTE) - STEP_MS, to: step(NOW - MINUTE) + STEP_MS },
      { name: 'shelf', from: step(NOW - HOUR) - STEP_MS, to: step(NOW) + STEP_MS },
    ]);
    // It stays, but for half an hour: the queries reach all that was before.
    for (let at = later; at < later + HOUR; at += MINUTE) sums.remember([sample(at, 'gateway')], at);
    const last = later + 1.5 * HOUR;
    sums.remember([sample(last, 'gateway')], last);
    expect(sums.left()).toEqual([]);
  });

  it('are asked for by two hours, the oldest first, one measurement after another', () => {
    const from = NOW - (NOW % STEP_MS) - 10 * HOUR;
    const spans = spansOf(
      missed(sample(NOW - 3 * HOUR, 'shelf'), sample(from + STEP_MS), sample(from + 5 * HOUR - 1)),
    );
    expect(spans.map(({ name }) => name)).toEqual(['shelf', 'climate', 'climate', 'climate']);
    expect(spans.slice(1).map((span) => span.from)).toEqual([from, from + REQUEST_MS, from + 2 * REQUEST_MS]);
    expect(spans.at(-1)?.to).toBe(from + 5 * HOUR);
  });

  it('give way to another measurement where they cannot be made, and are asked for by less and less', () => {
    const sums = missed(sample(NOW - 12 * HOUR), sample(NOW - 3 * HOUR), sample(NOW - 4 * HOUR, 'shelf'));
    const asked = Array.from({ length: 12 }, () => {
      const span = sums.next(NOW);
      if (span) sums.settle(span, false);
      return { name: span?.measurement.name, steps: ((span?.to ?? 0) - (span?.from ?? 0)) / STEP_MS };
    });
    expect(asked.filter(({ name }) => name === 'climate').map(({ steps }) => steps)).toEqual([
      24, 6, 1, 1, 1, 1,
    ]);
    expect(asked.filter(({ name }) => name === 'shelf')).toHaveLength(6);
    expect(spansOf(sums).filter(({ name }) => name === 'climate')).toHaveLength(9 * 12 + 2);
    sums.remember([sample(NOW - 12 * HOUR), sample(NOW - 3 * HOUR)], NOW);
    expect(spansOf(sums)).toHaveLength(5);
  });

  it('are given up where InfluxDB keeps their samples no more, or would not keep the sums', () => {
    const sums = missed(sample(NOW - 3 * DAY), sample(NOW - 15 * DAY), sample(Number.NaN), sample(-1e300));
    expect(sums.left()).toHaveLength(1);
    const step = NOW - (NOW % STEP_MS) - 3 * DAY;
    expect(sums.next(step + 14 * DAY)).toMatchObject({ from: step, to: step + STEP_MS });
    expect(spansOf(sums, step + 14 * DAY + 1)).toEqual([]);
    expect(sums.left()).toEqual([]);

    const short = missedSums({ rawDays: 14, keepDays: 1 });
    short.remember([sample(NOW - 2 * DAY), sample(NOW - 3 * HOUR)], NOW);
    expect(spansOf(short)).toHaveLength(1);
  });

  it('are of measurements of the table alone', () => {
    expect(spansOf(missed(sample(NOW - DAY, 'people')))).toEqual([]);
  });
});
