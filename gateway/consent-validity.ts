import type { ConsentKey, ConsentRecord } from './consent-record.ts';
import { type Validity, validityOf } from './recognise/key-day.ts';

/*
 * From when until when a consent record and its keys are good. Times are ms since the epoch.
 */

/** A day's keys may be held so long before they are good: lists come once a day. */
const HELD_AHEAD = 24 * 3_600_000;

/** A grant never reaches back before `validFrom` (R8). */
export function isValid(record: ConsentRecord, at: number): boolean {
  return Date.parse(record.validFrom) <= at && !isOver(record, at);
}

/** Its time is up. */
export function isOver({ validUntil }: ConsentRecord, at: number): boolean {
  return validUntil ? Date.parse(validUntil) <= at : false;
}

/** Of keys that are for one day the gateway holds the present one's alone (R14). */
export function withCurrentKeys(record: ConsentRecord, at: number): ConsentRecord {
  const isCurrent = (key: ConsentKey) => {
    const { from, until } = validityOfKey(key);
    return from - HELD_AHEAD <= at && at < until;
  };
  return record.keys.every(isCurrent) ? record : { ...record, keys: record.keys.filter(isCurrent) };
}

/** When the record ends or a key's day is over, whichever is first; infinite where neither does. */
export function endOf(record: ConsentRecord): number {
  const end = record.validUntil ? Date.parse(record.validUntil) : Number.POSITIVE_INFINITY;
  return record.keys.reduce((first, key) => Math.min(first, validityOfKey(key).until), end);
}

function validityOfKey(key: ConsentKey): Validity {
  return validityOf('day' in key ? key.day : undefined);
}
