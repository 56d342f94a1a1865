import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/**
 * Writes a file that its owner alone can read, on disk when this returns; with `wx` one that is not there yet.
 * @throws where the disk refuses.
 */
export function writeSynced(file: string, content: string | Uint8Array, flags: 'w' | 'wx' = 'w'): void {
  const descriptor = openSync(file, flags, 0o600);
  try {
    if (typeof content === 'string') writeSync(descriptor, content);
    else writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Waits until a file, or the names in a folder, are on disk. @throws where the disk refuses. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
