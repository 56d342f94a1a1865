import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type CodeProblem, codeReader, issuerKeysOf, MAX_CODE } from '../check-in-code.ts';
import type { Config } from '../config.ts';
import { type ConsentRecord, PURPOSES, type Purpose } from '../consent-record.ts';
import type { Holder } from '../consents.ts';
import { perMinute } from '../dashboard/per-minute.ts';
import { grantedAtOnce } from '../pipeline/context/check-ins.ts';
import type { Choice } from '../pipeline/signal.ts';
import { type NoticeConfig, noticeOf } from './notice.ts';
import { HEADERS, pageRoutes } from './pages.ts';

const MAX_BODY = 16 * 1024;
/** Requests of one address in a minute; more are told to wait (RFC 6585 §4). */
const MOST_A_MINUTE = 120;
/** How long an answer waits for the disk, ms. */
const PATIENCE = 10_000;

export interface KioskParts {
  config: NoticeConfig & Pick<Config, 'consents'>;
  now: () => number;
  /** As the pipeline offers them. */
  holderOf: (token: string, at: number) => Holder | undefined;
  /** Records in force of the person whose record this is. */
  heldBy: (recordId: string) => readonly ConsentRecord[];
  recognises: (at: number) => { ok: boolean; reason?: string };
  mayGrant: () => boolean;
  /** True while the disk refuses. */
  isRefusing: () => boolean;
  /** Gives a choice to the pipeline; `done` once its outcome is on disk. */
  choose: (
    choice: Choice,
    done: (outcome: { refused?: string }) => void,
    refuse: (error: Error) => void,
  ) => void;
  /** Told of a bug of ours, by the line where it showed: its own words may hold what was sent (R13). */
  mistake: (where: string) => void;
  patienceMs?: number;
}

/** What a person is told of their own consent; never its keys. */
export interface Held {
  recordId: string;
  version: number;
  purposes: Purpose[];
  since: string;
  validUntil: string | null;
  noticeVersion: string;
  method: string | null;
}

/**
 * The kiosk's page and the public notice, and behind them four requests: `look` says what is held of whom
 * a code is, `grant` and `withdraw` change it, `/api/app/consent` is both for the retailer's app. A code
 * comes in a body, never in a URL (R23), and is neither kept, logged nor repeated (R13). The code alone is
 * the credential: to withdraw takes no more than to agree (R7).
 */
export function kioskRoutes(app: FastifyInstance, parts: KioskParts): void {
  const { config, now, patienceMs = PATIENCE } = parts;
  const { store } = config;
  const read = codeReader({
    issuerKeys: issuerKeysOf(config.consents.issuerKeys),
    storeId: store.id,
    holderOf: parts.holderOf,
  });
  const notice = () => noticeOf(config, parts.recognises(now()));
  const isTooMany = perMinute(MOST_A_MINUTE);

  /** Of all records of that person, as one: what the shop may do by any of them. */
  function heldBy(recordId: string): Held | null {
    const records = parts.heldBy(recordId);
    const record = records.find((one) => one.recordId === recordId) ?? records[0];
    if (!record) return null;
    const { version, validFrom, validUntil, noticeVersion, method } = record;
    return {
      recordId: record.recordId,
      version,
      purposes: [...new Set(records.flatMap(({ purposes }) => purposes))],
      since: validFrom,
      validUntil: validUntil ?? null,
      noticeVersion,
      method: method ?? null,
    };
  }

  function look(code: string) {
    const shown = read(code, now());
    const about = { notice: store.notice ?? null };
    if ('holder' in shown)
      return { known: true, held: heldBy(shown.holder.recordId), canGrant: parts.mayGrant(), ...about };
    // A token that nobody holds is no wrong code: the gateway holds nothing by it, and says so.
    if (shown.problem === 'unknown') return { known: false, held: null, canGrant: false, ...about };
    throw new Wrong(422, shown.problem);
  }

  function holderOf(code: string): Holder {
    const shown = read(code, now());
    if ('holder' in shown) return shown.holder;
    throw new Wrong(shown.problem === 'unknown' ? 404 : 422, shown.problem);
  }

  async function grant(
    code: string,
    channel: Channel,
    wish: { purposes?: Purpose[] | undefined; language?: string | undefined },
  ) {
    const holder = holderOf(code);
    if (!parts.mayGrant()) throw new Wrong(409, 'not offered');
    const purposes = wish.purposes ?? grantedAtOnce(heldBy(holder.recordId)?.purposes);
    // The others rest on it, and it is asked for like them: never added in silence.
    if (!purposes.includes('recognition')) throw new Wrong(422, 'recognition is needed');
    const { language } = wish;
    await onDisk({ channel, holder, choice: { purposes, ...(language !== undefined && { language }) } });
    const held = heldBy(holder.recordId);
    return { done: 'granted', recordId: holder.recordId, version: held?.version ?? null, held };
  }

  async function withdraw(code: string, channel: Channel) {
    const holder = holderOf(code);
    const { recordId, ticket } = holder;
    const version = heldBy(recordId)?.version ?? ticket?.version ?? null;
    await onDisk({ channel, holder, choice: 'withdraw' });
    return { done: 'withdrawn', recordId, version, held: heldBy(recordId) };
  }

  /** Nothing enters while the disk refuses, so that what is answered with 503 has no effect later. */
  function onDisk(choice: Choice): Promise<void> {
    if (parts.isRefusing()) throw new Wrong(503, 'disk refuses');
    return new Promise((resolve, reject) => {
      const impatient = setTimeout(() => reject(new Wrong(503, 'disk is slow')), patienceMs);
      const settle = (wrong?: Wrong) => {
        clearTimeout(impatient);
        if (wrong) reject(wrong);
        else resolve();
      };
      parts.choose(
        choice,
        ({ refused }) => settle(refused === undefined ? undefined : new Wrong(409, 'refused')),
        () => settle(new Wrong(503, 'disk refuses')),
      );
    });
  }

  pageRoutes(app, notice);
  app.get('/api/notice', async (_, reply) => reply.headers(HEADERS).send(notice()));
  app.register(async (scope) => {
    // JSON alone: another site's page cannot send that here without being asked first (CORS).
    scope.removeContentTypeParser('text/plain');
    scope.addHook('onRequest', async (_, reply) => {
      reply.headers(HEADERS);
    });
    // Whoever withdraws is never told to wait: not even where a proxy makes all of a shop one address.
    const limit = ({ ip }: FastifyRequest) => {
      if (isTooMany(ip, now())) throw new Wrong(429, 'too many');
    };
    scope.setErrorHandler(async (error: Error, _, reply) => {
      const wrong = wrongOf(error);
      if (wrong.what === 'our mistake') parts.mistake(whereOf(error));
      return answer(wrong, reply);
    });
    const options = { bodyLimit: MAX_BODY };
    scope.post('/api/kiosk/look', options, async (request) => {
      limit(request);
      return look(bodyOf(lookForm, request.body).code);
    });
    scope.post('/api/kiosk/grant', options, async (request) => {
      limit(request);
      const { code, ...wish } = bodyOf(grantForm, request.body);
      return grant(code, 'kiosk', wish);
    });
    scope.post('/api/kiosk/withdraw', options, async ({ body }) =>
      withdraw(bodyOf(lookForm, body).code, 'kiosk'),
    );
    scope.post('/api/app/consent', options, async (request) => {
      const { code, choice, purposes } = bodyOf(appForm, request.body);
      if (choice === 'withdraw') return withdraw(code, 'app');
      limit(request);
      return grant(code, 'app', { purposes });
    });
  });
}

