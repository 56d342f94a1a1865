import { describe, expect, it } from 'vitest';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import { DAY, HOUR, open, T0, WINDOW } from './built.ts';

const stored = (at: number, count = 1): Point => ({
  measurement: 'gateway',
  tags: {},
  fields: { events_stored: count },
  at,
});
/** One event in each window of an hour. */
const hourOf = (hour: number): Point[] =>
  Array.from({ length: 360 }, (_, n) => stored(T0 + hour * HOUR + n * WINDOW));

/** How many events were stored in a range, summed up over its steps. */
async function total(
  { history }: ReturnType<typeof open>,
  from: number,
  to: number,
  stepS = 3_600,
): Promise<number> {
  const query = { measurement: 'gateway', field: 'events_stored', from, to, stepS };
  const [line] = await history.query(query);
  return (line?.points ?? []).reduce((sum, [, value]) => sum + (value ?? 0), 0);
}

describe('a question to the history', () => {
  it('counts each window once, whatever the step, where the ring of ten seconds ends and where the other one does', async () => {
    const opened = open({ days: 2 });
    for (let hour = 0; hour < 52; hour += 1) {
      opened.history.take(hourOf(hour));
      if (hour % 10 === 0) await opened.settled();
    }
    await opened.settled();
    const end = T0 + 52 * HOUR;
    // The hour that is open, and the 24 or 48 before it.
    const fine = T0 + (51 - 24) * HOUR;
    const coarse = T0 + (51 - 48) * HOUR;
    for (const stepS of [60, 300, 900, 3_600]) {
      expect(await total(opened, fine - 2 * HOUR, end, stepS)).toBe(27 * 360);
      expect(await total(opened, fine - HOUR, fine, stepS)).toBe(360);
      expect(await total(opened, fine, fine + HOUR, stepS)).toBe(360);
      expect(await total(opened, coarse, coarse + HOUR, stepS)).toBe(360);
      expect(await total(opened, coarse - HOUR, coarse, stepS)).toBe(0);
    }
    expect(await total(opened, fine, fine + WINDOW, 10)).toBe(1);
    expect(await total(opened, fine - WINDOW, fine, 10)).toBe(0);
    // What is left of the hour before are its sums, each at the first of its five minutes.
    expect(await total(opened, fine - 300_000, fine - 290_000, 10)).toBe(30);
    expect(await total(opened, end, end + DAY)).toBe(0);
  });

  it('over centuries is answered as quickly as one of what there is', async () => {
    const opened = open();
    opened.history.take(hourOf(0));
    await opened.settled();
    const from = performance.now();
    for (const stepS of [9_000_000_000, 5_000_000]) {
      expect(await total(opened, 0, stepS * 1_000, stepS)).toBe(stepS > 5e9 ? 360 : 0);
      expect(await total(opened, 0, Date.UTC(2100, 0), stepS)).toBe(360);
    }
    expect(performance.now() - from).toBeLessThan(2_000);
  });

  it.each([
    ['before there were times', -10_000, 10_000, 10],
    ['after all of them', Date.UTC(2262, 0), Date.UTC(2262, 0) + 10_000, 10],
    ['in one step that is longer than all of them', 0, 10_000, 9_007_199_254_740_990],
  ])('%s is refused with a sentence', async (_, from, to, stepS) => {
    await expect(total(open(), from, to, stepS)).rejects.toThrow(
      'a range lies, in whole steps, between the years 1970 and 2261',
    );
  });

  it('is answered wholly while hours go for their age: none is there by half, or twice', async () => {
    const opened = open({ days: 1, flushMs: 1 });
    const answers: Promise<number>[] = [];
    for (let hour = 0; hour < 40; hour += 1) {
      opened.history.take(hourOf(hour));
      // Not waited for: it is written while it is asked for.
      answers.push(total(opened, T0, T0 + 2 * DAY, 900));
      if (hour % 4 === 0) await opened.settled();
    }
    for (const [hour, answer] of (await Promise.all(answers)).entries()) {
      expect(answer % 360).toBe(0);
      expect(answer / 360).toBeGreaterThanOrEqual(Math.min(hour + 1, 25));
      expect(answer / 360).toBeLessThanOrEqual(hour + 1);
    }
    await opened.settled();
    expect(await total(opened, T0, T0 + 2 * DAY)).toBe(25 * 360);
  });

  it('P13, F16: counts each window once over a clock that was put back an hour, then went on a day further', async () => {
    const first = open();
    first.history.take(hourOf(0));
    first.history.take(hourOf(1));
    first.history.take([stored(T0 + 2 * HOUR)]);
    await first.settled();
    await first.history.close();
    const again = open({ file: first.file });
    again.history.take([stored(T0 + HOUR + WINDOW, 5), stored(T0 + HOUR + 2 * WINDOW, 5)]);
    await again.settled();
    const counts = async () => [
      await total(again, T0, T0 + HOUR),
      await total(again, T0 + HOUR, T0 + 2 * HOUR),
      await total(again, T0 + 2 * HOUR, T0 + 3 * HOUR),
    ];
    expect(await counts()).toEqual([360, 368, 1]);
    again.history.take([stored(T0 + 26 * HOUR)]);
    await again.settled();
    again.history.take([stored(T0 + 27 * HOUR)]);
    await again.settled();
    // From sums of five minutes alone by now.
    expect(await counts()).toEqual([360, 368, 1]);
    expect(await total(again, T0, T0 + 28 * HOUR)).toBe(731);
  });
});
