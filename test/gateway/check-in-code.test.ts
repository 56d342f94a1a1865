import { KeyObject, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type CodeProblem,
  codeReader,
  type IssuerKeys,
  issuerKeysOf,
  readAppToken,
  readCheckInCode,
} from '../../gateway/check-in-code.ts';
import { createIssuer, type Issuer, ticket } from './kiosk/kiosk.ts';
import { MINUTE, TEN, tokenOf } from './pipeline/shop.ts';

let issuer: Issuer;
let keys: IssuerKeys;

beforeAll(async () => {
  issuer = await createIssuer();
  keys = issuerKeysOf([issuer.jwk]);
});

const HERE = { storeId: 's1', at: TEN };

function problem(code: string, at = TEN): CodeProblem | undefined {
  const read = readCheckInCode(code, keys, { storeId: 's1', at });
  return 'problem' in read ? read.problem : undefined;
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const forge = (header: object, signature = 'AAAA') =>
  `${base64url({ typ: 'aisle-check-in', kid: 'k1', ...header })}.${base64url(ticket(1))}.${signature}`;

describe('a check-in code', () => {
  it('that jose signed for the platform gives the record and the ticket', async () => {
    const code = await issuer.sign(ticket(1, { version: 7, validUntil: '2026-09-01T00:00:00Z' }));
    expect(readCheckInCode(code, keys, HERE)).toEqual({
      recordId: 'c1',
      ticket: {
        subjectRef: 'p1',
        version: 7,
        keys: [{ kind: 'app', token: tokenOf(1) }],
        validUntil: '2026-09-01T00:00:00Z',
      },
    });
  });

  it('with one character of its payload changed is not signed', async () => {
    const [header, , signature] = (await issuer.sign(ticket(1))).split('.');
    const other = base64url(ticket(1, { recordId: 'c2' }));
    expect(problem(`${header}.${other}.${signature}`)).toBe('not signed by an issuer');
  });

  it('of another key under our kid, or of a kid that is not ours, is not signed', async () => {
    const stranger = await createIssuer();
    expect(problem(await stranger.sign(ticket(1)))).toBe('not signed by an issuer');
    expect(problem(await issuer.sign(ticket(1), { kid: 'k2' }))).toBe('not signed by an issuer');
    expect(problem(await issuer.sign(ticket(1), { kid: undefined }))).toBe('not signed by an issuer');
  });

  it('chooses no algorithm: neither none, nor HS256 with the public key as its secret (RFC 8725 §2.1)', async () => {
    const secret = Buffer.from(issuer.jwk.x ?? '', 'base64url');
    const confused = await issuer.sign(ticket(1), { alg: 'HS256' }, secret as never);
    expect(problem(confused)).toBe('not signed by an issuer');
    expect(problem(forge({ alg: 'none' }))).toBe('not signed by an issuer');
    const [, payload, signature] = (await issuer.sign(ticket(1))).split('.');
    const relabelled = `${base64url({ typ: 'aisle-check-in', kid: 'k1', alg: 'none' })}.${payload}.${signature}`;
    expect(problem(relabelled)).toBe('not signed by an issuer');
  });

  it.each([{ alg: 'none' }, { alg: 'HS256' }, { crit: ['b64'], b64: false }])(
    'with %j in its header is refused even where an Ed25519 signature over it is good (RFC 8725 §3.1)',
    (header) => {
      const signed = forge({ alg: 'EdDSA', ...header }).replace(/[.]AAAA$/, '');
      const signature = sign(null, Buffer.from(signed), KeyObject.from(issuer.privateKey as never));
      expect(problem(`${signed}.${signature.toString('base64url')}`)).toBe('not signed by an issuer');
    },
  );

  it('of another type, a signed list for example, is no code', async () => {
    expect(problem(await issuer.sign(ticket(1), { typ: 'aisle-consents' }))).toBe('not a code');
    expect(problem(await issuer.sign(ticket(1), { typ: undefined }))).toBe('not a code');
  });

  it('for another store is refused', async () => {
    expect(problem(await issuer.sign(ticket(1, { storeId: 's2' })))).toBe('for another store');
  });

  it('is good until the millisecond before expiresAt, without leeway', async () => {
    const code = await issuer.sign(ticket(1));
    expect(problem(code, TEN + MINUTE - 1)).toBeUndefined();
    expect(problem(code, TEN + MINUTE)).toBe('expired');
  });

  it('for a consent whose end has come is expired', async () => {
    const validUntil = new Date(TEN).toISOString();
    expect(problem(await issuer.sign(ticket(1, { validUntil })))).toBe('expired');
  });

  it.each([
    ['without an expiry', { expiresAt: undefined }],
    ['without a version', { version: undefined }],
    ['with a key of a wrong length', { keys: [{ kind: 'app', token: 'abcd' }] }],
    ['with a key of an unknown kind', { keys: [{ kind: 'face', template: '00' }] }],
    ['with a time that is none', { expiresAt: 'tomorrow' }],
  ])('%s is of the wrong form though it is signed', async (_, more) => {
    expect(problem(await issuer.sign(ticket(1, more)))).toBe('wrong form');
  });

  it('longer than 4 KiB, or of anything but three parts of base64url, is no code', async () => {
    const long = await issuer.sign(ticket(1, { padding: 'x'.repeat(4_000) }));
    expect(long.length).toBeGreaterThan(4_096);
    const texts = [long, '', 'hello', 'a.b', 'a.b.c.d', 'https://example.org/?a=b', '€.€.€', '\0'];
    expect(texts.map((text) => problem(text))).toEqual(texts.map(() => 'not a code'));
  });

  it('is read with the blanks that a scanner adds', async () => {
    expect(problem(`${await issuer.sign(ticket(1))}\r\n`)).toBeUndefined();
  });
});

describe('an app token', () => {
  it('is 32 hex digits, with or without aisle: before them', () => {
    const token = 'ab'.repeat(16);
    const codes = [token, `aisle:${token}`, ` AISLE:${token.toUpperCase()}\n`];
    expect(codes.map(readAppToken)).toEqual([token, token, token]);
    expect(['ab'.repeat(15), `aisle:${token}0`, `other:${token}`, ''].map(readAppToken)).toEqual(
      [0, 0, 0, 0].map(() => undefined),
    );
  });
});

describe('whose a code is', () => {
  const read = () =>
    codeReader({
      issuerKeys: keys,
      storeId: 's1',
      holderOf: (token) => (token === tokenOf(1) ? { recordId: 'c1' } : undefined),
    });

  it('a token is the holder of a consent in force, or nobody', () => {
    expect(read()(`aisle:${tokenOf(1)}`, TEN)).toEqual({ holder: { recordId: 'c1' }, token: tokenOf(1) });
    expect(read()(tokenOf(2), TEN)).toEqual({ problem: 'unknown' });
  });

  it('a check-in code names its holder, and the app key only where that holder is in force by it', async () => {
    const known = read()(await issuer.sign(ticket(1)), TEN);
    expect(known).toMatchObject({
      holder: { recordId: 'c1', ticket: { subjectRef: 'p1' } },
      token: tokenOf(1),
    });
    const unknown = read()(await issuer.sign(ticket(2)), TEN);
    expect(unknown).toMatchObject({ holder: { recordId: 'c2' } });
    expect(unknown).not.toHaveProperty('token');
    const foreign = read()(await issuer.sign(ticket(3, { keys: [{ kind: 'app', token: tokenOf(1) }] })), TEN);
    expect(foreign).not.toHaveProperty('token');
  });
});
