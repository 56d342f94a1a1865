import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runWithLeak } from './leaks.ts';
import { needlesOf, octetMark, textMark } from './marks.ts';
import type { Result } from './proof.ts';
import { createSearch } from './search.ts';

/** A run is a shop with four processes; on cores that others use too it takes its time. */
const PATIENCE = 400_000;

describe.concurrent('the bystander proof', () => {
  it(
    'R1, R3, R18: a simulated day leaves no mark of a stranger anywhere, nor in memory five minutes later',
    async ({ onTestFinished }) => {
      const { exitCode, result } = await privacyProof(['--short'], onTestFinished);
      expect(result.wrong).toEqual([]);
      expect(result.where).toEqual([]);
      expect(result.personalEvents).toBeGreaterThan(0);
      expect(result.bytesSearched).toBeGreaterThan(10_000_000);
      expect({ exitCode, ok: result.ok }).toEqual({ exitCode: 0, ok: true });
    },
    PATIENCE,
  );

  it(
    'finds a deliberate leak: an address in a debug line',
    async () => {
      const { marksFound, where, ok } = await runWithLeak('debug-line', ['--short'], () => {});
      expect(ok).toBe(false);
      expect(marksFound).toBeGreaterThan(100);
      expect(where.join('\n')).toMatch(/^log .*address of: phone/m);
    },
    PATIENCE,
  );
});

describe('the search', () => {
  const address = octetMark('address', Buffer.from('7a1b2c3d4e5f', 'hex'));
  const heap = { place: 'disk', where: 'here', isAfterNoon: true } as const;

  it('finds a digest of an address as it is printed, written in base64', () => {
    const search = createSearch([address]);
    // `printf 7A:1B:2C:3D:4E:5F | openssl sha256 -binary | openssl base64`
    search.bytes(Buffer.from('{"id":"QF0+ahNit8OrdDmufRa7VDGVHpvuRdedtovdxqK9pjQ="}'), heap);
    expect(search.findings().map(({ form }) => form)).toEqual(['base64 of sha256']);
  });

  it('finds nothing in other octets, however many', () => {
    const search = createSearch([address]);
    const others = Buffer.alloc(1_000_000);
    for (let i = 0; i < others.length; i += 1) others[i] = (i * 7919) >> 3;
    search.bytes(others, heap);
    expect(search.findings()).toEqual([]);
  });

  it('counts what may have been told before noon only afterwards', () => {
    const search = createSearch([textMark('subject', 'a-subject', { afterNoon: true })]);
    search.bytes(Buffer.from('a-subject'), { ...heap, isAfterNoon: false });
    expect(search.findings()).toEqual([]);
    search.bytes(Buffer.from('a-subject'), heap);
    expect(search.findings()).toHaveLength(1);
  });

  it('looks for a mark in either order, as a number, and under three digests', () => {
    const forms = new Set(needlesOf(address).map(({ form }) => form));
    expect([...forms]).toEqual(['raw', 'reversed', 'whole number', 'md5', 'sha1', 'sha256']);
  });

  it('has no mark so short that it would occur by chance', () => {
    expect(() => octetMark('major and minor', Buffer.from([1, 2, 3, 4]))).toThrow(/by chance/);
  });
});

/** The command as it is run by hand, and its last line. */
async function privacyProof(
  args: readonly string[],
  onTestFinished: (work: () => void) => void,
): Promise<{ exitCode: number; result: Result }> {
  const program = join(import.meta.dirname, 'privacy-proof.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGTERM'));
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const [exitCode] = await once(child, 'close');
  return { exitCode, result: JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as Result };
}
