import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const PROGRAM = 'dbus-daemon';
/** Becomes the program, and ends it when the pipe breaks that only its parent holds, however that ended. */
const WITH_US = '(cat; kill $$) <&3 >/dev/null 2>&1 & exec "$0" "$@" 3<&-';

/** Whether a D-Bus daemon is installed here: Debian's package dbus-daemon. */
export const hasDbusDaemon = (process.env.PATH ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, PROGRAM)));

/** A message bus of our own: nobody else is on it, and the system's has nothing to do with it. */
export interface PrivateBus {
  /** `unix:path=…`, as DBUS_SYSTEM_BUS_ADDRESS takes it; dbus-next cannot open abstract sockets. */
  address: string;
  /** Ends the daemon; its folder stays, so that another can be started in its place. */
  stop(): Promise<void>;
  /** Deletes its folder. */
  clear(): void;
}

/**
 * Starts a dbus-daemon on a socket in a private folder, or where `place` was. Resolves when clients can
 * connect; throws where it cannot be started. It ends with this process at the latest.
 */
export async function startPrivateBus(place?: Pick<PrivateBus, 'address' | 'clear'>): Promise<PrivateBus> {
  const folder = place ? undefined : mkdtempSync(join(tmpdir(), 'bus-'));
  const address = place?.address ?? `unix:path=${join(folder ?? '', 'bus')}`;
  const args = ['--session', '--nofork', '--nopidfile', `--address=${address}`, '--print-address=1'];
  const daemon = spawn('sh', ['-c', WITH_US, PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    detached: true,
  });
  await listens(daemon);
  return {
    address,
    async stop() {
      if (daemon.exitCode !== null || daemon.signalCode !== null) return;
      const ended = once(daemon, 'exit');
      daemon.stdio[3]?.destroy();
      await ended;
    },
    clear: place?.clear ?? (() => folder && rmSync(folder, { recursive: true, force: true })),
  };
}

/** It prints its address when it listens. */
function listens(daemon: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    daemon.once('error', (error) => reject(new Error(`${PROGRAM}: ${error.message}`)));
    daemon.once('exit', (code) => reject(new Error(`${PROGRAM} ended with ${code}`)));
    daemon.stdout?.once('data', () => resolve());
  });
}
