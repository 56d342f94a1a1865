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

/** Nothing at all is no number either, and neither is one that stands twice. */
const number = z
  .string({ error: 'has to be a number' })
  .refine((text) => text.trim() !== '' && Number.isFinite(Number(text)), { error: 'has to be a number' })
  .transform(Number);
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
 * next one answers, and `failed` says why; 503 where none can. Questions that are open when the server closes
 * are not waited for: a disk that hangs answers none of them.
 */
export function seriesRoutes(app: FastifyInstance, parts: SeriesParts): void {
  const { sources, patienceMs = PATIENCE_MS } = parts;
  const failures = new Map<Name, { reason: string; until: number }>();
  /** Of each question that is open: lets go of it. */
  const open = new Set<(why: Error) => void>();
  let isClosing = false;

  app.addHook('preClose', async () => {
    isClosing = true;
    for (const letGo of open) letGo(new Error('the gateway ends'));
  });

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
      if (isClosing) break;
      try {
        const isLast = i === all.length - 1;
        const lines = await (isLast ? within(undefined, source.query(query)) : ask(source, query));
        return { source: source.name, lines, failed };
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

  /** @throws where the answer comes too late, or the server closes before. */
  async function within<T>(ms: number | undefined, answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let letGo = (_: Error): void => {};
    const late = new Promise<never>((_, reject) => {
      letGo = reject;
      if (ms !== undefined)
        timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
    });
    open.add(letGo);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      open.delete(letGo);
    }
  }
}

/** @throws with a sentence that says which part of the address is wrong and what it has to be. */
function queryOf(given: unknown): SeriesQuery {
  const { success, data, error } = asked.safeParse(given);
  if (!success) throw new Error(wrong(error.issues[0]));
  const { measurement, field, from, to, step, ...others } = data;
  const query = { measurement, field, from, to, stepS: step, tags: tagsOf(others) };
  wholeQuery(query, MOST_STEPS);
  return query;
}

function tagsOf(others: Record<string, unknown>): Record<string, string> {
  const tags = Object.entries(others).map(([name, value]) => {
    if (!name.startsWith('tag.')) throw new Error(`${name}: is not known here; tags are given as tag.<name>`);
    const { success, data, error } = tag.safeParse(value);
    if (!success) throw new Error(`${name}: ${error.issues[0]?.message}`);
    return [name.slice('tag.'.length), data];
  });
  // Properties of its own, whatever they are called: one named __proto__ is a foreign tag as others are.
  return Object.fromEntries(tags);
}

function wrong(issue: z.core.$ZodIssue | undefined): string {
  return `${issue?.path.join('.')}: ${issue?.message}`;
}
