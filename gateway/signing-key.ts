import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';

/** RFC 8410 §7: what node:crypto needs before the raw 32 octets of an Ed25519 private key. */
const PRIVATE_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The gateway's own key, for what it certifies. */
export interface SigningKey {
  /** The public half, RFC 8037 §2, with `kid` and `alg`. */
  jwk: { kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string; alg: 'EdDSA' };
  /** A compact JWS (RFC 7515 §7.1) of the payload as JSON. Synchronous: it is part of a transaction. */
  sign(typ: string, payload: unknown): string;
}

/** The same key from the same 32 octets: a backup of the store key is a backup of this one. */
export function signingKey(seed: Buffer): SigningKey {
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_HEADER, seed]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  // RFC 7638 §3.2: the required members in lexicographic order.
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }));
  const kid = thumbprint.digest('base64url');
  return {
    jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA' },
    sign(typ, payload) {
      const signed = `${encode({ alg: 'EdDSA', kid, typ })}.${encode(payload)}`;
      return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
