import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { MEASUREMENTS } from '../telemetry/measurements.ts';
import { type SeriesLine, type SeriesQuery, type SeriesSource, TooMuch } from '../telemetry/series.ts';
import { wholeQuery } from '../telemetry/series-query.ts';

/** Points of a line that a page can show. */
const MOST_STEPS = 2_000;
/** A source that the next one stands in for has so long to answer, ms … */
const PATIENCE_MS = 4_000;
/** … and is left alone for so long once it has failed, so that a page of many charts waits once, ms. */
const LEFT_ALONE_MS = 15_000;

export interface SeriesParts {
  /** The sources of series, the one to ask first first. */
  sources: () => readonly SeriesSource[];
  patienceMs?: number;
}

type Name = SeriesSource['name'];

const number = z.coerce.number({ error: 'has to be a number' });
const asked = z.looseObject({
  measurement: z.string({ error: `has to be one of ${MEASUREMENTS.map(({ name }) => name).join(', ')}` }),
  field: z.string({ error: 'has to be a field of the measurement' }),
  from: number,
  to: number,
  step: number,
});
const tag = z.string({ error: 'may stand once' }).max(128, 'may have 128 characters');

/**
 * `GET /api/series?measurement=&field=&from=&to=&step=[&tag.<name>=]`: what happened over time, `from` and `to`
 * in ms since the epoch, `step` in seconds. Answers `{source, lines, failed}`: where the first source fails the
 * next one answers, and `failed` says why; 503 where none can.
 */
export function seriesRoutes(app: FastifyInstance, parts: SeriesParts): void {
  const { sources, patienceMs = PATIENCE_MS } = parts;
  const failures = new Map<Name, { reason: string; until: number }>();

  app.get('/api/series', async (request, reply) => {
    let query: SeriesQuery;
    try {
      query = queryOf(request.query);
    } catch (error) {
      return reply.code(400).send({ error: (error as Error).message });
    }
    const failed: { source: Name; reason: string }[] = [];
    const all = sources();
    for (const [i, source] of all.entries()) {
      try {
        const isLast = i === all.length - 1;
        return {
          source: source.name,
          lines: await (isLast ? source.query(query) : ask(source, query)),
          failed,
        };
      } catch (error) {
        failed.push({ source: source.name, reason: (error as Error).message });
      }
    }
    const reasons = failed.map(({ source, reason }) => `${source}: ${reason}`);
    return reply.code(503).send({ error: reasons.join('; ') || 'nothing keeps series here', failed });
  });

  /** Of a source that another one stands in for. */
  async function ask(source: SeriesSource, query: SeriesQuery): Promise<SeriesLine[]> {
    const failure = failures.get(source.name);
    if (failure && failure.until > performance.now()) throw new Error(failure.reason);
    try {
      return await within(patienceMs, source.query(query));
    } catch (error) {
      const reason = (error as Error).message;
      if (!(error instanceof TooMuch))
        failures.set(source.name, { reason, until: performance.now() + LEFT_ALONE_MS });
      throw error;
    }
  }
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws with a sentence that says which part of the address is wrong and what it has to be. */
function queryOf(given: unknown): SeriesQuery {
  const { success, data, error } = asked.safeParse(given);
  if (!success) throw new Error(wrong(error.issues[0]));
  const { measurement, field, from, to, step, ...others } = data;
  const query = { measurement, field, from, to, stepS: step, tags: tagsOf(others) };
  const steps = (to - from) / (step * 1000);
  if (steps > MOST_STEPS) {
    throw new Error(
      `step: ${Math.ceil(steps)} steps are more than ${MOST_STEPS}: ask for a longer step or a shorter range`,
    );
  }
  wholeQuery(query);
  return query;
}

function tagsOf(others: Record<string, unknown>): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [name, value] of Object.entries(others)) {
    if (!name.startsWith('tag.')) throw new Error(`${name}: is not known here; tags are given as tag.<name>`);
    const { success, data, error } = tag.safeParse(value);
    if (!success) throw new Error(`${name}: ${error.issues[0]?.message}`);
    tags[name.slice('tag.'.length)] = data;
  }
  return tags;
}

function wrong(issue: z.core.$ZodIssue | undefined): string {
  return `${issue?.path.join('.')}: ${issue?.message}`;
}
