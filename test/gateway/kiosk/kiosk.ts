import fastify from 'fastify';
import { CompactSign, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters } from 'jose';
import { onTestFinished } from 'vitest';
import type { Config } from '../../../gateway/config.ts';
import type { ConsentRecord } from '../../../gateway/consent-record.ts';
import { type KioskParts, kioskRoutes } from '../../../gateway/kiosk/routes.ts';
import { list, shop, shopConfig, TEN, tokenOf } from '../pipeline/shop.ts';

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

/** The central platform, by jose alone: a witness of the codes that is not ours. */
export interface Issuer {
  jwk: JWK;
  privateKey: Key;
  sign(payload: unknown, header?: object, key?: Key): Promise<string>;
}

export async function createIssuer(kid = 'k1'): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  return {
    jwk: { ...(await exportJWK(publicKey)), kid },
    privateKey,
    sign: (payload, header = {}, key = privateKey) =>
      new CompactSign(Buffer.from(JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'aisle-check-in', ...header } as JWTHeaderParameters)
        .sign(key),
  };
}

/** What the platform says of shopper n who comes to the kiosk; good until a minute after ten. */
export function ticket(n: number, more: object = {}) {
  return {
    storeId: 's1',
    recordId: `c${n}`,
    version: 1,
    subjectRef: `p${n}`,
    keys: [{ kind: 'app', token: tokenOf(n) }],
    expiresAt: new Date(TEN + 60_000).toISOString(),
    ...more,
  };
}

export function kioskConfig(issuer: Issuer | undefined, change: (config: Config) => Config = (one) => one) {
  return shopConfig((config) =>
    change({
      ...config,
      store: { ...config.store, notice: { id: 'n1', version: '4', languages: ['fr', 'en'] } },
      consents: { ...config.consents, issuerKeys: issuer ? [issuer.jwk as never] : [] },
    }),
  );
}

/** A shop that tells shoppers nothing. */
export function withoutNotice(config: Config): Config {
  const { notice: _, ...store } = config.store;
  return { ...config, store };
}

export interface Kiosk {
  url: string;
  /** What was chosen, in order, as the pipeline was given it. */
  chosen: Parameters<KioskParts['choose']>[0][];
  held(recordId: string): ConsentRecord | undefined;
  mistakes: string[];
  post(path: string, body: unknown): Promise<{ status: number; json: Record<string, unknown>; text: string }>;
}

/** The kiosk's routes on a server of their own, before a real pipeline that holds these records. */
export async function openKiosk(parts: {
  config: Config;
  records?: ConsentRecord[];
  more?: Partial<KioskParts>;
}): Promise<Kiosk> {
  const { config, records = [], more = {} } = parts;
  const pipeline = shop({ config });
  pipeline.accept(list(TEN, 1, records));
  const chosen: Kiosk['chosen'] = [];
  const mistakes: string[] = [];
  const app = fastify({ logger: false });
  kioskRoutes(app, {
    config,
    now: () => TEN,
    holderOf: pipeline.holderOf,
    heldBy: pipeline.heldBy,
    mayGrant: pipeline.mayGrant,
    recognises: pipeline.recognises,
    isRefusing: () => false,
    choose(choice, done) {
      chosen.push(choice);
      const outcome = pipeline.accept({ kind: 'choice', at: TEN, ...choice });
      setImmediate(() => done(outcome));
    },
    mistake: (where) => mistakes.push(where),
    ...more,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  return {
    url,
    chosen,
    mistakes,
    held: pipeline.held,
    async post(path, body) {
      const answer = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await answer.text();
      return { status: answer.status, text, json: JSON.parse(text) as Record<string, unknown> };
    },
  };
}
