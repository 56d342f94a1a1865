import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of a size of its own, in memory; real in all that it refuses. */
export interface SmallDisk {
  /** A file of somebody else's takes all that is left; `free` removes it. */
  fill(): void;
  /** Files of somebody else's take all that may be made. */
  fillFiles(): void;
  free(): void;
  remount(options: 'ro' | 'rw'): void;
  unmount(): void;
}

/** Whether this user may mount; where not, what needs it is skipped, and counted as such. */
export const mayMount = ((): boolean => {
  const folder = join(tmpdir(), `aisle-may-mount-${process.pid}`);
  try {
    smallDisk(folder, 'size=1m').unmount();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
})();

/** Mounts it on a folder, which is made. `options` are tmpfs's: `size=16m`, `nr_inodes=40`. */
export function smallDisk(folder: string, options: string): SmallDisk {
  mkdirSync(folder, { recursive: true });
  const run = (...args: string[]) => execFileSync(args[0] as string, args.slice(1), { stdio: 'pipe' });
  run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', folder);
  const foreign = join(folder, 'somebody-elses');
  return {
    fill() {
      const file = openSync(foreign, 'a');
      for (const size of [1 << 20, 1 << 12, 1])
        whileThereIsRoom(() => writeSync(file, Buffer.alloc(size, 1)));
      closeSync(file);
    },
    fillFiles() {
      mkdirSync(foreign);
      let n = 0;
      whileThereIsRoom(() => closeSync(openSync(join(foreign, `${n++}`), 'w')));
    },
    free: () => rmSync(foreign, { recursive: true }),
    remount: (how) => void run('mount', '-o', `remount,${how}`, folder),
    unmount: () => void run('umount', '-l', folder),
  };
}

function whileThereIsRoom(work: () => void): void {
  for (;;) {
    try {
      work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}
