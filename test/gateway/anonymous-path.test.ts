import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** What keeps strangers anonymous by the shape of the sources themselves (R19, R20). */

const ROOT = resolve(import.meta.dirname, '../..');

/** From a stranger's frame to the number that is told. */
const COUNTING = [
  'devices/crowd-window.ts',
  'devices/frame-batch.ts',
  'devices/frame-filter.ts',
  'devices/frame-repeats.ts',
  'devices/frame-sieve.ts',
  'devices/opt-out.ts',
  'gateway/radio/receiver.ts',
  'gateway/pipeline/context/occupancy.ts',
];

/** Where somebody gets an identity. */
const IDENTIFYING =
  /^gateway\/(recognise\/|consents|consent-record|subject|pipeline\/(identify|locate|shoppers|shop-choices|consent-changes|context\/visits?)\b)/;

/** Files that look something up by an address, and why none of them can follow a stranger. */
const BY_ADDRESS: Record<string, string> = {
  'devices/frame-filter.ts': 'addresses of the shop’s own devices, as configured',
  'devices/opt-out.ts': 'addresses of the shop’s own devices, as configured',
  'devices/frame-repeats.ts':
    'one frame of one address that may leave the receiver, forgotten within a minute',
  'gateway/pipeline/decode.ts': 'addresses of the shop’s own devices, as configured',
  'gateway/dashboard/per-minute.ts': 'network addresses of who posts too often, forgotten each minute',
};

const source = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** What a file imports of this project, and of others; types too, unless only what runs is asked for. */
function importsOf(file: string, { alsoTypes }: { alsoTypes: boolean }): string[] {
  const statements = source(file).matchAll(/^(?:import|export)\s+(type\s)?[^'"`;]*?from '([^']+)'/gm);
  return [...statements].flatMap(([, isType, from = '']) => {
    if (isType && !alsoTypes) return [];
    return from.startsWith('.') ? relative(ROOT, resolve(ROOT, file, '..', from)) : from;
  });
}

/** Everything that runs where this file runs. */
function running(file: string, found = new Set<string>()): Set<string> {
  for (const imported of importsOf(file, { alsoTypes: false })) {
    if (found.has(imported)) continue;
    found.add(imported);
    if (imported.endsWith('.ts')) running(imported, found);
  }
  return found;
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** Whether a file keeps or finds something under an address as it is, not under a hash of it. */
function looksUpByAddress(text: string): boolean {
  return /\.(get|has|add|delete)\(\s*(\w+\.)*(address|mac)\b|\.set\(\s*(\w+\.)*(address|mac)\b[^)]*,|\[(\w+\.)*(address|mac)\]|=\s*(\w+\.)*address \+/i.test(
    withoutComments(text),
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}

describe('R20: on the way of a stranger from frame to number', () => {
  it.each(COUNTING)('%s knows nothing of who anybody is', (file) => {
    const known = [...importsOf(file, { alsoTypes: true }), ...running(file)];
    expect(known.filter((name) => IDENTIFYING.test(name))).toEqual([]);
  });

  it('the search for that finds it where it is', () => {
    const known = [...running('gateway/pipeline/pipeline.ts')].filter((name) => IDENTIFYING.test(name));
    expect(known).toEqual(
      expect.arrayContaining(['gateway/pipeline/identify.ts', 'gateway/recognise/eid.ts']),
    );
  });

  it('the gateway’s part has no word for an identity: numbers come in, numbers go out', () => {
    const text = withoutComments(source('gateway/pipeline/context/occupancy.ts'));
    expect(text).toContain('near');
    expect(text).not.toMatch(/address|subject|sighting|seenkey|recognised|visit|token|holder/i);
  });

  it('what a receiver tells of the crowd has three numbers and no more', () => {
    const [, fields = ''] =
      /export interface Crowd \{([^}]*)\}/.exec(source('devices/crowd-window.ts')) ?? [];
    expect(fields.match(/\w+: \w+/g)).toEqual(['windowS: number', 'near: number', 'far: number']);
  });
});

describe('R20: no address of a stranger is joined with another', () => {
  const files = [...sourcesBelow('gateway'), ...sourcesBelow('devices')];

  it('the search finds what it is to find', () => {
    for (const text of [
      'm.set(address, 1)',
      'm.get(frame.address)',
      'byMac[mac]',
      'const k = address + data',
    ]) {
      expect(looksUpByAddress(text)).toBe(true);
    }
    for (const text of ['m.set(pseudonymOf(address), 1)', '// m.set(address, 1)', 'format(address)']) {
      expect(looksUpByAddress(text)).toBe(false);
    }
  });

  it('nothing is looked up by an address but where a reason stands here', () => {
    const found = files.filter((file) => looksUpByAddress(source(file)));
    expect(found.sort()).toEqual(Object.keys(BY_ADDRESS).sort());
  });

  it('who remembers an address of somebody unknown does so by a hash under a key of the process', () => {
    for (const file of [
      'gateway/recognise/private-address.ts',
      'gateway/pipeline/wifi-sessions.ts',
      'devices/crowd-window.ts',
    ]) {
      expect(source(file)).toMatch(/createHmac\('sha256', (key|pseudonymKey)\)\.update\(address\)/);
    }
  });
});

it('R19: nothing on a receiver’s way of counting can write a file', () => {
  for (const file of COUNTING.filter((name) => name.startsWith('devices/'))) {
    expect(
      [...running(file)].filter((name) => /^(node:)?(fs|child_process|sqlite)|better-sqlite3/.test(name)),
    ).toEqual([]);
  }
});
