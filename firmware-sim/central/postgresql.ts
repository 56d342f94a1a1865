import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { lowPorts } from '../ports.ts';
import { PROGRAMS } from './installed.ts';
import { answers } from './listening.ts';
import { asUser, type ServerProcess, startServer } from './server-process.ts';

/** How to reach a database; what `pg` takes. */
export interface DatabaseAddress {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export interface Postgresql {
  address: DatabaseAddress;
  close(): Promise<void>;
}

const START_MS = 60_000;
/** PostgreSQL refuses to run as root. */
const OTHER_USER = 'postgres';

/**
 * PostgreSQL 15 of its own in `folder`, on a free port of 127.0.0.1, with `fsync` and `synchronous_commit`
 * as they are by default: on. Whoever calls as root gives the folder's parents to be passed through.
 */
export async function startPostgresql(folder: string): Promise<Postgresql> {
  const isRoot = process.getuid?.() === 0;
  mkdirSync(folder, { mode: 0o700 });
  const password = randomBytes(24).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (isRoot) for (const path of [folder, passwordFile]) chownSync(path, ...idsOf(OTHER_USER));
  const data = join(folder, 'data');
  const user = 'aisle';
  makeDatabase(isRoot, [
    ...[`--pgdata=${data}`, `--username=${user}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
    ...['--encoding=UTF8', '--locale=C'],
  ]);
  rmSync(passwordFile);
  const [port = 0] = await lowPorts(1);
  const server = startServer({
    command: PROGRAMS.postgres,
    args: [
      '-D',
      data,
      ...Object.entries(settings(port)).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8' },
    cwd: '/',
    logFile: join(folder, '..', 'postgresql.log'),
    ...(isRoot && { user: OTHER_USER }),
  });
  const address = { host: '127.0.0.1', port, user, password, database: 'postgres' };
  await ready(address, server, folder);
  // Fast shutdown: connections are ended, nothing is lost.
  return { address, close: () => server.stop('SIGINT') };
}

function settings(port: number): Record<string, string | number> {
  return {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // When an event was committed is asked of the commit itself.
    track_commit_timestamp: 'on',
    shared_buffers: '32MB',
    // An error's details would quote what is in an event.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
  };
}

function makeDatabase(isRoot: boolean, args: readonly string[]): void {
  const as = asUser(isRoot ? OTHER_USER : undefined);
  const options = { cwd: '/', env: { PATH: process.env.PATH, LANG: 'C.UTF-8' }, stdio: 'pipe' as const };
  execFileSync(PROGRAMS.setpriv, [...as, '--no-new-privs', PROGRAMS.initdb, ...args], options);
}

function idsOf(user: string): [uid: number, gid: number] {
  const id = (what: string) => Number(execFileSync('id', [what, user], { encoding: 'utf8' }));
  return [id('-u'), id('-g')];
}

/** It listens before it can be asked anything. */
async function ready(address: DatabaseAddress, server: ServerProcess, folder: string): Promise<void> {
  const check = () => {
    if (!server.isRunning()) throw new Error(`PostgreSQL ended: see ${folder} and the log beside it`);
  };
  await answers(address.port, START_MS, check);
  for (;;) {
    check();
    const client = new pg.Client(address);
    const answered = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => {});
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
