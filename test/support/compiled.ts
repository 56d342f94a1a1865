import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCES = ['gateway', 'devices', 'firmware-sim'];
/** Where packages are found from, and nobody looks. */
const CACHE = join(ROOT, 'node_modules/.cache/aisle');
const OLD_MS = 3_600_000;

/**
 * The JavaScript file of a program of ours, compiled from the sources as they are now. A process that runs it
 * starts in half the time that tsx takes, and many tests start some. Types are `npm run types`’ business.
 */
export function compiled(program: 'gateway/main' | `firmware-sim/${string}`): string {
  const files = SOURCES.flatMap((folder) => filesBelow(folder));
  const folder = join(CACHE, stampOf([...files, 'tsconfig.json']));
  if (!existsSync(folder)) compileInto(folder, files);
  return join(folder, `${program}.js`);
}

/** Into a folder of this process first: another test file may be doing the same. */
function compileInto(folder: string, files: readonly string[]): void {
  const draft = `${folder}.${process.pid}`;
  dropOld();
  mkdirSync(draft, { recursive: true });
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '--noCheck', '--outDir', draft], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const file of files.filter((name) => name.includes('/page/'))) {
    cpSync(join(ROOT, file), join(draft, file));
  }
  cpSync(join(ROOT, 'package.json'), join(draft, 'package.json'));
  try {
    renameSync(draft, folder);
  } catch {
    // Somebody else's is there already, and is the same.
    rmSync(draft, { recursive: true, force: true });
  }
}

/** What no run can be using any more. */
function dropOld(): void {
  if (!existsSync(CACHE)) return;
  for (const name of readdirSync(CACHE)) {
    const folder = join(CACHE, name);
    // Two runs at a time may drop the same one.
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > OLD_MS) rmSync(folder, { recursive: true, force: true });
  }
}

/** Another stamp wherever a source was changed, came or went. */
function stampOf(files: readonly string[]): string {
  const hash = createHash('sha256').update(ROOT);
  for (const file of files) {
    const { mtimeMs, size } = statSync(join(ROOT, file));
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length + 1))
    .sort();
}
