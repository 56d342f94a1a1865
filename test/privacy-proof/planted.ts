import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodings } from '../../firmware-sim/demo/encodings.ts';
import { octetMark } from './marks.ts';
import { createSearch } from './search.ts';

/**
 * A search that finds nothing proves nothing unless it can find: a mark is written into a file of the
 * searched folder in each form, looked for, and taken away again. Returns the forms that were not found.
 */
export function formsNotFound(data: string): string[] {
  const octets = randomBytes(6);
  octets[0] = 0xa7;
  const search = createSearch([octetMark('planted', octets)]);
  const folder = join(data, 'planted');
  mkdirSync(folder);
  try {
    return formsOf(octets).flatMap(({ name, bytes }, i) => {
      const file = join(folder, `${i}`);
      // In the middle of other things, as it would be.
      writeFileSync(file, Buffer.concat([Buffer.from('{"seen": "'), bytes, Buffer.from('", "n": 1}')]));
      const before = search.findings().length;
      search.file(file, { place: 'disk', where: file, isAfterNoon: true });
      return search.findings().length > before ? [] : [name];
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The demo's own list of encodings, of the octets and of their digests: written by others than who reads. */
function formsOf(octets: Buffer): { name: string; bytes: Buffer }[] {
  const hex = octets.toString('hex');
  const printed = hex.replace(/..(?!$)/g, '$&:');
  const written = writtenDown(octets);
  const inCapitals = written.filter(({ name }) => name.startsWith('hex')).map(upper);
  const digested = ['md5', 'sha1', 'sha256'].flatMap((digest) =>
    [octets, hex, hex.toUpperCase(), printed, printed.toUpperCase()].flatMap((said) => {
      const as = Buffer.isBuffer(said) ? 'octets' : said;
      return writtenDown(createHash(digest).update(said).digest())
        .filter(({ name }) => !name.includes('reversed'))
        .map(({ name, bytes }) => ({ name: `${name} of ${digest} of ${as}`, bytes }));
    }),
  );
  const whole = { name: 'whole number', bytes: Buffer.from(`${octets.readUIntBE(0, 6)}`) };
  return [...written, ...inCapitals, ...digested, whole];
}

/** In base64 with others before and behind, as the demo's leaves out the characters that it shares with them. */
function writtenDown(octets: Buffer): { name: string; bytes: Buffer }[] {
  const base64 = [0, 1, 2].flatMap((before) => {
    const among = Buffer.concat([randomBytes(before), octets, randomBytes(3)]);
    return (['base64', 'base64url'] as const).map((name) => ({
      name: `${name}, ${before} octets in`,
      bytes: Buffer.from(among.toString(name)),
    }));
  });
  return [...encodings(octets).filter(({ name }) => name !== 'base64'), ...base64];
}

function upper({ name, bytes }: { name: string; bytes: Buffer }) {
  return { name: `${name}, upper case`, bytes: Buffer.from(String(bytes).toUpperCase()) };
}
