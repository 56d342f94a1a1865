import type { FastifyInstance } from 'fastify';
import type { Exposition } from '../telemetry/metrics.ts';
import type { Readiness } from '../telemetry/readiness.ts';

/** What machines ask for without a token: nothing secret and nobody is in it (`gateway/docs/metrics.md`). */
export const PROBES: readonly string[] = ['/healthz', '/livez', '/readyz', '/metrics'];

export interface ProbeParts {
  /** Must not touch the disk: it is asked while that refuses. */
  readiness: () => Readiness;
  metrics: () => Promise<Exposition>;
}

/**
 * `/healthz` and `/livez` answer while the event loop turns, whatever the disk does: who restarts a box that
 * does not answer them is right. `/readyz` says whether it does its work, `/metrics` all figures.
 */
export function probeRoutes(app: FastifyInstance, { readiness, metrics }: ProbeParts): void {
  app.get('/healthz', async () => ({ ok: true }));
  app.get('/livez', async () => ({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const said = readiness();
    return reply
      .code(said.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(said);
  });
  app.get('/metrics', async (_request, reply) => {
    try {
      const { type, text } = await metrics();
      return await reply.type(type).send(text);
    } catch {
      return reply.code(503).type('text/plain').send('the figures cannot be read: the disk refuses\n');
    }
  });
}
