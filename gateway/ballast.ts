import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { diskOf, MIB } from './outbox/quota.ts';
import type { Timers } from './timers.ts';

/** A disk with less room than this is full, octets. */
const FULL_BELOW = MIB;
/** So much has to be free beside the ballast before it comes back: a quarter of it, and no less than this. */
const LEAST_BESIDE = MIB;
/** The first look waits until the start is over; then so often while there is none, ms. */
const FIRST_LOOK = 5_000;
const LOOK_EVERY = 1_000;
/** After each MiB others have the disk for so long, ms. */
const PAUSE = 10;

/**
 * A file whose only use is that it can be removed (P4): on a disk that is really full SQLite can neither
 * settle nor delete, so nothing would ever drain. Written in full, since a hole has no room to give.
 */
export interface Ballast {
  /** The disk refused something: where it is full, the file is given up. */
  refused(): void;
  /** True from then on until there is room again and the file is back. */
  isGiven(): boolean;
  /** Stops writing. */
  close(): Promise<void>;
}

export interface BallastParts {
  folder: string;
  octets: number;
  timers: Timers;
  given: () => void;
  cameBack: () => void;
}

const fileIn = (folder: string): string => join(folder, 'ballast');

/** Gives the room back where there is some to give. */
export function dropBallast(folder: string): void {
  rmSync(fileIn(folder), { force: true });
}

export function openBallast({ folder, octets, timers, given, cameBack }: BallastParts): Ballast {
  const file = fileIn(folder);
  let isGiven = false;
  let isClosed = false;
  let writing: Promise<void> | undefined;
  touch(file);
  let callOff = timers.after(FIRST_LOOK, look);

  function look(): void {
    const size = sizeOf(file);
    if (size === octets && !isGiven) return;
    const beside = Math.max(LEAST_BESIDE, octets / 4);
    if (freeIn(folder) + size < octets + beside) return lookAgain();
    const wasGiven = isGiven;
    writing = write(file, octets, timers, () => isClosed || isGiven !== wasGiven)
      .catch(() => dropBallast(folder))
      .then(written);
  }

  function lookAgain(): void {
    callOff = timers.after(LOOK_EVERY, look);
  }

  function written(): void {
    writing = undefined;
    if (isClosed) return;
    if (sizeOf(file) !== octets) return lookAgain();
    if (isGiven) cameBack();
    isGiven = false;
  }

  return {
    refused() {
      if (isGiven || freeIn(folder) >= FULL_BELOW) return;
      isGiven = true;
      dropBallast(folder);
      given();
      callOff();
      // What is being written looks again when it has noticed.
      if (!writing) lookAgain();
    },
    isGiven: () => isGiven,
    async close() {
      isClosed = true;
      callOff();
      await writing;
    },
  };
}

/** Octets that no file system can keep without writing them. */
async function write(file: string, octets: number, timers: Timers, isOver: () => boolean): Promise<void> {
  const some = randomBytes(MIB);
  const handle = await open(file, 'w', 0o600);
  try {
    for (let at = 0; at < octets && !isOver(); at += MIB) {
      await handle.write(some, 0, Math.min(MIB, octets - at), at);
      await new Promise<void>((resolve) => timers.after(PAUSE, resolve));
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** There from the start, so that it needs no new file when there may be none left to make. */
function touch(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600));
  } catch {
    // A disk without room for one file more: it comes when there is.
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function freeIn(folder: string): number {
  try {
    return diskOf(folder).free;
  } catch {
    // The folder is gone, and with it what could be given.
    return Number.POSITIVE_INFINITY;
  }
}
