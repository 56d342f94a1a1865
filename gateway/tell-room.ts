import type { Logger } from 'pino';
import { MIB } from './outbox/quota.ts';
import type { Level, RoomState } from './outbox/room.ts';

const SENTENCES: Record<Level, string> = {
  roomy: 'the outbox has room again',
  warned: 'the outbox fills: over 70 % of its quota wait for an uplink',
  shedding: 'the outbox is over 85 % full: the oldest climate, occupancy and health events go, declared',
  reserved:
    'the outbox is nearly full: presses, weights and what else is business is refused; devices send it again when there is room',
  full: 'the outbox is full: nothing is taken from devices until an uplink takes events',
};

/** Says how full the outbox is, when that changes. */
export function roomTelling(log: Logger): (state: RoomState) => void {
  return ({ level, bytes, limit }) => {
    const fields = { usedMiB: Math.round(bytes / MIB), quotaMiB: Math.round(limit / MIB) };
    if (level === 'roomy') log.info(fields, SENTENCES.roomy);
    else if (level === 'warned' || level === 'shedding') log.warn(fields, SENTENCES[level]);
    else log.error(fields, SENTENCES[level]);
  };
}

/** The quota is larger than the disk can hold. */
export function quotaSentence(quotaMiB: number, limit: number): string {
  return `retention.quotaMiB: ${quotaMiB} MiB are more than the disk can hold beside ballast and journals: ${Math.floor(limit / MIB)} MiB are used at most`;
}
