import { statSync } from 'node:fs';

/**
 * Looks whether the file that was opened is still the one under its name. SQLite goes on writing to a file
 * that was taken away, and all that was acknowledged would go with it when the process ends (P1).
 * The answer throws as the disk does when it refuses.
 */
export function sameFileGuard(file: string): () => void {
  const opened = statSync(file);
  return () => {
    const now = statSync(file, { throwIfNoEntry: false });
    if (now?.ino === opened.ino && now.dev === opened.dev) return;
    throw Object.assign(new Error(`${file} was taken away while the gateway runs: put it back, or restart`), {
      code: 'SQLITE_READONLY_DBMOVED',
    });
  };
}
