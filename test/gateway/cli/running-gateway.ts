import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify from 'fastify';
import { onTestFinished } from 'vitest';
import { type Config, readConfig } from '../../../gateway/config.ts';
import { lockFolder } from '../../../gateway/database.ts';
import { freePort } from '../../support/free-port.ts';
import { type CommandShop, commandShop } from './command.ts';

export interface Asked {
  path: string;
  authorization: string | undefined;
  contentType: string | undefined;
  body: string;
}

/** A shop on whose folder a gateway holds the lock and answers commands as it is told; what it was asked. */
export async function runningShop(
  answer: (asked: Asked) => { status: number; body: unknown },
): Promise<CommandShop & { asked: Asked[]; dashboard: Config['dashboard'] }> {
  const port = await freePort();
  const shop = await commandShop(`dashboard: {listen: "127.0.0.1:${port}"}`);
  onTestFinished(lockFolder(shop.config.data));
  writeFileSync(join(shop.config.data, 'dashboard.token'), 'a-token');
  const asked: Asked[] = [];
  const server = fastify();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  server.all('/*', async (request, reply) => {
    const { authorization, 'content-type': contentType } = request.headers;
    const one = { path: request.url, authorization, contentType, body: String(request.body ?? '') };
    asked.push(one);
    const { status, body } = answer(one);
    return reply.code(status).send(body);
  });
  await server.listen({ port, host: '127.0.0.1' });
  onTestFinished(() => server.close());
  return { ...shop, config: readConfig(shop.file), asked, dashboard: shop.config.dashboard };
}
