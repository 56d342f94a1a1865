import { readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { WindowPart } from './windows.ts';

/** Small, but a disk may hang: the end of the process waits no longer, ms. */
const PATIENCE_MS = 1_000;

const part = z.object({
  at: z.number(),
  measurement: z.string(),
  tags: z.record(z.string(), z.string()),
  rolled: z.array(
    z.object({
      field: z.string(),
      last: z.number(),
      lastAt: z.number(),
      max: z.number(),
      sum: z.number(),
      n: z.number().int().positive(),
    }),
  ),
});

/*
 * Windows that the end of a process cut. The next process goes on with them, or its own part of a window would
 * take the place of the whole: only with their numbers of values can two means become one. The file is there
 * between two processes alone.
 */

/** Takes what the process before left behind; nothing where that is damaged, or there is none. */
export function takeCutWindows(file: string): WindowPart[] {
  try {
    return z.array(part).parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return [];
  } finally {
    remove(file);
  }
}

/** Leaves them to the next process. What the disk does not take is lost to it: the samples were handed on. */
export async function leaveCutWindows(file: string, parts: readonly WindowPart[]): Promise<void> {
  if (parts.length === 0) return;
  const written = writeFile(file, JSON.stringify(parts), { mode: 0o600, flag: 'wx' });
  const stopped = new AbortController();
  const late = wait(PATIENCE_MS, undefined, { signal: stopped.signal }).catch(() => {});
  await Promise.race([written.catch(() => remove(file)), late]);
  stopped.abort();
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // What cannot be removed is too old to count by the next time.
  }
}
