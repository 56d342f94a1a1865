import { describe, expect, it, onTestFinished } from 'vitest';
import type { OutboxCounts } from '../../../gateway/outbox/counts.ts';
import { MEASUREMENTS } from '../../../gateway/telemetry/measurements.ts';
import { type OwnFigures, openOwnFigures } from '../../../gateway/telemetry/own-figures.ts';
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
    const telemetry = createTelemetry(sinks, () => true);
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
    const telemetry = createTelemetry([one], () => true);
    telemetry.record([online(TEN)]);
    await telemetry.close(TEN + 5_000);
    expect(one.took).toEqual([online(TEN)]);
    expect(one.closed).toBe(true);
  });

  it('leaves to the next process the windows that were open yet, and those that a clock which went back left ahead', async () => {
    const telemetry = createTelemetry([sink()], () => true);
    telemetry.record([0, 10_000, 20_000, 60_000].map((after) => online(TEN + after)));
    const left = await telemetry.close(TEN + 21_000);
    expect(left.map(({ at }) => at - TEN)).toEqual([10_000, 20_000, 60_000]);
  });
});

describe('the gateway’s own figures', () => {
  const outbox = { stored: 10, taken: { a: 7, b: 1 }, waiting: 3, bytes: 4_096, oldestAt: TEN, dead: 2 };
  const counts = (more: Partial<OutboxCounts> = {}) => ({ ...outbox, ...more }) as OutboxCounts;

  const point = (own: OwnFigures, at: number, messages: number, more: Partial<OutboxCounts> = {}) =>
    own.point({ at, messages, outbox: counts(more) });

  it('are how things stood at the end of a window, and what happened in it', () => {
    const own = openOwnFigures();
    onTestFinished(() => own.close());
    expect(point(own, TEN + 5_000, 100)).toMatchObject({
      at: TEN + 9_999,
      fields: { outbox_events: 3, outbox_bytes: 4_096, outbox_oldest_seconds: 5, dead_letters: 2 },
    });
    point(own, TEN + 10_200, 100);
    const more = { stored: 14, taken: { a: 9, b: 1 }, oldestAt: null };
    const third = point(own, TEN + 20_700, 150, more);
    expect(third).toMatchObject({
      at: TEN + 19_999,
      fields: { messages: 50, events_stored: 4, events_forwarded: 2, outbox_oldest_seconds: 0 },
    });
    // A new epoch counts from its own beginning.
    expect(point(own, TEN + 30_000, 150, { stored: 1 }).fields).toMatchObject({ events_stored: 0 });
    const documented = MEASUREMENTS.find(({ name }) => name === 'gateway')?.fields.map(({ name }) => name);
    expect(Object.keys(third.fields).sort()).toEqual(documented?.sort());
  });

  it('count over a restart in the middle of a window: nothing is told twice, and no sample takes the place of another', () => {
    const one = openOwnFigures();
    onTestFinished(() => one.close());
    point(one, TEN + 1_000, 0);
    point(one, TEN + 10_100, 3);
    point(one, TEN + 20_100, 5);
    const last = one.point({ at: TEN + 22_000, messages: 9, outbox: counts(), isEnd: true });
    const next = openOwnFigures();
    onTestFinished(() => next.close());
    const points = [
      last,
      point(next, TEN + 24_000, 0),
      point(next, TEN + 30_100, 20),
      point(next, TEN + 40_100, 70),
    ];
    const windowOf = (at: number) => Math.floor((at - TEN) / 10_000);
    expect(points.map(({ at, fields }) => [windowOf(at), fields.messages])).toEqual([
      [2, 4],
      [2, undefined],
      [2, undefined],
      [3, 70],
    ]);
  });
});
