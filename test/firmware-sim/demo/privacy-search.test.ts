import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { filesBelow, searchFiles } from '../../../firmware-sim/demo/privacy-search.ts';
import { seededRandom } from '../../../firmware-sim/shop-floor/seeded-random.ts';

const ADDRESS = '5a1b2c3d4eff';
const TOKEN = '00112233445566778899aabbccddeefa';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'privacy-search-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** What is found where `planted` stands in the middle of noise. */
function found(planted: string | Uint8Array, identifiers = [ADDRESS, TOKEN]) {
  const file = join(folder(), 'some.log');
  const noise = Buffer.from(seededRandom(5, 'noise').bytes(2_000));
  writeFileSync(file, Buffer.concat([noise, Buffer.from(planted), noise]));
  return searchFiles([file], identifiers);
}

const octets = Buffer.from(ADDRESS, 'hex');
const reversed = Buffer.from(octets).reverse();

describe('the search for a stranger', () => {
  it.each([
    ['raw', octets],
    ['raw, the other way round, as on the air', reversed],
    ['in hex', ADDRESS],
    ['in upper case', ADDRESS.toUpperCase()],
    ['in mixed case', '5A1b2C3d4eFf'],
    ['with colons', '5a:1b:2c:3d:4e:ff'],
    ['with colons in upper case', '5A:1B:2C:3D:4E:FF'],
    ['with hyphens', '5A-1B-2C-3D-4E-FF'],
    ['reversed in hex', reversed.toString('hex')],
    ['as a JSON array of octets', JSON.stringify([...octets])],
    ['in base64', octets.toString('base64')],
    ['in base64 behind one octet', Buffer.concat([Buffer.of(7), octets, Buffer.of(9)]).toString('base64')],
    ['in base64 behind two octets', Buffer.concat([Buffer.of(7, 8), octets]).toString('base64')],
    ['in base64url', Buffer.concat([octets, Buffer.of(1)]).toString('base64url')],
  ])('finds an address %s', (_, planted) => {
    const findings = found(planted);
    expect(findings.map(({ identifier }) => identifier)).toContain(ADDRESS);
    expect(findings.map(({ identifier }) => identifier)).not.toContain(TOKEN);
  });

  it('finds a token, and one identifier as often as there are ways in which it stands there', () => {
    const findings = found(`${TOKEN} ${TOKEN} ${Buffer.from(TOKEN, 'hex').toString('base64')}`);
    expect(findings.map(({ encoding }) => encoding).sort()).toEqual(['base64', 'hex']);
  });

  it('finds nothing in noise, nor what is cut short', () => {
    expect(found('')).toEqual([]);
    expect(found(ADDRESS.slice(0, -1))).toEqual([]);
    expect(found(octets.subarray(0, 5))).toEqual([]);
  });

  it('finds what ends with the file', () => {
    const file = join(folder(), 'end');
    writeFileSync(file, octets);
    expect(searchFiles([file], [ADDRESS])).toHaveLength(1);
  });

  it('is not led astray by a file that ends in the middle of one', () => {
    const made = folder();
    for (let length = 0; length < octets.length; length += 1) {
      writeFileSync(join(made, `cut-${length}`), Buffer.concat([Buffer.of(1), octets.subarray(0, length)]));
    }
    expect(searchFiles(filesBelow([made]), [ADDRESS, TOKEN])).toEqual([]);
  });

  it('looks into a database and its write-ahead log', () => {
    const made = folder();
    const db = new Database(join(made, 'aisle.db'));
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE seen (a BLOB, b TEXT)');
    db.prepare('INSERT INTO seen VALUES (?, ?)').run(octets, `heard ${TOKEN.toUpperCase()}`);
    const findings = searchFiles(filesBelow([made]), [ADDRESS, TOKEN]);
    db.close();
    expect(new Set(findings.map(({ identifier }) => identifier))).toEqual(new Set([ADDRESS, TOKEN]));
    expect(findings.some(({ file }) => file.endsWith('-wal'))).toBe(true);
  });

  it('refuses identifiers that would be found by chance, or are none', () => {
    expect(() => found('', ['5a1b2c'])).toThrow(RangeError);
    expect(() => found('', ['nonsense'])).toThrow('no hex');
  });

  it('leaves out what is not there', () => {
    expect(filesBelow([join(folder(), 'missing')])).toEqual([]);
  });
});
