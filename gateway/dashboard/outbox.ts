import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Redriven, Wanted } from '../outbox/redrive.ts';

const uplink = z.string().min(1).max(2_048);
const wanted = z.strictObject({
  uplink: uplink.optional(),
  ids: z.array(z.string().max(64)).max(1_000).optional(),
});
const forgotten = z.strictObject({ uplink });

export interface OutboxRoutes {
  redrive: (wanted: Wanted) => Redriven;
  /** How many events it was owed. */
  forget: (uplink: string) => number;
}

/**
 * `aisle outbox redrive` and `forget` while the gateway runs, for who has the dashboard's token. Both are on
 * disk before they are answered.
 */
export function outboxRoutes(app: FastifyInstance, parts: OutboxRoutes): void {
  app.post('/api/outbox/redrive', async (request, reply) => {
    const { data } = wanted.safeParse(request.body);
    return data ? answer(reply, () => parts.redrive(data)) : wrongForm(reply, '{"uplink"?, "ids"?: []}');
  });
  app.post('/api/outbox/forget', async (request, reply) => {
    const { data } = forgotten.safeParse(request.body);
    return data
      ? answer(reply, () => ({ forgotten: parts.forget(data.uplink) }))
      : wrongForm(reply, '{"uplink"}');
  });
}

async function answer(reply: FastifyReply, work: () => object) {
  try {
    return work();
  } catch (error) {
    return reply.code(409).send({ error: (error as Error).message });
  }
}

function wrongForm(reply: FastifyReply, form: string) {
  return reply.code(400).send({ error: `expected ${form}` });
}
