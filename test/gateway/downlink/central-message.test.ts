import { CompactSign, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CentralReader, centralReader } from '../../../gateway/downlink/central-message.ts';
import { Refused } from '../../../gateway/downlink/refused.ts';

const AT = '2026-03-02T10:00:00Z';
const RECORD = {
  recordId: 'c1',
  version: 1,
  subjectRef: 'p1',
  purposes: ['recognition'],
  state: 'given',
  validFrom: '2026-01-01T00:00:00Z',
  noticeVersion: '3',
  stores: ['s1'],
  keys: [],
};
const LIST = { storeId: 's1', list: 'full', version: 7, issuedAt: AT, records: [RECORD] };
const COMMAND = {
  id: 'x1',
  storeId: 's1',
  gateway: 'g1',
  action: 'setpoint',
  args: { device: 'radiator-1', setpointC: 18 },
  issuedAt: AT,
  expiresAt: '2026-03-02T10:05:00Z',
};

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
let issuer: Key;
let stranger: Key;
let issuerJwk: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair('EdDSA', { extractable: true });
  issuer = pair.privateKey;
  issuerJwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1' };
  stranger = (await generateKeyPair('EdDSA')).privateKey;
});

const reader = (): CentralReader => centralReader([issuerJwk], 's1');

function sign(payload: unknown, header: object = {}, key = issuer): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k1', typ: 'aisle-consents', ...header } as JWTHeaderParameters)
    .sign(key);
}

