import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { SubjectData } from '../privacy/subject-data.ts';

/** Octets of a list that is handed in: 100 parts of a signed message each. */
const MAX_LIST = 160 * 1024 * 1024;

const subject = z.strictObject({ ref: z.string().min(1).max(128) });

export interface RightsParts {
  /** Everything held of a person. */
  export: (ref: string) => SubjectData;
  /** Erases a person; the signed certificate once it is on disk. Rejects while the disk refuses. */
  erase: (ref: string) => Promise<string>;
  /** Takes a signed list; the version then in force. Rejects with the reason where it is refused. */
  importList: (text: string) => Promise<{ version: number }>;
}

/**
 * What a person may ask for (GDPR 15, 17, 20; R15, R16), for who has the dashboard's token: the commands
 * `subject export`, `subject erase` and `consents import` come here while the gateway runs. The reference
 * goes in a body; `DELETE` and `GET /subjects/<ref>` are there for programs that expect them, and this
 * server logs no URL.
 */
export function rightsRoutes(app: FastifyInstance, parts: RightsParts): void {
  app.post('/api/subjects/export', async (request, reply) => {
    const { ref } = subject.safeParse(request.body).data ?? {};
    return ref === undefined ? wrongForm(reply) : parts.export(ref);
  });
  app.post('/api/subjects/erase', async (request, reply) => {
    const { ref } = subject.safeParse(request.body).data ?? {};
    return ref === undefined ? wrongForm(reply) : erase(ref, reply);
  });
  app.get<{ Params: { ref: string } }>('/subjects/:ref', async ({ params }) => parts.export(params.ref));
  app.delete<{ Params: { ref: string } }>('/subjects/:ref', ({ params }, reply) => erase(params.ref, reply));

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: MAX_LIST }, (_request, body, done) =>
      done(null, body),
    );
    scope.post('/api/consents', async (request, reply) => {
      try {
        return await parts.importList(String(request.body ?? ''));
      } catch (error) {
        return reply.code(409).send({ error: (error as Error).message });
      }
    });
  });

  async function erase(ref: string, reply: FastifyReply) {
    try {
      return { certificate: await parts.erase(ref) };
    } catch {
      return reply.code(503).send({ error: 'the disk refuses; nothing is erased yet: try again' });
    }
  }
}

function wrongForm(reply: FastifyReply) {
  return reply.code(400).send({ error: 'expected {"ref": "<the profile store\'s reference>"}' });
}
