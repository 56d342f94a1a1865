import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyTree } from '../mutations/tree-copy.ts';

export interface Tree {
  folder: string;
  remove(): void;
}

/** The tree as it is. */
export function ownTree(): Tree {
  return { folder: fileURLToPath(new URL('../..', import.meta.url)), remove: () => {} };
}

/**
 * A copy of the tree whose databases wait less for the disk.
 * @throws where `gateway/` has nothing to weaken.
 */
export function weakerTree(synchronous: 'NORMAL' | 'OFF'): Tree {
  return alteredTree(/synchronous = FULL/g, `synchronous = ${synchronous}`);
}

/** A copy of the tree that takes the journal into the database after every so many pages. */
export function tidierTree(pages: number): Tree {
  return alteredTree(/wal_autocheckpoint = \d+/g, `wal_autocheckpoint = ${pages}`);
}

function alteredTree(pattern: RegExp, text: string): Tree {
  const copy = copyTree();
  const gateway = join(copy.folder, 'gateway');
  const names = readdirSync(gateway, { recursive: true, encoding: 'utf8' });
  let altered = 0;
  for (const name of names.filter((one) => one.endsWith('.ts'))) {
    const before = readFileSync(join(gateway, name), 'utf8');
    const after = before.replaceAll(pattern, text);
    if (after === before) continue;
    writeFileSync(join(gateway, name), after);
    altered += 1;
  }
  if (altered > 0) return copy;
  copy.remove();
  throw new Error(`nothing in gateway/ is like ${pattern}`);
}
