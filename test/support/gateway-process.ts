import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { compiled } from './compiled.ts';

/** The command line as a process of its own, without a shell or npm between. */
export function aisle(args: string[]): string[] {
  return [compiled('gateway/main'), ...args];
}

/** A gateway of its own process that may never come to run. */
export interface GatewayProcess {
  pid: number;
  /** Where it listens; rejects with what it said, where it ends before. */
  runs: Promise<{ mqtt: number; http: number }>;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  log(): string;
  stop(signal: NodeJS.Signals): Promise<number | string>;
}

export interface Launch {
  /** Beside the environment of the test. */
  env?: Record<string, string>;
  /** A program with its arguments that runs it, and leaves it the process that it was started as. */
  under?: readonly string[];
}

/** `aisle run` on a configuration; stopped hard when the test ends. */
export function launchGateway(config: string, launch: Launch = {}): GatewayProcess {
  const gateway = spawnGateway(config, launch);
  onTestFinished(() => void gateway.stop('SIGKILL'));
  return gateway;
}

/** The same, outside a test too; who starts it stops it. */
export function spawnGateway(config: string, { env = {}, under = [] }: Launch = {}): GatewayProcess {
  const [program = process.execPath, ...args] = [
    ...under,
    process.execPath,
    ...aisle(['run', '--config', config]),
  ];
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  // Not `exit`: what it said last may still be on its way then.
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  const runs = new Promise<{ mqtt: number; http: number }>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      log += `${line}\n`;
      const said = JSON.parse(line);
      if (said.msg === 'aisle runs') resolve({ mqtt: said.mqtt.port, http: said.dashboard?.port });
    });
    ended.then((how) => reject(new Error(`the gateway ended with ${how}: ${log}`)));
  });
  // Who does not wait for it need not hear that it never ran.
  runs.catch(() => {});
  const stop = (signal: NodeJS.Signals) => {
    if (isRunning(child)) child.kill(signal);
    return ended;
  };
  return { pid: child.pid as number, runs, ended, log: () => log, stop };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