/** A compact JWS of any header and signature. */
function forge(header: object, payload: unknown, signature = 'AAAA'): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.${signature}`;
}

async function refusal(jws: string, from = reader()): Promise<string> {
  const error = await from.read(jws).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Refused);
  return (error as Refused).message;
}

describe('a message of the central platform', () => {
  it('signed by an issuer key is a list, times in ms', async () => {
    const { records, ...list } = LIST;
    expect(await reader().read(await sign({ ...list, records, previous: 6, list: 'change' }))).toMatchObject({
      kind: 'consents',
      storeId: 's1',
      list: 'change',
      version: 7,
      previous: 6,
      issuedAt: Date.parse(AT),
      records: [{ recordId: 'c1', subjectRef: 'p1' }],
    });
  });

  it('or a command, or a decision, of which nothing is made yet', async () => {
    const command = await reader().read(await sign(COMMAND, { typ: 'aisle-command' }));
    const times = { issuedAt: Date.parse(AT), expiresAt: Date.parse(COMMAND.expiresAt) };
    expect(command).toEqual({ kind: 'command', command: { ...COMMAND, ...times } });
    expect(await reader().read(await sign({}, { typ: 'aisle-decision' }))).toEqual({ kind: 'nothing' });
  });

  it('is read with any of the issuer keys', async () => {
    const other = await generateKeyPair('EdDSA', { extractable: true });
    const keys = [issuerJwk, { ...(await exportJWK(other.publicKey)), kid: 'k2' }];
    const jws = await sign(LIST, { kid: 'k2' }, other.privateKey);
    expect(await centralReader(keys, 's1').read(jws)).toMatchObject({ kind: 'consents' });
  });
});

describe('is refused', () => {
  it('signed by a stranger, under our key’s name or its own', async () => {
    expect(await refusal(await sign(LIST, {}, stranger))).toContain('not a valid signed message');
    expect(await refusal(await sign(LIST, { kid: 'k9' }, stranger))).toContain('not in consents.issuerKeys');
  });

  it('R10: changed after it was signed, in any part', async () => {
    const [header = '', , signature = ''] = (await sign(LIST)).split('.');
    const payload = Buffer.from(JSON.stringify({ ...LIST, version: 8 })).toString('base64url');
    expect(await refusal(`${header}.${payload}.${signature}`)).toContain('not a valid signed message');
    const jws = await sign(LIST);
    const typed = forge({ alg: 'EdDSA', kid: 'k1', typ: 'aisle-command' }, LIST, jws.split('.')[2]);
    expect(await refusal(typed)).toContain('not a valid signed message');
  });

  it.each(['none', 'HS256', 'RS256', 'ES256'])('with algorithm %s', async (alg) => {
    for (const signature of ['', 'AAAA']) {
      const jws = forge({ alg, kid: 'k1', typ: 'aisle-consents' }, LIST, signature);
      expect(await refusal(jws)).toContain('not a valid signed message');
    }
  });

  it('signed with our public key as an HMAC secret', async () => {
    const { x = '' } = issuerJwk;
    const jws = await new CompactSign(Buffer.from(JSON.stringify(LIST)))
      .setProtectedHeader({ alg: 'HS256', kid: 'k1', typ: 'aisle-consents' })
      .sign(Buffer.from(x, 'base64url'));
    expect(await refusal(jws)).toContain('not a valid signed message');
  });

  it('with the key that it brings along itself', async () => {
    const pair = await generateKeyPair('EdDSA', { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    expect(await refusal(await sign(LIST, { jwk, kid: 'k1' }, pair.privateKey))).toContain('not a valid');
  });

  it('without the name of its key', async () => {
    const jws = await new CompactSign(Buffer.from(JSON.stringify(LIST)))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'aisle-consents' })
      .sign(issuer);
    expect(await refusal(jws)).toContain('not in consents.issuerKeys');
  });

  it.each(['', 'what?', '..', '{}', 'a.b', 'a.b.c', 'e30.e30.e30', `${'.'.repeat(1_000)}`])(
    'where it is no JWS: %s',
    async (jws) => {
      await refusal(jws);
    },
  );

  it('cut off anywhere', async () => {
    const jws = await sign(LIST);
    for (let length = 0; length < jws.length; length += 17) await refusal(jws.slice(0, length));
  });

  it('over the size of a part', async () => {
    expect(await refusal('a'.repeat(1.5 * 1024 * 1024 + 1))).toContain('over the limit');
  });

  it.each(['aisle-certificate', 'JWT', undefined])('of type %s', async (typ) => {
    expect(await refusal(await sign(LIST, { typ }))).toContain('unknown type');
  });

  it.each([
    ['not JSON', 'what?', 'aisle-consents', 'not a valid signed message'],
    ['of the wrong form', [], 'aisle-consents', 'consent list: the payload'],
    ['without a version', { ...LIST, version: undefined }, 'aisle-consents', 'consent list: version'],
    [
      'with a record of the wrong form',
      { ...LIST, records: [{ ...RECORD, purposes: ['all'] }] },
      'aisle-consents',
      'consent list: records.0.purposes.0',
    ],
    ['with a time that is none', { ...LIST, issuedAt: 'now' }, 'aisle-consents', 'consent list: issuedAt'],
    [
      'in more parts than there may be',
      { ...LIST, part: 1, parts: 101 },
      'aisle-consents',
      'consent list: parts',
    ],
    ['a command without an end', { ...COMMAND, expiresAt: undefined }, 'aisle-command', 'command: expiresAt'],
  ])('where its payload is %s', async (_, payload, typ, reason) => {
    expect(await refusal(await sign(payload, { typ }))).toContain(reason);
  });

  it('where the issuer key in the configuration is none, without ending the process', async () => {
    const broken = centralReader([{ kty: 'OKP', crv: 'Ed25519', x: 'AA', kid: 'k1' }], 's1');
    expect(await refusal(await sign(LIST), broken)).toContain('not a valid signed message');
  });
});

describe('a list in parts', () => {
  const part = (number: number | undefined, parts: number, more = {}) =>
    sign({ ...LIST, part: number, parts, records: [{ ...RECORD, recordId: `c${number}` }], ...more });
  const ids = (message: unknown) =>
    (message as { records?: { recordId: string }[] }).records?.map(({ recordId }) => recordId);

  it.each([[[1, 2, 3]], [[3, 1, 2]], [[2, 2, 3, 1]]])(
    'is whole once all are there, coming as %j',
    async (order) => {
      const from = reader();
      const messages: unknown[] = [];
      for (const number of order) messages.push(await from.read(await part(number, 3)));
      expect(messages.slice(0, -1)).toEqual(messages.slice(0, -1).map(() => ({ kind: 'nothing' })));
      expect(ids(messages.at(-1))).toEqual(['c1', 'c2', 'c3']);
    },
  );

  it('of one is whole at once', async () => {
    expect(ids(await reader().read(await part(1, 1)))).toEqual(['c1']);
  });

  it('gives way to a newer one, and takes nothing of an older one in', async () => {
    const from = reader();
    await from.read(await part(1, 2));
    await from.read(await part(1, 2, { version: 8 }));
    expect(await refusal(await part(2, 2), from)).toContain('part of version 7, 8 has begun');
    expect(ids(await from.read(await part(2, 2, { version: 8 })))).toEqual(['c1', 'c2']);
  });

  it('sent anew under the same version begins anew: parts of two lists never mix', async () => {
    const from = reader();
    await from.read(await part(1, 2));
    const later = { issuedAt: '2026-03-02T10:00:01Z' };
    expect(await from.read(await part(2, 2, later))).toEqual({ kind: 'nothing' });
    expect(ids(await from.read(await part(1, 2, later)))).toEqual(['c1', 'c2']);
  });

  it('lets a list in one part pass meanwhile', async () => {
    const from = reader();
    await from.read(await part(1, 2));
    expect(ids(await from.read(await sign({ ...LIST, version: 6 })))).toEqual(['c1']);
    expect(ids(await from.read(await part(2, 2)))).toEqual(['c1', 'c2']);
  });

  it.each([
    [undefined, 2],
    [3, 2],
    [0, 2],
  ])('without its number is refused (%s of %d)', async (number, parts) => {
    expect(await refusal(await part(number, parts))).toContain('consent list: part');
  });
});
