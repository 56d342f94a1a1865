import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Place } from './marks.ts';
import type { Result } from './proof.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PATCHES = join(import.meta.dirname, 'leaks');
const PARTS = [
  'gateway',
  'devices',
  'firmware-sim',
  'test/privacy-proof',
  'test/support',
  'package.json',
  'tsconfig.json',
];
/** Of a run in short form, ms. */
const PATIENCE = 300_000;

/** The deliberate leaks, patches in `leaks/`, and where each has to be found. */
const LEAKS: Readonly<Record<string, Place>> = {
  'debug-line': 'log',
  'endless-cache': 'heap',
  republished: 'broker',
  'status-answer': 'http',
  'stored-sightings': 'disk',
  'stranger-series': 'series',
  'token-in-event': 'uplink',
};

export function leakNames(): string[] {
  return Object.keys(LEAKS);
}

/** True where the search found the leak at its place. */
export function isFound(leak: string, { where }: Result): boolean {
  return where.some((text) => text.startsWith(`${LEAKS[leak]} `));
}

/**
 * Runs the proof in a copy of the tree with one leak switched on, and gives its last line.
 * @throws where there is no such leak, its patch does not fit, or the run has no last line.
 */
export async function runWithLeak(
  name: string,
  options: readonly string[],
  say: (text: string) => void,
): Promise<Result> {
  if (!leakNames().includes(name)) throw new Error(`no leak "${name}": there are ${leakNames().join(', ')}`);
  const tree = mkdtempSync(join(tmpdir(), 'leak-'));
  try {
    for (const part of PARTS) cpSync(join(ROOT, part), join(tree, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
    const patch = join(PATCHES, `${name}.patch`);
    execFileSync('patch', ['--batch', '--forward', '--fuzz=0', '-p1', '-i', patch], {
      cwd: tree,
      stdio: 'pipe',
    });
    return await lastLine(join(tree, 'test/privacy-proof/privacy-proof.ts'), options, say);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

async function lastLine(
  program: string,
  options: readonly string[],
  say: (text: string) => void,
): Promise<Result> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
    killSignal: 'SIGTERM',
  });
  createInterface({ input: child.stderr }).on('line', say);
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) last = line;
  try {
    return JSON.parse(last) as Result;
  } catch {
    throw new Error('the run with the leak ended without a result');
  }
}
