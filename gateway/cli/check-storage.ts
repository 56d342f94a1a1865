import type { Config } from '../config.ts';
import { type Disk, diskUnder, MIB, quotaOn } from '../outbox/quota.ts';
import { octetsHeld } from '../outbox/room.ts';
import { quotaSentence } from '../tell-room.ts';
import type { Add } from './check.ts';
import { withDatabase } from './stored.ts';

/** What `aisle check` looks at on the disk: whether the quota fits, and is there now (P4). */
export function checkStorage(config: Config, add: Add): void {
  const { data, retention } = config;
  const disk = diskUnder(data);
  const limit = quotaOn(disk, retention);
  if (limit < retention.quotaMiB * MIB) {
    return add(
      'warning',
      `${quotaSentence(retention.quotaMiB, limit)}: set it lower, or give data a larger disk`,
    );
  }
  const missing = limit + retention.ballastMiB * MIB - heldIn(config) - disk.free;
  if (missing > 0) add('warning', roomSentence(config, disk));
}

function roomSentence({ data, retention }: Config, disk: Disk): string {
  const free = Math.floor(disk.free / MIB);
  return `retention.quotaMiB: the disk of ${data} has ${free} MiB free, and ${retention.quotaMiB} may be needed while uplinks are away: others' files take the room`;
}

/** Octets that the database has already. */
function heldIn(config: Config): number {
  try {
    return withDatabase(config, (db) => octetsHeld(db).held());
  } catch {
    return 0;
  }
}
