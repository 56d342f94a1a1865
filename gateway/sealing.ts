import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';

/*
 * AES-256-GCM (NIST SP 800-38D): what lies on disk sealed is 12 octets of a random nonce, the cipher text,
 * 16 octets of tag. `place` is authenticated with it: a value cannot be moved to another row.
 */

const NONCE = 12;
const TAG = 16;

export function seal(key: Buffer, plain: string | Buffer, place: string | Buffer): Buffer {
  const nonce = nextNonce();
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Nonces are drawn many at a time: one call for each costs a third of the sealing. Each is used once. */
const nonces = Buffer.alloc(512 * NONCE);
let used = nonces.length;

function nextNonce(): Buffer {
  if (used === nonces.length) {
    randomFillSync(nonces);
    used = 0;
  }
  used += NONCE;
  return nonces.subarray(used - NONCE, used);
}

/** @throws where the key is another one, or a bit of it or of its place is changed. */
export function unseal(key: Buffer, sealed: Buffer, place: string | Buffer): Buffer {
  const end = sealed.length - TAG;
  if (end < NONCE) throw new Error('a sealed value is too short');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, end)), decipher.final()]);
}
