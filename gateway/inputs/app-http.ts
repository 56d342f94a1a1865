import type { FastifyInstance } from 'fastify';
import type { Message } from '../../devices/device.ts';
import { MAX_PAYLOAD } from '../access/framing.ts';
import { perMinute } from '../dashboard/per-minute.ts';

/** Reports of one address in a minute; more are told to wait (RFC 6585 §4). */
const MOST_A_MINUTE = 120;

/**
 * `POST /api/app/ranged`: what `devices/<app>/ranged` is over MQTT, for apps without an MQTT client.
 * Needs no credential, the token in the body alone recognises; so the answer is 204 once it is on
 * disk, whether anybody was recognised or not, and tells nothing about anybody.
 */
export function appRoutes(
  app: FastifyInstance,
  parts: {
    /** The shop's `shopper-app` entry. */
    device: string;
    now: () => number;
    take: (message: Message, done: (refused?: Error) => void) => void;
  },
): void {
  const isTooMany = perMinute(MOST_A_MINUTE);

  app.register(async (scope) => {
    // Any content type: the bytes go the same road as those of an MQTT message.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_PAYLOAD }, (_request, body, done) =>
      done(null, body),
    );
    scope.post('/api/app/ranged', (request, reply) => {
      if (isTooMany(request.ip, parts.now())) return reply.code(429).header('retry-after', '60').send();
      const payload = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const { device } = parts;
      const message: Message = {
        kind: 'message',
        topic: `devices/${device}/ranged`,
        device,
        payload,
        at: parts.now(),
      };
      parts.take(message, (refused) => void reply.code(refused ? 503 : 204).send());
      return reply;
    });
  });
}
