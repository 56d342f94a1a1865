import type { ConsentRecord } from './consent-record.ts';

/**
 * What of the keys in force receivers have to know, counted as records come and go: to look through a
 * hundred thousand of them for each withdrawal would take longer than the withdrawal.
 */
export interface KeysHeld {
  add(record: ConsentRecord): void;
  remove(record: ConsentRecord): void;
  /** UUIDs of static beacon ids, hex. */
  beaconUuids(): Iterable<string>;
  holdsIrk(): boolean;
}

export function createKeysHeld(): KeysHeld {
  const uuids = new Map<string, number>();
  let irks = 0;

  function count({ keys }: ConsentRecord, by: 1 | -1): void {
    for (const key of keys) {
      if (key.kind === 'irk') irks += by;
      if (key.kind !== 'ibeacon') continue;
      const holders = (uuids.get(key.uuid) ?? 0) + by;
      if (holders > 0) uuids.set(key.uuid, holders);
      else uuids.delete(key.uuid);
    }
  }

  return {
    add: (record) => count(record, 1),
    remove: (record) => count(record, -1),
    beaconUuids: () => uuids.keys(),
    holdsIrk: () => irks > 0,
  };
}
