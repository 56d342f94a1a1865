import type { IResponse } from 'influx';
import type { InfluxConfig } from '../../config-influx.ts';
import type { Rollup } from '../measurements.ts';
import { type SeriesLine, type SeriesSource, TooMuch } from '../series.ts';
import { inOrder, type WholeQuery, wholeQuery } from '../series-query.ts';
import { connect } from './connection.ts';
import type { OwnTags } from './line.ts';
import { LONG, OWN_SERIES, quoted, RAW } from './server.ts';

export interface SourceOptions {
  now: () => number;
  /** A question has to be answered after so long, ms: somebody is looking. */
  deadlineMs?: number;
}

const DEADLINE_MS = 5_000;
/** Questions under way, and those that wait for one of them to end: a page asks a dozen. */
const MOST_AT_ONCE = 8;
const MOST_IN_LINE = 64;
/** Points of an answer, all its lines together: some megabytes of JSON. */
const MOST_POINTS = 200_000;
const DAY = 86_400_000;

/** The shop's own series in InfluxDB; a connection of its own for each question. */
export function influxSource(
  config: InfluxConfig,
  own: OwnTags,
  { now, deadlineMs = DEADLINE_MS }: SourceOptions,
): SeriesSource {
  let underWay = 0;
  const line: (() => void)[] = [];

  async function turn(): Promise<void> {
    if (underWay < MOST_AT_ONCE) underWay += 1;
    else if (line.length >= MOST_IN_LINE) throw new TooMuch('InfluxDB is asked too much at once: ask again');
    else await new Promise<void>((resolve) => line.push(resolve));
  }

  /** The next in line takes the place. */
  function over(): void {
    const next = line.shift();
    if (next) next();
    else underWay -= 1;
  }

  async function ask(query: WholeQuery): Promise<IResponse> {
    const policy = query.from < now() - config.rawDays * DAY ? LONG : RAW;
    const { text, values } = influxQl(query, config.database, policy);
    const connection = connect(config, { deadlineMs });
    try {
      return await connection.request((influx) =>
        influx.queryRaw(text, {
          precision: 'ms',
          placeholders: { ...values, ...own },
        }),
      );
    } finally {
      connection.close();
    }
  }

  return {
    name: 'influxdb',
    async query(asked) {
      const query = wholeQuery(asked);
      const since = performance.now();
      await turn();
      try {
        // Whoever asked has been answered otherwise by then.
        if (performance.now() - since > deadlineMs)
          throw new TooMuch('InfluxDB is too slow for all that it is asked');
        return inOrder(readLines(await ask(query), query), query.tagNames);
      } finally {
        over();
      }
    },
  };
}

const FUNCTION: Record<Rollup, string> = { last: 'LAST', mean: 'MEAN', max: 'MAX', sum: 'SUM' };

/** Names stand in it quoted, and come from our own tables; values go beside it. */
function influxQl(
  { measurement, field, tagNames, tags, from, to, stepMs }: WholeQuery,
  database: string,
  policy: string,
) {
  const place = [database, policy, measurement].map(quoted).join('.');
  const where = [
    `time >= ${from}ms AND time < ${to}ms AND ${OWN_SERIES}`,
    ...tags.map(([name], n) => `${quoted(name)} = $tag${n}`),
  ].join(' AND ');
  const groups = [`time(${stepMs}ms)`, ...tagNames.map(quoted)].join(', ');
  const text = `SELECT ${FUNCTION[field.rollup]}(${quoted(field.name)}) FROM ${place} WHERE ${where} GROUP BY ${groups} fill(null) SLIMIT ${mostLines({ from, to, stepMs }) + 1}`;
  return { text, values: Object.fromEntries(tags.map(([, value], n) => [`tag${n}`, value])) };
}

function mostLines({ from, to, stepMs }: Pick<WholeQuery, 'from' | 'to' | 'stepMs'>): number {
  return Math.max(1, Math.floor(MOST_POINTS / ((to - from) / stepMs)));
}

/** @throws with a sentence where it is an error, or too long. */
function readLines({ results }: IResponse, query: WholeQuery): SeriesLine[] {
  const [result] = results;
  if (!result || result.error) throw new Error(`InfluxDB says "${result?.error ?? 'nothing'}"`);
  const series = result.series ?? [];
  const most = mostLines(query);
  if (series.length > most) {
    throw new TooMuch(`more than ${most} series with so many steps: ask for longer steps, or for tags`);
  }
  return series.map(({ tags = {}, values = [] }) => ({
    // Where a series has not the tag, InfluxDB says that it is empty.
    tags: Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== '')),
    points: values.map(([at, value]) => [Number(at), typeof value === 'number' ? value : null]),
  }));
}
