import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type HistoryParts, openHistory } from '../../../../gateway/telemetry/history/history.ts';
import { MEASUREMENTS } from '../../../../gateway/telemetry/measurements.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import { mayMount, smallDisk } from '../../../support/small-disk.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const WINDOW = 10_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** 2026-03-01T00:00:00Z, ms. */
const T0 = Date.UTC(2026, 2, 1);

const temperature = (at: number, value: number, device = 'd1'): Point => ({
  measurement: 'climate',
  tags: { device },
  fields: { temperature_celsius: value },
  at,
});
const asked = { measurement: 'climate', field: 'temperature_celsius' };

function open(more: Partial<HistoryParts> = {}) {
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => said.push(line) });
  const parts = { file: join(temporaryFolder(), 'history.db'), days: 31, keepFree: 0, flushMs: 5, ...more };
  const history = openHistory({ ...parts, log });
  onTestFinished(() => history.close());
  const settled = () => until(() => history.state().waiting === 0, 'the history to be written');
  return { history, said, settled, parts };
}

/** What a step comes to, counted the plain way. */
function plainly(points: readonly Point[], measurement: string, field: string, from: number, to: number) {
  const values = points
    .filter(({ at }) => at >= from && at < to)
    .toSorted((a, b) => a.at - b.at)
    .map(({ fields }) => fields[field] as number);
  if (values.length === 0) return null;
  const sum = values.reduce((a, b) => a + b, 0);
  const { rollup } = MEASUREMENTS.find(({ name }) => name === measurement)?.fields.find(
    ({ name }) => name === field,
  ) ?? { rollup: 'last' };
  return {
    last: values.at(-1) as number,
    max: Math.max(...values),
    sum,
    mean: sum / values.length,
  }[rollup];
}

