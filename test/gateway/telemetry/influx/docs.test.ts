import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { influxSchema } from '../../../../gateway/config-influx.ts';
import {
  LATE_MS,
  MOST_STEPS as MOST_STEPS_A_REQUEST,
  STEP_MS,
} from '../../../../gateway/telemetry/influx/missed.ts';
import {
  CLOSE_MS,
  DEADLINE_MS,
  influxSink,
  MOST_POINTS,
  MOST_WAITING,
  REST_MS,
} from '../../../../gateway/telemetry/influx/sink.ts';
import { MEASUREMENTS, type Measurement } from '../../../../gateway/telemetry/measurements.ts';
import { MOST_STEPS } from '../../../../gateway/telemetry/series-query.ts';
import { MAX_SERIES } from '../../../../gateway/telemetry/windows.ts';
import { hasInflux, type InfluxShop, influxCli, openInfluxShop } from '../../../support/influxd.ts';
import { quiet } from '../../../support/quiet.ts';
import { until } from '../../../support/until.ts';

const page = readFileSync(new URL('../../../../gateway/docs/time-series.md', import.meta.url), 'utf8');

const UNITS: Record<string, string> = {
  celsius: '°C',
  percent: '%',
  ppm: 'ppm',
  grams: 'g',
  dbm: 'dBm',
  seconds: 's',
  bytes: 'bytes',
};

/** What stands between the page's two marks. */
const tables = (): string => MEASUREMENTS.map((measurement) => tableOf(measurement)).join('\n\n');

function tableOf({ name, summary, tags, fields }: Measurement): string {
  const by = tags.map((tag) => `\`${tag.replace('?', '')}\`${tag.endsWith('?') ? ' where it has one' : ''}`);
  const rows = fields.map(({ name: field, summary: says, type, rollup }) => {
    const unit = UNITS[field.split('_').at(-1) ?? ''] ?? '–';
    return `| \`${field}\` | ${says} | ${unit} | ${type} | ${rollup} |`;
  });
  return [
    `**\`${name}\`**: ${summary}. ${by.length > 0 ? `By ${by.join(', ')}` : 'One series a gateway'}.`,
    '',
    '| field | says | unit | type | of ten seconds, and of five minutes |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

describe('docs/time-series.md', () => {
  it('has the table of measurements as it is', () => {
    const between = /<!-- measurements -->\n([\s\S]*?)\n?<!-- \/measurements -->/.exec(page);
    expect(between?.[1]).toBe(tables());
  });

  it('names every setting and bound', () => {
    for (const key of Object.keys(influxSchema.shape)) expect(page).toMatch(new RegExp(`\\b${key}:`));
    const words = (n: number) => n.toLocaleString('en');
    for (const bound of [MAX_SERIES, MOST_STEPS, MOST_WAITING, MOST_POINTS])
      expect(page).toContain(words(bound));
    for (const ms of [DEADLINE_MS, ...REST_MS, CLOSE_MS]) expect(page).toContain(`${ms / 1_000} s`);
    expect(page).toContain(`older than ${LATE_MS / 60_000} minutes`);
    expect(page).toContain(`one measurement, ${(MOST_STEPS_A_REQUEST * STEP_MS) / 3_600_000} hours`);
  });
});

describe.skipIf(!hasInflux)("docs/time-series.md's questions", () => {
  const questions = [...page.matchAll(/^q '(.+)'$/gm)].map(([, question = '']) => question);
  let shop: InfluxShop;
  /** Of each field one that no other has, in every window. */
  const written = new Map(
    MEASUREMENTS.flatMap(({ name, fields }) => fields.map((field) => `${name}.${field.name}`)).map(
      (key, n) => [key, 101 + 7 * n],
    ),
  );

  beforeAll(async () => {
    shop = await openInfluxShop();
    const sink = influxSink(shop.config, { store: 'lyon-1', gateway: 'g1' }, { log: quiet, lingerMs: 0 });
    const at = Math.floor(Date.now() / 10_000) * 10_000 - 60_000;
    sink.take(
      MEASUREMENTS.map(({ name, tags, fields }) => ({
        measurement: name,
        tags: Object.fromEntries(tags.map((tag) => [tag.replace('?', ''), `any-${tag[0]}`])),
        fields: Object.fromEntries(
          fields.map((field) => [field.name, written.get(`${name}.${field.name}`) ?? 0]),
        ),
        at,
      })),
    );
    await until(() => sink.state().waiting === 0, 'InfluxDB to have all');
    await sink.close();
    // What the continuous queries are for, five minutes later.
    await influxCli(shop.server, 'SELECT * INTO long.:MEASUREMENT FROM raw./.*/ GROUP BY *');
  });
  afterAll(() => shop.close());

  it('are one at least for each measurement', () => {
    const asked = questions.map((question) => / FROM (\w+) /.exec(question)?.[1]);
    for (const { name } of MEASUREMENTS) expect(asked).toContain(name);
  });

  it.each(questions)("are answered by Debian's influx: %s", async (question) => {
    const [, measurement = ''] = / FROM (?:long\.)?(\w+) /.exec(question) ?? [];
    const fields = [...question.matchAll(/[A-Z]+\((\w+)\)/g)].map(([, field = '']) => field);
    const known = fields.filter((field) => written.has(`${measurement}.${field}`));
    expect(known.length).toBeGreaterThan(0);
    const [head = '', line = '', ...more] = await influxCli(shop.server, question);
    expect(more).toEqual([]);
    expect(head).toMatch(/^name,(tags,)?time,/);
    const cells = line.split(',').map(Number);
    for (const field of known) expect(cells).toContain(written.get(`${measurement}.${field}`));
  });
});
