import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { grepCommands } from '../../../firmware-sim/demo/grep.ts';

const ADDRESS = '5a1b2c3d4eff';

/** What the printed commands print, run by a shell as a visitor would. */
function run(planted: string | Uint8Array): string {
  const made = mkdtempSync(join(tmpdir(), 'grep test '));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  writeFileSync(
    join(made, 'aisle.db'),
    Buffer.concat([Buffer.of(0, 1, 2), Buffer.from(planted), Buffer.of(0)]),
  );
  const commands = grepCommands([{ kind: 'address', hex: ADDRESS }], [made]);
  return commands.map((command) => spawnSync('bash', ['-c', command], { encoding: 'utf8' }).stdout).join('');
}

describe('the commands for the visitor', () => {
  const octets = Buffer.from(ADDRESS, 'hex');
  it.each([
    ['raw', octets],
    ['raw reversed', Buffer.from(octets).reverse()],
    ['as text in upper case', '5A:1B:2C:3D:4E:FF'],
    ['in base64', octets.toString('base64')],
  ])('find an address that stands there %s', (_, planted) => {
    expect(run(planted)).toContain('aisle.db');
  });

  it('print nothing where it does not stand', () => {
    expect(run('nothing of the kind')).toBe('');
  });
});