type Channel = 'kiosk' | 'app';

const code = z.string().min(1).max(MAX_CODE);
const purposes = z.array(z.enum(PURPOSES)).max(PURPOSES.length);
const lookForm = z.object({ code });
const grantForm = z.object({
  code,
  purposes,
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z]{2,4})?$/)
    .optional(),
});
const appForm = z.object({ code, choice: z.enum(['grant', 'withdraw']), purposes: purposes.optional() });

function bodyOf<T extends z.ZodType>(form: T, body: unknown): z.infer<T> {
  const parsed = form.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Wrong(400, 'wrong request');
}

/** Each answer that is not 2xx, in a sentence. None repeats what was sent (R13). */
const SENTENCES = {
  'not a code': 'This is not a code of the app.',
  'not signed by an issuer': 'This code is not signed by the platform of this shop.',
  'wrong form': 'This code is signed but cannot be read: its maker has to be told.',
  'for another store': 'This code is for another shop.',
  expired: 'This code has expired: open the app for a new one.',
  unknown: 'This shop holds nothing under this code.',
  'not offered': 'This shop recognises nobody: there is nothing to agree to.',
  'recognition is needed': 'The other purposes rest on recognition: it has to be among those chosen.',
  refused: 'Nothing was changed: there is no agreement to change under this code.',
  'wrong request': 'The request is not of the form that is documented.',
  'too large': 'The request is larger than 16 KiB.',
  'not JSON': 'The request has to be JSON, with content-type application/json.',
  'too many': 'Too many requests: wait a minute.',
  'disk refuses': 'Nothing was changed: it cannot be kept at the moment. Try again, or ask the staff.',
  'disk is slow': 'It takes effect but is not kept yet: look again in a moment, or ask the staff.',
  'our mistake': 'Something went wrong here. Ask the staff.',
} as const satisfies Record<CodeProblem, string> & Record<string, string>;

class Wrong extends Error {
  readonly statusCode: number;
  readonly what: keyof typeof SENTENCES;
  constructor(statusCode: number, what: keyof typeof SENTENCES) {
    super(SENTENCES[what]);
    this.statusCode = statusCode;
    this.what = what;
  }
}

/** The framework's own words may carry a piece of the body: only its status is kept. */
function wrongOf(error: unknown): Wrong {
  if (error instanceof Wrong) return error;
  const { statusCode = 500 } = error as { statusCode?: number };
  if (statusCode === 413) return new Wrong(413, 'too large');
  if (statusCode === 415) return new Wrong(415, 'not JSON');
  return statusCode < 500 ? new Wrong(400, 'not JSON') : new Wrong(500, 'our mistake');
}

/** The innermost line of ours in a stack: `at look (…/routes.ts:88:11)`. */
function whereOf({ name, stack = '' }: Error): string {
  const line = stack.split('\n').find((text) => text.trimStart().startsWith('at '));
  return `${name} ${line?.trim() ?? ''}`;
}

function answer({ statusCode, what, message }: Wrong, reply: FastifyReply) {
  if (statusCode === 429) reply.header('retry-after', '60');
  return reply.code(statusCode).send({ error: what, message });
}
