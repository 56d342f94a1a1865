import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROGRAMS } from './installed.ts';
import { startServer } from './server-process.ts';

/**
 * What the nodes of one cluster share: a cookie in a home of their own, and a port mapper of their own on
 * loopback, so that no Erlang of the system is met (epmd(1), ERL_EPMD_PORT, ERL_EPMD_ADDRESS).
 */
export interface Erlang {
  env: NodeJS.ProcessEnv;
  /** Evaluates an Erlang expression, ended by a full stop, on a node; its value as Erlang prints it. */
  evaluate(node: string, expression: string): Promise<string>;
  close(): Promise<void>;
}

const DEADLINE_MS = 30_000;

export function startErlang(folder: string, port: number, cookie: string): Erlang {
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(join(home, '.erlang.cookie'), cookie);
  // Erlang refuses a cookie that others can read.
  chmodSync(join(home, '.erlang.cookie'), 0o400);
  const env = {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: home,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: `${port}`,
    ERL_CRASH_DUMP_SECONDS: '0',
  };
  const args = ['-address', '127.0.0.1', '-port', `${port}`];
  const epmd = startServer({ command: PROGRAMS.epmd, args, env, logFile: join(folder, 'epmd.log') });
  return { env, evaluate: (node, expression) => evaluate(env, node, expression), close: () => epmd.stop() };
}

/** The cookie is read from the home: on the command line others could see it. */
function evaluate(env: NodeJS.ProcessEnv, node: string, expression: string): Promise<string> {
  const child = spawn(PROGRAMS.erlCall, ['-sname', node, '-e'], { env, timeout: DEADLINE_MS });
  let told = '';
  let complained = '';
  child.stdout.on('data', (chunk) => (told += chunk));
  child.stderr.on('data', (chunk) => (complained += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(`${expression}\n`);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const [, value] = told.match(/^\{ok, (.*)\}$/s) ?? [];
      if (code === 0 && value !== undefined) resolve(value.trim());
      else reject(new Error(`${node} does not answer: ${complained.trim() || told.trim() || code}`));
    });
  });
}
