import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutation } from './mutation.ts';

/** For one file's tests, ms. */
const DEADLINE = 120_000;
const TIMED_OUT = /timed out in \d+ ?ms/i;

/** Of vitest's JSON what is needed: the tests that matched, and files that could not be run. */
export interface Report {
  testResults: {
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] | null }[];
  }[];
}

/** `green` and `red` are what tests said; `broken` says why they said nothing. */
export type Verdict = { is: 'green' } | { is: 'red'; why: string } | { is: 'broken'; why: string };

/**
 * What the tests with the wanted name say. A file that does not load, a name that nothing has, and a test
 * that only ran out of time prove nothing.
 */
export function verdictOf({ testResults }: Report): Verdict {
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = results.filter(({ status }) => status === 'failed');
  const why = failed.flatMap(({ failureMessages }) => failureMessages ?? []);
  if (why.length > 0 && why.every((message) => TIMED_OUT.test(message))) {
    return { is: 'broken', why: 'it ran out of time' };
  }
  if (failed.length > 0) return { is: 'red', why: why[0]?.split('\n')[0] ?? '' };
  const unloaded = testResults.find(({ message }) => message !== '');
  if (unloaded) return { is: 'broken', why: `the file does not run: ${unloaded.message.split('\n')[0]}` };
  if (results.every(({ status }) => status !== 'passed')) {
    return { is: 'broken', why: 'no test has this name' };
  }
  return { is: 'green' };
}

/** Runs the tests of one name in a tree. Their processes are gone when this returns, or `stop` was asked for. */
export async function askWitness(
  folder: string,
  { test, name }: Pick<Mutation, 'test' | 'name'>,
  stop?: AbortSignal,
): Promise<Verdict> {
  const report = join(folder, 'witness.json');
  rmSync(report, { force: true });
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const wanted = [test, '--testNamePattern', pattern, '--reporter=json', `--outputFile=${report}`];
  const inTime = await runVitest(folder, ['run', '--config', '.vitest.config.ts', ...wanted], stop);
  if (!inTime) return { is: 'broken', why: `it did not end within ${DEADLINE / 1000} s` };
  try {
    return verdictOf(JSON.parse(readFileSync(report, 'utf8')));
  } catch {
    return { is: 'broken', why: 'vitest ended without a report' };
  }
}

/** In a process group of its own, so that whatever the tests started can be ended with it. */
async function runVitest(folder: string, args: readonly string[], stop?: AbortSignal): Promise<boolean> {
  stop?.throwIfAborted();
  const program = join(folder, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: withoutVitest(process.env),
    stdio: 'ignore',
    detached: true,
  });
  const endAll = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // They are gone.
    }
  };
  const ended = new Promise<boolean>((resolve) => child.once('close', () => resolve(true)));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), DEADLINE);
  });
  stop?.addEventListener('abort', endAll);
  const inTime = await Promise.race([ended, late]);
  endAll();
  await ended;
  clearTimeout(timer);
  stop?.removeEventListener('abort', endAll);
  stop?.throwIfAborted();
  return inTime;
}

/** A run inside a run would take itself for one of the outer one's workers. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$)/.test(name));
  return Object.fromEntries(kept);
}
