import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

/** Where Debian's `libfaketime` lies; nothing where it is not installed (`test/support/debian.sh`). */
const LIBRARY = readdirSync('/usr/lib')
  .map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
  .find((file) => existsSync(file));
export const hasFaketime = LIBRARY !== undefined;

/** The wall clock of a process that is started with `env`; its monotonic clock goes on as it is. */
export interface FakedClock {
  env: Record<string, string>;
  /** `+0`, `-3600`, `+86400` (seconds apart from the real one), or `@1970-01-01 00:00:00` from now on. */
  set(time: string): void;
}

export function fakedClock(time = '+0'): FakedClock {
  const file = join(temporaryFolder(), 'time');
  const set = (next: string) => {
    // At once: half a time would be read as another one.
    writeFileSync(`${file}.new`, `${next}\n`);
    renameSync(`${file}.new`, file);
  };
  set(time);
  return {
    env: {
      LD_PRELOAD: LIBRARY ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      TZ: 'UTC',
    },
    set,
  };
}
