import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** At the root; what is there is made by a run, or is not the tree's. */
const NOT_COPIED = new Set(['node_modules', '.git', 'dist', 'coverage', 'data', '.demo']);

/** A copy of the tree in a folder of its own, where code may be broken. */
export interface TreeCopy {
  folder: string;
  /** @throws with patch's words where it does not fit to the letter. */
  apply(patch: string): void;
  undo(patch: string): void;
  remove(): void;
}

/** The packages are not copied but linked, one by one: what tools keep beside them stays in the copy. */
export function copyTree(): TreeCopy {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-mutation-'));
  const isCopied = (path: string) => !NOT_COPIED.has(relative(ROOT, path)) && !path.endsWith('.log');
  cpSync(ROOT, folder, { recursive: true, filter: isCopied });
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '.vite') symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return {
    folder,
    apply(patch) {
      // Of one that fits in part nothing may be left behind.
      runPatch(folder, patch, ['--dry-run']);
      runPatch(folder, patch, []);
    },
    undo: (patch) => runPatch(folder, patch, ['--reverse']),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Whether it fits the tree as it is; changes nothing. @throws with patch's words where it does not. */
export function tryPatch(patch: string): void {
  runPatch(ROOT, patch, ['--dry-run']);
}

/** Lines may have moved, but no line may differ: `--fuzz=0`. */
function runPatch(folder: string, patch: string, more: readonly string[]): void {
  const how = ['--strip=1', '--fuzz=0', '--batch', '--no-backup-if-mismatch', '--reject-file=-'];
  try {
    execFileSync('patch', [...how, ...more, `--directory=${folder}`, `--input=${patch}`], { stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', message } = error as { stdout?: unknown; message: string };
    throw new Error(String(stdout).trim().replaceAll('\n', '; ') || message);
  }
}
