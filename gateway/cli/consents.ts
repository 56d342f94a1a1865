import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { CompactSign, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

/**
 * Signs a consent list as the central platform does. The list is the payload of the contract, with
 * `version` and `issuedAt` filled in where they are missing.
 * @throws where the list or the key cannot be read.
 */
export async function signConsents(
  listFile: string,
  keyFile: string,
  say: (text: string) => void,
): Promise<string> {
  const list = readJson(listFile);
  const jwk = existsSync(keyFile) ? (readJson(keyFile) as JWK) : await makeKey(keyFile, say);
  if (jwk.kid === undefined || jwk.d === undefined)
    throw new Error(`${keyFile}: must be a private JWK with a kid`);
  const payload = { version: Date.now(), issuedAt: new Date().toISOString(), list: 'full', ...list };
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', kid: jwk.kid, typ: 'aisle-consents' })
    .sign(await importJWK(jwk, 'EdDSA'));
}

async function makeKey(file: string, say: (text: string) => void): Promise<JWK> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: `issuer-${randomBytes(4).toString('hex')}` };
  writeFileSync(file, JSON.stringify(jwk), { mode: 0o600, flag: 'wx' });
  const { d: _, ...shown } = jwk;
  say(`made ${file}; its public half, for consents.issuerKeys: ${JSON.stringify(shown)}`);
  return jwk;
}

function readJson(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}
