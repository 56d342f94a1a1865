import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Child processes, each stopped by its own id and none left behind: in order at the end, hard if this
 * process ends in any other way; and where this process is killed, by the channel that breaks then
 * (`end-with-parent.ts`). Each is in a process group of its own, so that Ctrl-C reaches this
 * process alone and devices can say their last before the gateway goes.
 */
export interface Supervisor {
  start(spec: ProcessSpec): Running;
  /** Ends what still runs, the last started first. */
  stopAll(): Promise<void>;
}

export interface ProcessSpec {
  name: string;
  /** To Node, as `program` gives them, and the program's own behind them. */
  args: readonly string[];
  /** Beside this process's own. */
  env?: Readonly<Record<string, string>>;
  /** Gets what the process writes, less what `onLine` takes. */
  logFile: string;
  /** A line of its standard output. */
  onLine?(line: string): void;
  onMessage?(message: unknown): void;
  /** Starts it again, after so long (ms), whenever it ends unasked. */
  restartAfterMs?: number;
  /** It ended unasked. */
  onExit?(how: string): void;
  onStart?(pid: number): void;
}

export interface Running {
  readonly name: string;
  /** Nothing while it does not run. */
  pid(): number | undefined;
  send(message: object): void;
  /** SIGKILL, as a power cut would. */
  kill(): void;
  /** SIGTERM, and SIGKILL where that does not end it in time. Resolves when it is gone. */
  stop(): Promise<void>;
}

const STOP_MS = 8_000;

/** `stopMs`: how long a process may take to end when it is asked to. */
export function supervisor(stopMs = STOP_MS): Supervisor {
  const all: { running: Running; endNow(): void }[] = [];
  const endAll = () => {
    for (const { endNow } of all) endNow();
  };
  process.once('exit', endAll);
  return {
    start(spec) {
      const kept = keepRunning(spec, stopMs);
      all.push(kept);
      return kept.running;
    },
    async stopAll() {
      for (const { running } of [...all].reverse()) await running.stop();
      process.off('exit', endAll);
    },
  };
}

function keepRunning(spec: ProcessSpec, stopMs: number): { running: Running; endNow(): void } {
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let stopping = false;

  function start(): void {
    const started = spawnLogged(spec);
    child = started;
    if (started.pid !== undefined) spec.onStart?.(started.pid);
    started.on('error', () => {});
    // 'close' comes after the last line that was read; 'exit' may come before.
    started.on('close', (code, signal) => {
      child = undefined;
      if (stopping) return;
      if (spec.restartAfterMs !== undefined) restart = setTimeout(start, spec.restartAfterMs);
      spec.onExit?.(signal ?? `exit ${code}`);
    });
  }

  async function stop(): Promise<void> {
    stopping = true;
    clearTimeout(restart);
    const last = child;
    if (!last) return;
    const gone = new Promise<void>((resolve) => last.once('close', () => resolve()));
    last.kill('SIGTERM');
    const deadline = setTimeout(() => last.kill('SIGKILL'), stopMs);
    await gone;
    clearTimeout(deadline);
  }

  start();
  const running: Running = {
    name: spec.name,
    pid: () => child?.pid,
    send: (message) => void child?.send?.(message),
    kill: () => void child?.kill('SIGKILL'),
    stop,
  };
  const endNow = () => {
    stopping = true;
    child?.kill('SIGKILL');
  };
  return { running, endNow };
}

function spawnLogged({ args, env, logFile, onLine, onMessage }: ProcessSpec): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, args, {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', onLine ? 'pipe' : log, log, 'ipc'],
  });
  closeSync(log);
  if (onLine && child.stdout) createInterface({ input: child.stdout }).on('line', onLine);
  if (onMessage) child.on('message', onMessage);
  return child;
}
