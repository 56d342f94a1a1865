import { readFile, writeFile } from 'node:fs/promises';
import { CompactSign, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

/** The `typ` of each kind of downlink message (contract, "From the central platform"). */
export const MESSAGE_TYPES = {
  consents: 'aisle-consents',
  command: 'aisle-command',
  decision: 'aisle-decision',
} as const;
export type MessageKind = keyof typeof MESSAGE_TYPES;

export interface Issuer {
  kid: string;
  /** A compact JWS (RFC 7515 §7.1) with EdDSA over Ed25519 (RFC 8037 §3.1). */
  sign(kind: MessageKind, payload: object): Promise<string>;
}

/**
 * Makes a new Ed25519 key, writes it to `file` (mode 0600) and returns the public JWK, which goes to
 * the gateway's `consents.issuerKeys`. `kid` is the thumbprint (RFC 7638) behind `prefix`, such as `demo-`, by
 * which a real store's gateway refuses it. Throws where the file exists.
 */
export async function createIssuerKey(file: string, prefix = ''): Promise<JWK> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = `${prefix}${await calculateJwkThumbprint(jwk)}`;
  const named = { ...jwk, kid, alg: 'EdDSA', use: 'sig' };
  await writeFile(file, `${JSON.stringify(named)}\n`, { mode: 0o600, flag: 'wx' });
  const { d: _private, ...publicJwk } = named;
  return publicJwk;
}

/** Reads a key that `createIssuerKey` wrote; an error says what is wrong with the file. */
export async function readIssuerKey(file: string): Promise<Issuer> {
  const jwk = await readJwk(file);
  const { kid } = jwk;
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || !jwk.d || !kid) {
    throw new Error(`${file}: expected a private Ed25519 JWK with 'kid'; make one with --new-issuer-key`);
  }
  const key = await importJWK(jwk, 'EdDSA');
  return {
    kid,
    sign: (kind, payload) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: MESSAGE_TYPES[kind] })
        .sign(key),
  };
}

async function readJwk(file: string): Promise<JWK> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text) as JWK;
  } catch {
    // The parser's own message would quote the private key.
    throw new Error(`${file}: expected a JWK, found something that is not JSON`);
  }
}
