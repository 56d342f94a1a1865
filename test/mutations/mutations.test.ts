import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { type Mutation, readMutations } from './mutation.ts';
import { copyTree, tryPatch } from './tree-copy.ts';
import { closingLine, trialLine, trials } from './trial.ts';
import { type Report, verdictOf } from './witness.ts';

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));
const MINUTE = 60_000;

/** `npm run mutations -- <args>` to its end. */
function mutationsRun(...args: string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', RUN, ...args]);
  onTestFinished(() => void child.kill('SIGTERM'));
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      out += text;
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out })));
}

it.each(readMutations())('$id fits the tree as it is', ({ patch }) => {
  expect(() => tryPatch(patch)).not.toThrow();
});

describe('npm run mutations', () => {
  it('sees a sample of two go red', { timeout: 3 * MINUTE }, async () => {
    const { code, out } = await mutationsRun('--sample', '2', '--seed', '3');
    expect(out).toMatch(/^2 mutations, 2 red, 0 survived, 0 broken$/m);
    expect(code).toBe(0);
  });

  it('takes wrong use for what it is', async () => {
    expect(await mutationsRun('--only', 'R99')).toEqual({ code: 2, out: 'there is no mutation R99\n' });
    expect((await mutationsRun('--sample', 'two')).out).toContain('must be a whole number');
  });

  it('tells a patch that nothing notices, and one that proves nothing', { timeout: 3 * MINUTE }, async () => {
    const copy = copyTree();
    onTestFinished(() => copy.remove());
    const attempt = trials(copy);
    const patch = patches();
    const harmless = await attempt(patch('harmless', '-const BUCKET_BITS = 20;', '+const BUCKET_BITS = 19;'));
    const senseless = await attempt(patch('senseless', '-const BUCKET_BITS = 20;', '+const BUCKET_BITS = ;'));
    const stale = await attempt(patch('stale', '-const BUCKET_BITS = 21;', '+const BUCKET_BITS = 19;'));
    const nameless = await attempt({ ...harmless.mutation, name: 'no test is called that' });
    expect([harmless, senseless, stale, nameless].map(({ is, why }) => [is, why])).toEqual([
      ['survived', 'nothing'],
      ['broken', expect.stringContaining('the file does not run')],
      ['broken', expect.stringContaining('the patch does not fit')],
      ['broken', 'without the patch: no test has this name'],
    ]);
    expect(closingLine([harmless, senseless])).toBe('2 mutations, 0 red, 1 survived, 1 broken');
    expect(trialLine(harmless)).toMatch(/^harmless +SURVIVED R2: .*: nothing {2}\(\d+\.\d s\)$/);
  });

  it('leaves no folder behind where it is stopped in the middle', { timeout: MINUTE }, async () => {
    const folder = temporaryFolder();
    const env = { ...process.env, TMPDIR: folder };
    const child = spawn(process.execPath, ['--import', 'tsx', RUN, '--only', 'R2'], { env });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const copies = () => readdirSync(folder).filter((name) => name.startsWith('aisle-mutation-'));
    await until(() => copies().length > 0, 'the copy');
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
    expect(copies()).toEqual([]);
  });
});

/** Patches of one line of `devices/crowd-window.ts`, noticed by no test of the sieve's list. */
function patches() {
  const folder = temporaryFolder();
  return (id: string, ...changes: [taken: string, given: string]): Mutation => {
    const patch = join(folder, `${id}.patch`);
    const lines = ['--- a/devices/crowd-window.ts', '+++ b/devices/crowd-window.ts', '@@ -7,1 +7,1 @@'];
    writeFileSync(patch, `${[...lines, ...changes].join('\n')}\n`);
    const witness = { test: 'test/devices/frame-sieve.test.ts', name: 'R2: is the listed frames' };
    return { id, requirement: 'R2', breaks: 'nothing', patch, ...witness };
  };
}

describe('what a test says', () => {
  const report = (statuses: string[], message = '', failure = 'AssertionError: no'): Report => ({
    testResults: [
      {
        message,
        assertionResults: statuses.map((status, i) => ({
          status,
          fullName: `test ${i}`,
          failureMessages: status === 'failed' ? [failure] : [],
        })),
      },
    ],
  });

  it.each<[string, Report, object]>([
    ['that all pass', report(['passed', 'skipped']), { is: 'green' }],
    ['that one fails', report(['passed', 'failed']), { is: 'red', why: 'AssertionError: no' }],
    ['that none has the name', report(['skipped']), { is: 'broken', why: 'no test has this name' }],
    [
      'that the file does not load',
      report([], 'SyntaxError: x'),
      { is: 'broken', why: 'the file does not run: SyntaxError: x' },
    ],
    [
      'that time ran out',
      report(['failed'], '', 'Error: Test timed out in 30000ms.'),
      { is: 'broken', why: 'it ran out of time' },
    ],
  ])('%s', (_, said, verdict) => {
    expect(verdictOf(said)).toEqual(verdict);
  });
});
