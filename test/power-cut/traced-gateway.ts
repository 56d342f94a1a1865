import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from '../support/until.ts';

/** Every call that changes a file, a name or a size, that waits for the disk, or that says something. */
const CALLS = [
  ...['openat', 'creat', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendfile', 'copy_file_range'],
  ...[
    'sendto',
    'sendmsg',
    'fsync',
    'fdatasync',
    'sync',
    'syncfs',
    'sync_file_range',
    'ftruncate',
    'truncate',
  ],
  ...[
    'fallocate',
    'unlink',
    'unlinkat',
    'rename',
    'renameat',
    'renameat2',
    'link',
    'linkat',
    'io_uring_setup',
  ],
];
/** More than one call ever carries, octets. */
const LONGEST = 16_777_216;
/** A gateway that was told to end is killed after so long, ms. */
const PATIENCE = 15_000;

export interface TracedGateway {
  /** Ports of its broker and of its HTTP listener. */
  mqtt: number;
  http: number;
  log(): string;
  /** Ends it, and waits until the trace has its end too. */
  end(): Promise<void>;
}

export interface Tracing {
  /** The tree whose gateway runs. */
  tree: string;
  config: string;
  /** The file that the trace is added to. */
  trace: string;
  /** Makes calls fail: an expression of `strace -e inject`. */
  inject?: string | undefined;
}

/** Starts the gateway of a tree under strace and waits until it says that it runs. */
export async function startTraced({ tree, config, trace, inject }: Tracing): Promise<TracedGateway> {
  const args = [
    // strace as the grandchild: the process that is started is the gateway itself.
    ...['-D', '-A', '-f', '--seccomp-bpf', '-q', '-yy', '-xx', '-ttt', '-s', String(LONGEST)],
    ...['-e', `trace=${CALLS.join()}`, ...(inject ? ['-e', `inject=${inject}`] : []), '-o', trace],
    ...[process.execPath, '--import', 'tsx', join(tree, 'gateway/main.ts'), 'run', '--config', config],
  ];
  // io_uring would write past the trace.
  const env = { ...process.env, UV_USE_IO_URING: '0' };
  const child = spawn('strace', args, { cwd: tree, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const lines = createInterface({ input: child.stdout });
  const runs = new Promise<{ mqtt: { port: number }; dashboard: { port: number } }>((done, fail) => {
    lines.on('line', (line) => {
      log += `${line}\n`;
      const said = JSON.parse(line);
      if (said.msg === 'aisle runs') done(said);
    });
    child.once('error', fail);
    child.once('exit', (code) => fail(new Error(`the gateway ended with ${code}: ${log}`)));
  });
  const { mqtt, dashboard } = await runs;
  return {
    mqtt: mqtt.port,
    http: dashboard.port,
    log: () => log,
    async end() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
        await once(child, 'exit');
        clearTimeout(late);
      }
      const last = new RegExp(`^${child.pid} .*\\+\\+\\+ (exited|killed)`, 'm');
      await until(() => last.test(tailOf(trace)), 'the end of the trace');
    },
  };
}

function tailOf(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const tail = Buffer.alloc(4_096);
    const from = Math.max(0, fstatSync(descriptor).size - tail.length);
    return tail.toString('latin1', 0, readSync(descriptor, tail, 0, tail.length, from));
  } finally {
    closeSync(descriptor);
  }
}
