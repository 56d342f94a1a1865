import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Field, MEASUREMENTS, type Measurement } from '../../../gateway/telemetry/measurements.ts';
import type { Point } from '../../../gateway/telemetry/point.ts';
import type { SeriesQuery, SeriesSource } from '../../../gateway/telemetry/series.ts';
import type { Sink } from '../../../gateway/telemetry/sink.ts';

/** A sink and a source on the same series, empty at the start. */
export interface OpenSeries {
  sink: Sink;
  source: SeriesSource;
  /** Resolves when all that the sink took can be read. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const WINDOW = 10_000;
const HOUR = 3_600_000;
/** Three windows of a step that holds six: no rollup gives the same as another. */
const VALUES = [3, 8, 4];
const ROLLED = { last: 4, mean: 5, max: 8, sum: 15 } as const;

/**
 * What every source of series does, whatever keeps them. All samples are of the hour before the last full one
 * of the machine's clock: young enough for every retention, and a whole step of any length up to an hour.
 * Each case writes under ids of its own.
 */
export function seriesSuite(name: string, open: () => Promise<OpenSeries>): void {
  describe(name, () => {
    const T0 = Math.floor(Date.now() / HOUR) * HOUR - HOUR;
    let series: OpenSeries;

    beforeAll(async () => {
      series = await open();
    });
    afterAll(() => series.close());

    const climate = (device: string, temperature: number, window = 0, zone?: string): Point => ({
      measurement: 'climate',
      tags: { device, ...(zone !== undefined && { zone }) },
      fields: { temperature_celsius: temperature },
      at: T0 + window * WINDOW,
    });
    const people = (zone: string, count: number, window: number): Point => ({
      measurement: 'occupancy',
      tags: { zone },
      fields: { people: count },
      at: T0 + window * WINDOW,
    });

    async function written(...samples: Point[]): Promise<void> {
      series.sink.take(samples);
      await series.settled();
    }

    function ask(query: Partial<SeriesQuery> & Pick<SeriesQuery, 'tags'>) {
      const whole = { measurement: 'climate', field: 'temperature_celsius', from: T0, to: T0 + 60_000 };
      return series.source.query({ ...whole, stepS: 10, ...query });
    }

    /** The values of the only line. */
    async function values(query: Parameters<typeof ask>[0]): Promise<(number | null)[]> {
      const lines = await ask(query);
      expect(lines).toHaveLength(1);
      return (lines[0]?.points ?? []).map(([, value]) => value);
    }

    describe.each(MEASUREMENTS)('of $name', (measurement) => {
      const tags = Object.fromEntries(
        measurement.tags.map((tag) => [tag.replace('?', ''), `every-${tag[0]}`]),
      );

      it.each(measurement.fields)('gives $name back, rolled up as $rollup', async (field) => {
        await written(
          ...VALUES.map((value, n) => sampleOf(measurement, field, tags, value, T0 + n * WINDOW)),
        );
        const asked = { measurement: measurement.name, field: field.name, tags };
        expect(await ask({ ...asked, stepS: 60 })).toEqual([{ tags, points: [[T0, ROLLED[field.rollup]]] }]);
        expect(await values(asked)).toEqual([...VALUES, null, null, null]);
      });
    });

    it('keeps fractions, and values below zero', async () => {
      await written(climate('cold', -18.25), climate('cold', -18.5, 1));
      expect(await values({ tags: { device: 'cold' }, to: T0 + 20_000 })).toEqual([-18.25, -18.5]);
      expect(await values({ tags: { device: 'cold' }, stepS: 60 })).toEqual([-18.375]);
    });

    it('has a point for every step, null where nothing was measured', async () => {
      await written(climate('gaps', 20, 1), climate('gaps', 22, 4));
      const [line] = await ask({ tags: { device: 'gaps' } });
      expect(line?.points).toEqual([
        [T0, null],
        [T0 + 10_000, 20],
        [T0 + 20_000, null],
        [T0 + 30_000, null],
        [T0 + 40_000, 22],
        [T0 + 50_000, null],
      ]);
      expect(await values({ tags: { device: 'gaps' }, stepS: 20 })).toEqual([20, null, 22]);
    });

    it('begins with the step that holds the beginning, and does not go on to the one that begins at the end', async () => {
      await written(...[0, 1, 2, 3, 4, 5, 6].map((n) => climate('ends', 20 + n, n)));
      const range = { tags: { device: 'ends' }, from: T0 + 20_000, to: T0 + 40_000 };
      expect(await values(range)).toEqual([22, 23]);
      expect(await values({ ...range, from: T0 + 19_999, to: T0 + 40_001 })).toEqual([21, 22, 23, 24]);
      // The first step is T0 … T0 + 30 s, with all that is in it.
      const [line] = await ask({ ...range, stepS: 30 });
      expect(line?.points).toEqual([
        [T0, 21],
        [T0 + 30_000, 24],
      ]);
    });

    it('sums counts up over steps that are longer than a window, and does not make up any', async () => {
      const stored = (window: number, count: number): Point => ({
        measurement: 'gateway',
        tags: {},
        fields: { events_stored: count },
        at: T0 + 600_000 + window * WINDOW,
      });
      await written(stored(0, 1), stored(1, 0), stored(7, 5), stored(12, 2));
      const range = { from: T0 + 600_000, to: T0 + 780_000, tags: {} };
      const asked = { ...range, measurement: 'gateway', field: 'events_stored', stepS: 60 };
      expect(await values(asked)).toEqual([1, 5, 2]);
      expect(await values({ ...asked, to: T0 + 660_000, stepS: 10 })).toEqual([1, 0, null, null, null, null]);
    });

    it('takes the last and the largest in the order of time, whenever they came', async () => {
      const set = (setpoint: number, window: number): Point => ({
        measurement: 'thermostat',
        tags: { device: 'order' },
        fields: { setpoint_celsius: setpoint },
        at: T0 + window * WINDOW,
      });
      await written(set(21, 5));
      await written(set(17, 0), set(19, 2));
      const thermostat = { measurement: 'thermostat', field: 'setpoint_celsius', stepS: 60 };
      expect(await values({ ...thermostat, tags: { device: 'order' } })).toEqual([21]);
      await written(people('order', 30, 0), people('order', 10, 5));
      const occupancy = { measurement: 'occupancy', field: 'people', stepS: 60 };
      expect(await values({ ...occupancy, tags: { zone: 'order' } })).toEqual([30]);
    });

    it('sums an hour up in one step, and in steps of five minutes', async () => {
      const rising = Array.from({ length: 360 }, (_, n) => climate('hour', n, n));
      await written(...rising);
      const hour = { tags: { device: 'hour' }, to: T0 + HOUR };
      expect(await values({ ...hour, stepS: 3_600 })).toEqual([179.5]);
      const fives = await values({ ...hour, stepS: 300 });
      expect(fives).toEqual(Array.from({ length: 12 }, (_, n) => 14.5 + 30 * n));
    });

    it('gives one line for each series, with its tags, in their order; one without the tag comes first', async () => {
      await written(
        climate('many-2', 2, 0, 'shoes'),
        climate('many-10', 10, 0, 'bar'),
        climate('many-1', 1, 0, 'shoes'),
        climate('many-1', 3, 0, 'bar'),
        climate('many-1', 4),
      );
      const lines = await ask({ tags: {}, to: T0 + 10_000 });
      const many = lines.filter(({ tags }) => tags.device?.startsWith('many'));
      expect(many).toEqual([
        { tags: { device: 'many-1' }, points: [[T0, 4]] },
        { tags: { device: 'many-1', zone: 'bar' }, points: [[T0, 3]] },
        { tags: { device: 'many-1', zone: 'shoes' }, points: [[T0, 1]] },
        { tags: { device: 'many-10', zone: 'bar' }, points: [[T0, 10]] },
        { tags: { device: 'many-2', zone: 'shoes' }, points: [[T0, 2]] },
      ]);
    });

    it('gives the series alone that have all the tags which were asked for', async () => {
      await written(
        climate('some-1', 1, 0, 'attic'),
        climate('some-2', 2, 0, 'attic'),
        climate('some-2', 3, 0, 'cellar'),
        climate('some-3', 4, 0, 'bath'),
        climate('some-3', 5),
      );
      const devices = async (tags: Record<string, string>) =>
        (await ask({ tags, to: T0 + 10_000 })).map((line) => `${line.tags.device} ${line.points[0]?.[1]}`);
      expect(await devices({ zone: 'attic' })).toEqual(['some-1 1', 'some-2 2']);
      expect(await devices({ device: 'some-2' })).toEqual(['some-2 2', 'some-2 3']);
      expect(await devices({ device: 'some-2', zone: 'cellar' })).toEqual(['some-2 3']);
      expect(await devices({ device: 'some-1', zone: 'cellar' })).toEqual([]);
      // A tag that a series has not is empty.
      expect(await devices({ device: 'some-3', zone: '' })).toEqual(['some-3 5']);
      expect(await devices({ device: '' })).toEqual([]);
      expect(await devices({ device: "x' OR device =~ /.*/ OR device = '" })).toEqual([]);
    });

    it('gives no line where a series has nothing in the range', async () => {
      await written(climate('early', 20));
      const tags = { device: 'early' };
      expect(await ask({ tags, from: T0 + 10_000 })).toEqual([]);
      expect(await ask({ tags: { device: 'nobody' } })).toEqual([]);
      const humidity = { tags, field: 'humidity_percent' };
      expect(await ask(humidity)).toEqual([]);
    });

    it.each<[string, Partial<SeriesQuery>, RegExp]>([
      ['a measurement that is none', { measurement: 'people' }, /no series of temperature_celsius in people/],
      ['a field that is of another', { field: 'weight_grams' }, /no series of weight_grams in climate/],
      ['a tag that it has not', { tags: { store: 'lyon-1' } }, /climate has no tag store/],
      ['half a window', { stepS: 5 }, /multiple of 10 seconds/],
      ['an end before the beginning', { to: T0 }, /begins before it ends/],
      ['more steps than anybody looks at', { to: T0 + 31 * 24 * HOUR }, /267840 steps are more than 10000/],
    ])('refuses %s with a sentence', async (_, query, sentence) => {
      await expect((async () => ask({ tags: {}, ...query }))()).rejects.toThrow(sentence);
    });
  });
}

function sampleOf(
  { name }: Measurement,
  field: Field,
  tags: Record<string, string>,
  value: number,
  at: number,
): Point {
  return { measurement: name, tags, fields: { [field.name]: value }, at };
}
