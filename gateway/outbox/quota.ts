import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config.ts';

export const MIB = 1024 * 1024;

/** A write-ahead log and the small files beside it have so much of the disk, or a quarter of a small one. */
const JOURNALS = 32 * MIB;
/** Dead letters may take this share of the quota, were each as large as an event can be (64 KiB). */
const DEAD_SHARE = 0.25;
const LARGEST_EVENT = 64 * 1024;

/** The file system of a folder, in octets and files. */
export interface Disk {
  size: number;
  /** For a user without privileges. */
  free: number;
  /** Files that can still be made; undefined where the file system has no such limit. */
  freeFiles?: number;
}

/** @throws where there is no such folder. */
export function diskOf(folder: string): Disk {
  const { blocks, bavail, bsize, files, ffree } = statfsSync(folder);
  return { size: blocks * bsize, free: bavail * bsize, ...(files > 0 && { freeFiles: ffree }) };
}

/** The disk that a folder is on, or will be. */
export function diskUnder(folder: string): Disk {
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  return diskOf(place);
}

/** The quota in octets: as configured, or what the disk can hold beside ballast and journals (P4). */
export function quotaOn(
  disk: Disk | undefined,
  { quotaMiB, ballastMiB }: Pick<Config['retention'], 'quotaMiB' | 'ballastMiB'>,
): number {
  const wished = quotaMiB * MIB;
  if (!disk) return wished;
  const most = disk.size - Math.min(JOURNALS, disk.size / 4) - ballastMiB * MIB;
  return Math.min(wished, Math.max(MIB, most));
}

/** Dead letters that are kept at most; the oldest go first. */
export function mostDead(quota: number): number {
  return Math.max(16, Math.floor((quota * DEAD_SHARE) / LARGEST_EVENT));
}