describe('the history', () => {
  it('answers after a restart as before it', async () => {
    const { history, parts } = open({ flushMs: 3_600_000 });
    history.take([temperature(T0, 20.5), temperature(T0 + WINDOW, 21)]);
    const query = { ...asked, from: T0, to: T0 + 60_000, stepS: 10 };
    const before = await history.query(query);
    await history.close();
    const again = open({ file: parts.file });
    expect(await again.history.query(query)).toEqual(before);
    expect(before[0]?.points[0]).toEqual([T0, 20.5]);
  });

  it.each([
    ['climate', 'temperature_celsius', { device: 'd1' }],
    ['thermostat', 'setpoint_celsius', { device: 'd1' }],
    ['occupancy', 'people', { zone: 'z1' }],
    ['gateway', 'events_stored', {}],
  ])('rolls %s up over hours as if every window were still there', async (measurement, field, tags) => {
    const windows = fc.uniqueArray(fc.integer({ min: 0, max: 6 * 360 - 1 }), {
      minLength: 30,
      maxLength: 200,
    });
    await fc.assert(
      fc.asyncProperty(windows, fc.integer({ min: 1, max: 90 }), async (places, seed) => {
        const points = places
          .toSorted((a, b) => a - b)
          .map((place) => ({
            measurement,
            tags: tags as Record<string, string>,
            fields: { [field]: (place * seed) % 97 },
            at: T0 + place * WINDOW,
          }));
        const { history, settled } = open();
        // In thirds, so that hours are rolled up in between.
        for (const third of [0, 1, 2]) {
          history.take(points.filter((_, i) => Math.floor((3 * i) / points.length) === third));
          await settled();
        }
        for (const stepS of [60, 300, 900, 3_600]) {
          const [line] = await history.query({ measurement, field, from: T0, to: T0 + 6 * HOUR, stepS });
          for (const [at, value] of line?.points ?? []) {
            const wanted = plainly(points, measurement, field, at, at + stepS * 1000);
            if (wanted === null) expect(value).toBeNull();
            else expect(value).toBeCloseTo(wanted, 9);
          }
        }
        await history.close();
      }),
      { numRuns: Number(process.env.AISLE_ROUNDS ?? 2), seed: 5 },
    );
  });

  it('keeps the windows of a day, then five minutes for as long as it is told to', async () => {
    const { history, settled } = open({ days: 3 });
    for (let hour = 0; hour < 5 * 24; hour += 1) {
      history.take([temperature(T0 + hour * HOUR, 20), temperature(T0 + hour * HOUR + WINDOW, 22)]);
      await settled();
    }
    const now = T0 + 5 * DAY;
    const count = async (from: number, to: number, stepS: number) =>
      (await history.query({ ...asked, from, to, stepS }))[0]?.points.filter(([, value]) => value !== null)
        .length ?? 0;
    expect(await count(now - DAY, now, 10)).toBe(48);
    // Two windows of an hour have become one value of five minutes.
    expect(await count(now - 3 * DAY, now - 2 * DAY, 10)).toBe(24);
    expect(await count(now - 3 * DAY, now - 2 * DAY, 300)).toBe(24);
    expect(await count(T0, now - 4 * DAY, 300)).toBe(0);
  });

  it('is late by a day: a sample that belongs to a window which is gone changes nothing, and is counted', async () => {
    const { history, settled } = open();
    history.take([temperature(T0, 20), temperature(T0 + 2 * DAY, 21)]);
    await settled();
    expect(history.state()).toMatchObject({ written: 1, dropped: 1, waiting: 0 });
  });

  it('starts with the right time again after a clock that was years ahead', async () => {
    const { history, settled } = open();
    history.take([temperature(T0 + 3_650 * DAY, 99)]);
    await settled();
    for (const hour of [0, 1, 2]) {
      history.take([temperature(T0 + hour * HOUR, 20)]);
      await settled();
    }
    const [line] = await history.query({ ...asked, from: T0, to: T0 + 3 * HOUR, stepS: 3_600 });
    expect(line?.points.map(([, value]) => value)).toEqual([20, 20, 20]);
    const future = { from: T0 + 3_649 * DAY, to: T0 + 3_651 * DAY };
    expect(await history.query({ ...asked, ...future, stepS: 3_600 })).toEqual([]);
  });

  it.each([
    ['years behind', Date.UTC(1970, 0, 1)],
    ['years ahead', T0 + 3_650 * DAY],
  ])(
    'P13: lets nothing go by a clock that is not sure and %s, and all that is not of a time by one that is',
    async (_, wrong) => {
      let isSure = true;
      const { history, settled } = open({ isClockSure: () => isSure });
      const hours = async (from: number) => {
        for (const hour of [0, 1, 2]) {
          history.take([temperature(from + hour * HOUR, 20)]);
          await settled();
        }
      };
      const known = async (from: number) => {
        const [line] = await history.query({ ...asked, from, to: from + 3 * HOUR, stepS: 3_600 });
        return line?.points.map(([, value]) => value);
      };
      await hours(T0);
      isSure = false;
      await hours(wrong);
      expect(await known(T0)).toEqual([20, 20, 20]);
      isSure = true;
      await hours(T0 + DAY);
      expect(await known(T0)).toEqual([20, 20, 20]);
      expect(await known(wrong)).toBeUndefined();
    },
  );

  it('stays within its bytes: the oldest days go, the newest are there', async () => {
    const maxBytes = 512 * 1024;
    const { history, settled, parts } = open({ maxBytes, days: 400 });
    for (let day = 0; day < 60; day += 1) {
      for (let hour = 0; hour < 24; hour += 1) {
        const at = T0 + day * DAY + hour * HOUR;
        history.take(Array.from({ length: 6 }, (_, n) => temperature(at, n, `d${n}`)));
      }
      await settled();
    }
    const end = T0 + 60 * DAY;
    expect(statSync(parts.file).size).toBeLessThanOrEqual(maxBytes);
    expect(history.state()).toMatchObject({ ok: true, dropped: 0 });
    expect(await history.query({ ...asked, from: T0, to: T0 + DAY, stepS: 3_600 })).toEqual([]);
    expect(await history.query({ ...asked, from: end - 2 * DAY, to: end - DAY, stepS: 3_600 })).toHaveLength(
      6,
    );
  });

  it('makes its file for this user alone, and begins no thread where a gateway ends at once', async () => {
    const { history, parts } = open({ flushMs: 60_000 });
    history.take([temperature(T0, 20)]);
    expect(statSync(parts.file).mode & 0o777).toBe(0o600);
    expect(history.state()).toMatchObject({ waiting: 1, dropped: 0 });
    await history.close();
    expect(history.state()).toMatchObject({ waiting: 0, dropped: 1 });
    expect(statSync(parts.file).size).toBe(0);
  });

  it('takes what measurements.ts names and nothing else: what it does not is in no file', async () => {
    const { history, settled, parts } = open();
    const stranger = 'c4:7c:8d:6a:11:22';
    history.take([
      temperature(T0, 20),
      { measurement: 'sighting', tags: { device: stranger }, fields: { rssi_dbm: -60 }, at: T0 },
      { measurement: 'climate', tags: { device: 'd1', address: stranger }, fields: { co2_ppm: 1 }, at: T0 },
      { measurement: 'climate', tags: { device: stranger }, fields: { co2_ppm: 1 }, at: T0 },
      { measurement: 'climate', tags: {}, fields: { co2_ppm: 1 }, at: T0 },
      { measurement: 'climate', tags: { device: 'd1' }, fields: { [stranger]: 1 }, at: T0 },
      { measurement: 'climate', tags: { device: 'd1' }, fields: { co2_ppm: Number.NaN }, at: T0 },
    ]);
    await settled();
    expect(history.state()).toMatchObject({ written: 1, dropped: 6 });
    await history.close();
    expect(readFileSync(parts.file).includes(stranger)).toBe(false);
  });

  it('has a bound on what waits and on series: more is dropped and counted, at once', async () => {
    const { history, settled } = open();
    const many = Array.from({ length: 25_000 }, (_, n) => temperature(T0 + n * WINDOW, n));
    history.take(many);
    expect(history.state()).toMatchObject({ dropped: 25_000, waiting: 0 });
    history.take(Array.from({ length: 2_500 }, (_, n) => temperature(T0, n, `d${n}`)));
    await settled();
    expect(history.state()).toMatchObject({ written: 2_000, dropped: 25_500 });
  });

  it('gives the place of a series that nothing is kept of any more to another', async () => {
    const first = open({ days: 1 });
    first.history.take(Array.from({ length: 2_000 }, (_, n) => temperature(T0, n, `d${n}`)));
    await first.settled();
    await first.history.close();
    const { history, settled } = open({ file: first.parts.file, days: 1 });
    for (const hour of [0, 1, 2]) {
      history.take([temperature(T0 + 3 * DAY + hour * HOUR, hour, 'new')]);
      await settled();
    }
    const lines = await history.query({ ...asked, from: T0, to: T0 + 4 * DAY, stepS: 3_600 });
    expect(lines.map(({ tags }) => tags.device)).toEqual(['new']);
  });

  it('deletes a damaged file, says so, and goes on', async () => {
    const first = open();
    first.history.take([temperature(T0, 20)]);
    await first.settled();
    await first.history.close();
    writeFileSync(first.parts.file, 'this is no database of anybody, and never was '.repeat(200));
    const { history, said, settled } = open({ file: first.parts.file });
    history.take([temperature(T0 + WINDOW, 21)]);
    await settled();
    expect(said.join()).toContain('is damaged: it is made anew, and charts begin now; no event is concerned');
    const [line] = await history.query({ ...asked, from: T0, to: T0 + 20_000, stepS: 10 });
    expect(line?.points.map(([, value]) => value)).toEqual([null, 21]);
  });

  it('makes the file of another version anew', async () => {
    const first = open();
    first.history.take([temperature(T0, 20)]);
    await first.settled();
    await first.history.close();
    const file = openSync(first.parts.file, 'r+');
    // The file's own version (https://sqlite.org/fileformat.html#user_version_number).
    writeSync(file, Buffer.from([0, 0, 0, 9]), 0, 4, 60);
    closeSync(file);
    const { history, said, settled } = open({ file: first.parts.file });
    history.take([temperature(T0 + WINDOW, 21)]);
    await settled();
    expect(said.join()).toContain('is of another version');
    expect(history.state()).toMatchObject({ ok: true, written: 1 });
  });

  it('meets damage that shows while it runs in the same way', async () => {
    const { history, said, settled, parts } = open();
    for (let n = 0; n < 360; n += 30) {
      history.take(Array.from({ length: 30 }, (_, i) => temperature(T0 + (n + i) * WINDOW, n, `d${i}`)));
      await settled();
    }
    await history.close();
    const file = openSync(parts.file, 'r+');
    writeSync(file, Buffer.alloc(statSync(parts.file).size - 4_096, 0xa5), 0, undefined, 4_096);
    closeSync(file);
    const again = open({ file: parts.file });
    again.history.take([temperature(T0 + 2 * HOUR, 21)]);
    await again.settled();
    expect([...said, ...again.said].join()).toContain('is damaged');
    expect(again.history.state()).toMatchObject({ ok: true, written: 1 });
  });

  it('says in its state that it cannot write, keeps what waits, and goes on by itself', async () => {
    const file = join(temporaryFolder(), 'history.db');
    mkdirSync(file);
    const { history, said, settled } = open({ file });
    history.take([temperature(T0, 20)]);
    await until(() => !history.state().ok, 'the history to say so');
    expect(history.state().reason).toContain('see that it has room and can be written');
    expect(said.join()).toContain('the history keeps nothing at the moment');
    rmdirSync(file);
    await settled();
    expect(history.state()).toMatchObject({ ok: true, written: 1, dropped: 0 });
  });

  it('leaves the last room of a disk to the events', async () => {
    const { history, settled } = open({ keepFree: Number.MAX_SAFE_INTEGER });
    history.take([temperature(T0, 20)]);
    await until(() => !history.state().ok, 'the history to say so');
    expect(history.state().reason).toMatch(
      /^the disk has \d+ MiB free, and the last \d+ MiB are kept for events/,
    );
    // Queries see what waits all the same.
    const [line] = await history.query({ ...asked, from: T0, to: T0 + WINDOW, stepS: 10 });
    expect(line?.points).toEqual([[T0, 20]]);
    await Promise.race([settled(), new Promise((resolve) => setTimeout(resolve, 50))]);
    expect(history.state().waiting).toBe(1);
  });

  it.skipIf(!mayMount)(
    'F4: on a full disk it drops the oldest beyond its bound, counts, and recovers',
    async () => {
      const folder = join(temporaryFolder(), 'small');
      const disk = smallDisk(folder, 'size=16m');
      onTestFinished(() => disk.unmount());
      const { history, settled } = open({ file: join(folder, 'history.db') });
      history.take([temperature(T0, 20)]);
      await settled();
      disk.fill();
      let at = T0;
      const take = () => {
        at += 60_000;
        history.take(Array.from({ length: 1_000 }, (_, n) => temperature(at, n, `d${n}`)));
      };
      for (let minute = 0; minute < 30; minute += 1) {
        take();
        await new Promise((resolve) => setTimeout(resolve, 8));
      }
      await until(() => history.state().dropped > 0, 'something to be dropped');
      const full = history.state();
      expect(full.ok).toBe(false);
      expect(full.reason).toContain('the disk refuses the history');
      disk.free();
      take();
      await until(() => history.state().ok, 'the history to recover');
      await settled();
      const { written, dropped } = history.state();
      expect(written + dropped).toBe(31_001);
    },
  );
});
