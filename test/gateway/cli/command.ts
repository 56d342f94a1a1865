import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JWK } from 'jose';
import { createIssuerKey } from '../../../firmware-sim/profile-store/issuer-key.ts';
import { type Config, readConfig } from '../../../gateway/config.ts';
import { compiled } from '../../support/compiled.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A program as a person runs it, to its end; `args` begin with its file. */
export function program(args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: ROOT });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text) => (output[stream] += text));
    }
    child.on('close', (code) => resolve({ code, ...output }));
  });
}

export const aisle = (...args: string[]) => program([compiled('gateway/main'), ...args]);

export interface CommandShop {
  folder: string;
  /** The configuration's file, and what it says. */
  file: string;
  config: Config;
  /** A file of the folder, written. */
  write(name: string, text: string): string;
  /** A full list of these customers, by the example for issuers; the file it is in. */
  issue(customers: readonly Customer[]): Promise<string>;
}

export interface Customer {
  recordId: string;
  subjectRef: string;
  purposes: string[];
  validFrom: string;
  validUntil: string;
  token: string;
}

/** A shop's folder with a configuration and an issuer's key, where nothing ran yet; `yaml` comes on top. */
export async function commandShop(yaml = ''): Promise<CommandShop> {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, name);
  const issuer = await createIssuerKey(path('issuer.jwk'));
  const write = (name: string, text: string) => {
    writeFileSync(path(name), text);
    return path(name);
  };
  const file = write('aisle.yaml', configuration(issuer, yaml));
  mkdirSync(path('data'), { mode: 0o700 });
  return {
    folder,
    file,
    config: readConfig(file),
    write,
    async issue(customers) {
      const listed = write('customers.json', JSON.stringify(customers));
      const { stdout, stderr } = await program([
        join(ROOT, 'gateway/docs/issue-consents.mjs'),
        path('issuer.jwk'),
        'lyon-1',
        listed,
      ]);
      if (stderr !== '') throw new Error(stderr);
      return write('list.jws', stdout);
    },
  };
}

/** Who agreed from yesterday for a year. */
export function customer(n: number, more: Partial<Customer> = {}): Customer {
  const day = 86_400_000;
  return {
    recordId: `consent-${n}`,
    subjectRef: `person-${n}`,
    purposes: ['recognition', 'location'],
    validFrom: new Date(Date.now() - day).toISOString(),
    validUntil: new Date(Date.now() + 365 * day).toISOString(),
    token: `feedfacecafe${n.toString(16).padStart(20, '0')}`,
    ...more,
  };
}

function configuration(issuer: JWK, yaml: string): string {
  return `store: {id: lyon-1, gateway: g1, timezone: Europe/Paris, notice: {id: n1, version: "3", languages: [fr]}}
mode: identify
map:
  zones:
    - {id: entrance, kind: entrance, polygon: [[0, 0], [6, 0], [6, 4], [0, 4]]}
    - {id: shoes, polygon: [[6, 0], [14, 0], [14, 8], [6, 8]]}
  beacons:
    - {id: b1, uuid: f7826da6-4fa2-4e98-8024-bc5b71e0893e, major: 1, minor: 1, zone: shoes}
devices: [{id: app, kind: shopper-app}]
data: data
clock: {source: trusted}
consents: {issuerKeys: [${JSON.stringify(issuer)}]}
${yaml}`;
}
