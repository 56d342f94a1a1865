import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

/** Whether Debian's `strace` is here; `test/support/debian.sh` installs it where it can. */
export const hasStrace = existsSync('/usr/bin/strace');

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
  const inject = `inject=${syscall}:signal=KILL:when=${nth}`;
  return ['-e', `trace=${syscall}`, '-e', inject, '-o', '/dev/null', ...paths];
}

/** The program that runs another up to that point of its main thread; it stays the process started. */
export const killedAt = (point: KillPoint): string[] => ['strace', '-D', ...injection(point)];

/**
 * From here on a running process is killed at that point of its main thread, which is the one that writes
 * to the database and to the sockets. Resolves once the trap is set.
 */
export async function killWhen(pid: number, point: KillPoint): Promise<void> {
  const tracer = spawn('strace', [...injection(point), '-p', `${pid}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  tracer.stderr.on('data', (chunk) => (said += chunk));
  onTestFinished(() => void tracer.kill('SIGTERM'));
  await until(() => said.includes('attached') || tracer.exitCode !== null, 'strace');
  if (!said.includes('attached')) throw new Error(`strace: ${said}`);
}
