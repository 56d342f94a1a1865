import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

/** Whether Debian's `strace` is here and may trace; `test/support/debian.sh` installs it where it can. */
export const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

/** A system call at whose entry a process is killed: it is not made any more. */
export interface KillPoint {
  /** One, or several with commas between, each counted for itself. */
  syscall: string;
  /** Only calls on these files count; all where there is none. */
  files?: readonly string[];
  /** The how manieth such call; the first where it is left out. */
  nth?: number;
}

function injection({ syscall, files = [], nth = 1 }: KillPoint): string[] {
  const paths = files.flatMap((file) => ['-P', file]);
  return [...tampering(`${syscall}:signal=KILL:when=${nth}`), ...paths];
}

/** `inject` begins with the calls that it is about. */
function tampering(inject: string): string[] {
  const [calls = ''] = inject.split(':');
  return ['-e', `trace=${calls}`, '-e', `inject=${inject}`, '-o', '/dev/null'];
}

/** The program that runs another up to that point of its main thread; it stays the process started. */
export const killedAt = (point: KillPoint): string[] => ['strace', '-D', ...injection(point)];

const ROOT = resolve(import.meta.dirname, '../..');

/** Runs a script of its own, with `argument` as `process.argv[1]`, up to that point. */
export function runUpTo(point: KillPoint, script: string, argument: string): SpawnSyncReturns<Buffer> {
  const node = ['--import', 'tsx', '--input-type=module', '-e', script, argument];
  const [program = '', ...args] = [...killedAt(point), process.execPath, ...node];
  return spawnSync(program, args, { cwd: ROOT });
}

/** The sockets that a process has open, as `files` of a point: what it logs is written too, and not to them. */
export function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).map((descriptor) => readlinkSync(`${folder}/${descriptor}`));
  return targets.filter((target) => target.startsWith('socket:'));
}

/**
 * From here on a running process is killed at that point of its main thread, which is the one that writes
 * to the database and to the sockets. Resolves once the trap is set.
 */
export async function killWhen(pid: number, point: KillPoint): Promise<void> {
  await attached(pid, injection(point));
}

/**
 * Calls of a running process's main thread, which is the one that writes the database, are tampered with as
 * strace's `inject` says; until the function that comes back is called.
 */
export async function injected(pid: number, inject: string): Promise<() => Promise<void>> {
  const tracer = await attached(pid, tampering(inject));
  return async () => {
    tracer.kill('SIGINT');
    await until(() => tracer.exitCode !== null || tracer.signalCode !== null, 'strace to let go');
  };
}

/** strace on the main thread of a running process, once it holds it; it lets go when the test ends. */
async function attached(pid: number, args: readonly string[]): Promise<ChildProcess> {
  const tracer = spawn('strace', [...args, '-p', `${pid}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  tracer.stderr.on('data', (chunk) => (said += chunk));
  onTestFinished(() => void tracer.kill('SIGTERM'));
  await until(() => said.includes('attached') || tracer.exitCode !== null, 'strace');
  if (!said.includes('attached')) throw new Error(`strace: ${said}`);
  return tracer;
}
