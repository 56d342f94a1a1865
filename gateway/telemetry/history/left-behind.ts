import process from 'node:process';
import type { Worker } from 'node:worker_threads';

/**
 * Where the process ends before a thread that hangs in a call of the disk, it ends by SIGTERM as one does that never
 * heard of that signal. An ordinary end waits for the thread, so for the disk; and where the call then fails
 * better-sqlite3 makes SIGABRT of it.
 */
export function leaveBehind(thread: Worker): void {
  const end = () => {
    process.removeAllListeners('SIGTERM');
    process.kill(process.pid, 'SIGTERM');
  };
  process.once('exit', end);
  thread.once('exit', () => process.off('exit', end));
}
