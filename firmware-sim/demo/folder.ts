import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createIssuerKey } from '../profile-store/issuer-key.ts';
import { buttons } from '../shop-floor/floor-plan.ts';
import { brokerCertificates } from './certificates.ts';
import { type ShopSettings, shopConfig } from './shop-config.ts';

/** Where everything of one demo lies; absolute names. */
export interface Folder {
  root: string;
  config: string;
  /** The gateway's. */
  data: string;
  logs: string;
  keys: string;
  profileStore: string;
  /** InfluxDB's, where there is one. */
  timeSeries: string;
  ca: string;
  /** Of the profile store. */
  token: string;
  tokenFile: string;
  issuerKeyFile: string;
  bindKeys: Record<string, string>;
}

/** Fresh, in the system's temporary one; only its owner can read it. */
export function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'aisle-demo-'));
  // PostgreSQL is never root and has to pass through; nothing is listed by it.
  if (process.getuid?.() === 0) chmodSync(root, 0o711);
  return root;
}

/** Fills it with keys, certificates and `aisle.yaml`. */
export async function makeFolder(root: string, settings: Omit<ShopSettings, 'issuerKey'>): Promise<Folder> {
  const keys = join(root, 'keys');
  const logs = join(root, 'logs');
  for (const folder of [keys, logs]) mkdirSync(folder, { mode: 0o700 });
  const issuerKeyFile = join(keys, 'issuer.jwk');
  const [certificates, issuerKey] = await Promise.all([
    brokerCertificates(),
    createIssuerKey(issuerKeyFile, 'demo-'),
  ]);
  const token = randomBytes(24).toString('base64url');
  const bindKeys = Object.fromEntries(
    buttons
      .filter(({ over }) => over === 'bthome-encrypted')
      .map(({ id }) => [id, randomBytes(16).toString('hex')]),
  );
  const secret = (name: string, text: string): string => {
    const file = join(keys, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  for (const [id, key] of Object.entries(bindKeys)) secret(`${id}.bindkey`, key);
  secret('ca.crt', certificates.ca);
  secret('broker.crt', certificates.cert);
  secret('broker.key', certificates.key);
  const tokenFile = secret('profile-store.token', token);
  const config = join(root, 'aisle.yaml');
  writeFileSync(config, stringify(shopConfig({ ...settings, issuerKey }), { aliasDuplicateObjects: false }));
  return {
    ...{ root, config, keys, logs, token, tokenFile, issuerKeyFile, bindKeys },
    data: join(root, 'data'),
    profileStore: join(root, 'profile-store'),
    timeSeries: join(root, 'influxdb'),
    ca: certificates.ca,
  };
}
