import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Order, Started } from './gateway-process.ts';

/** The gateway's process, and its clock in our hand. */
export interface GatewayChild {
  pid: number;
  mqtt: number;
  http: number;
  /** Each resolves when it is done. */
  setWall(at: number): Promise<void>;
  writeHeap(snapshot: string, buffers: string): Promise<void>;
  close(): Promise<void>;
  /** Whatever state it is in. */
  kill(): Promise<void>;
}

/** Files below `logs`: `gateway.log` as pino writes it, `gateway.out` for everything else that it says. */
export async function startGatewayChild(
  config: string,
  logs: string,
  startAt: number,
): Promise<GatewayChild> {
  const said = openSync(join(logs, 'gateway.out'), 'a', 0o600);
  const program = join(import.meta.dirname, 'gateway-process.ts');
  const child = fork(program, [config, join(logs, 'gateway.log'), `${startAt}`], {
    // A snapshot cuts strings at 1,024 characters where it is not told otherwise.
    execArgv: ['--import', 'tsx', '--heap-snapshot-string-limit=100000000'],
    stdio: ['ignore', said, said, 'ipc'],
  });
  closeSync(said);
  const ended = once(child, 'exit');
  const started = await Promise.race([
    once(child, 'message').then(([message]) => message as Started),
    ended.then(([code]) => Promise.reject(new Error(`the gateway ended with ${code}: see ${logs}`))),
  ]);
  const order = orders(child, ended);
  return {
    pid: child.pid as number,
    mqtt: started.mqtt.port,
    http: started.dashboard.port,
    setWall: (at) => order({ order: 'wall', at }),
    writeHeap: (snapshot, buffers) => order({ order: 'heap', snapshot, buffers }),
    async close() {
      await order({ order: 'close' });
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
      await kill(child, ended);
    },
    kill: () => kill(child, ended),
  };
}

function orders(child: ChildProcess, ended: Promise<unknown>): (order: Order) => Promise<void> {
  let given = 0;
  const waiting = new Map<number, () => void>();
  child.on('message', ({ done }: { done: number }) => waiting.get(done)?.());
  return (order) => {
    given += 1;
    const number = given;
    const done = new Promise<void>((resolve) => waiting.set(number, resolve)).finally(() =>
      waiting.delete(number),
    );
    child.send(order);
    return Promise.race([
      done,
      ended.then(() => Promise.reject(new Error('the gateway ended before it was done'))),
    ]);
  };
}

async function kill(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await ended;
}
