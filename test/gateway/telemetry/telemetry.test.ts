import { describe, expect, it } from 'vitest';
import type { OutboxCounts } from '../../../gateway/outbox/counts.ts';
import { MEASUREMENTS } from '../../../gateway/telemetry/measurements.ts';
import { openOwnFigures } from '../../../gateway/telemetry/own-figures.ts';
import type { Point } from '../../../gateway/telemetry/point.ts';
import type { Sink } from '../../../gateway/telemetry/sink.ts';
import { createTelemetry } from '../../../gateway/telemetry/telemetry.ts';

const TEN = Date.UTC(2026, 2, 2, 10);

function sink(): Sink & { took: Point[]; closed: boolean } {
  const took: Point[] = [];
  return {
    took,
    closed: false,
    take: (samples) => void took.push(...samples),
    state: () => ({ name: 'history', ok: true, waiting: 0, written: took.length, dropped: 0 }),
    async close() {
      this.closed = true;
    },
  };
}

const online = (at: number): Point => ({
  measurement: 'device',
  tags: { device: 'd' },
  fields: { online: 1 },
  at,
});

describe('telemetry', () => {
  it('hands each window to every sink, once it is over', async () => {
    const sinks = [sink(), sink()];
    const telemetry = createTelemetry(sinks);
    telemetry.record([online(TEN + 3_000)]);
    telemetry.tick(TEN + 10_000);
    expect(sinks.map(({ took }) => took)).toEqual([[], []]);
    // A frame that a receiver kept back a little is in time still.
    telemetry.tick(TEN + 12_000);
    expect(sinks.map(({ took }) => took)).toEqual([[online(TEN)], [online(TEN)]]);
    expect(telemetry.states().map(({ written }) => written)).toEqual([1, 1]);
  });

  it('hands on what is open when it closes', async () => {
    const one = sink();
    const telemetry = createTelemetry([one]);
    telemetry.record([online(TEN)]);
    await telemetry.close();
    expect(one.took).toEqual([online(TEN)]);
    expect(one.closed).toBe(true);
  });
});

describe('the gateway’s own figures', () => {
  const outbox = { stored: 10, taken: { a: 7, b: 1 }, waiting: 3, bytes: 4_096, oldestAt: TEN, dead: 2 };
  const counts = (more: Partial<OutboxCounts> = {}) => ({ ...outbox, ...more }) as OutboxCounts;

  it('are how things stand, and what happened since the last time', () => {
    const own = openOwnFigures();
    const first = own.point({ at: TEN + 5_000, outbox: counts(), messages: 100 });
    expect(first.fields).toMatchObject({
      messages: 0,
      events_stored: 0,
      outbox_events: 3,
      outbox_bytes: 4_096,
      outbox_oldest_seconds: 5,
      dead_letters: 2,
    });
    const then = counts({ stored: 14, taken: { a: 9, b: 1 }, oldestAt: null });
    expect(own.point({ at: TEN + 15_000, outbox: then, messages: 150 }).fields).toMatchObject({
      messages: 50,
      events_stored: 4,
      events_forwarded: 2,
      outbox_oldest_seconds: 0,
    });
    // A new epoch counts from its own beginning.
    expect(
      own.point({ at: TEN + 25_000, outbox: counts({ stored: 1 }), messages: 150 }).fields,
    ).toMatchObject({
      events_stored: 0,
    });
    own.close();
    const documented = MEASUREMENTS.find(({ name }) => name === 'gateway')?.fields.map(({ name }) => name);
    expect(Object.keys(first.fields).sort()).toEqual(documented?.sort());
  });
});
