import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PROGRAM = '/usr/bin/sqlite3';

/** Debian's `sqlite3`, a witness that is not ours; `test/support/debian.sh` installs it where it can. */
export const hasSqlite3 = existsSync(PROGRAM);

/** What it prints, for its own arguments. */
export const sqlite3 = (...args: string[]): string =>
  execFileSync(PROGRAM, args, { encoding: 'utf8', maxBuffer: 1e8 }).trim();
