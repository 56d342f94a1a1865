import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { dropBallast } from './ballast.ts';
import { isLocked } from './database.ts';
import { diskUnder, MIB } from './outbox/quota.ts';

/** A start needs a journal and a few small files: octets, and files. */
const NEEDED = MIB;
const FILES_NEEDED = 5;
const LOOK_EVERY_MS = 1_000;

/**
 * Starts, and where the disk is too full for a start, tries again until it is not (F4, F6): a supervisor that
 * restarts the process would make no room either.
 * @throws what `start` throws for any other reason.
 */
export async function untilRoom<T>(folder: string, log: Logger, start: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      // Another gateway's folder, and its ballast, are not ours to wait for.
      if (hasRoom(folder) || isLocked(folder)) throw error;
      const reason = (error as Error).message;
      if (tries === 0) log.error({ reason }, 'the disk is full: the gateway starts when it has room');
      dropBallast(folder);
      await wait(LOOK_EVERY_MS);
    }
  }
}

function hasRoom(folder: string): boolean {
  const { size, free, freeFiles = FILES_NEEDED } = diskUnder(folder);
  // One without blocks, `/proc` for example, will never have room: the reason is another.
  return size === 0 || (free >= NEEDED && freeFiles >= FILES_NEEDED);
}
