import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { PROGRAMS } from './installed.ts';

/** A server as a child process, stopped by its own id. */
export interface ServerProcess {
  readonly pid: number;
  isRunning(): boolean;
  /** `signal`, and SIGKILL where that does not end it within `deadlineMs`. Resolves when it is gone. */
  stop(signal?: NodeJS.Signals, deadlineMs?: number): Promise<void>;
}

export interface ServerSpec {
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Gets what it writes, less what `onLine` takes. */
  logFile: string;
  /** A line of its standard output. */
  onLine?(line: string): void;
  /** Runs it as this user; only root can. */
  user?: string;
}

const STOP_MS = 10_000;

/**
 * The kernel ends the server when this process is gone, however that came (prctl(2), PR_SET_PDEATHSIG):
 * nothing of a temporary cluster is left behind. In a session of its own, so that Ctrl-C reaches this
 * process alone.
 */
export function startServer({ command, args, env, cwd, logFile, onLine, user }: ServerSpec): ServerProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(PROGRAMS.setpriv, [...asUser(user), '--pdeathsig', 'KILL', command, ...args], {
    env: env ?? process.env,
    ...(cwd !== undefined && { cwd }),
    detached: true,
    stdio: ['ignore', onLine ? 'pipe' : log, log],
  });
  closeSync(log);
  child.on('error', () => {});
  if (onLine && child.stdout) createInterface({ input: child.stdout }).on('line', onLine);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} cannot be started`);
  return {
    pid,
    isRunning: () => isRunning(child),
    stop: (signal = 'SIGTERM', deadlineMs = STOP_MS) => stop(child, signal, deadlineMs),
  };
}

/** What setpriv(1) needs to run a program as `user`; nothing where it stays who it is. */
export function asUser(user: string | undefined): string[] {
  return user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--init-groups'];
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function stop(child: ChildProcess, signal: NodeJS.Signals, deadlineMs: number): Promise<void> {
  if (!isRunning(child)) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  const deadline = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  await gone;
  clearTimeout(deadline);
}
