import { ownerIndex, type Recogniser } from './recogniser.ts';

/**
 * A tag with a static iBeacon id. Anybody can clone it or follow it: for tags where spoofing is
 * harmless only.
 */
export const beaconId: Recogniser = {
  keys: 'ibeacon',
  sees: 'ibeacon',
  method: 'ibeacon',
  confidence: 0.9,
  createTable() {
    const ids = ownerIndex();
    const held = new Map<string, string[]>();
    return {
      put(owner, key) {
        if (key.kind !== 'ibeacon') return;
        const text = textOf(key);
        ids.add(text, owner);
        held.set(owner.recordId, [...(held.get(owner.recordId) ?? []), text]);
      },
      remove(recordId) {
        for (const text of held.get(recordId) ?? []) ids.drop(text, recordId);
        held.delete(recordId);
      },
      roll() {},
      find: (seen) => (seen.kind === 'ibeacon' ? ids.find(textOf(seen)) : []),
      size: () => held.size + ids.size(),
    };
  },
};

function textOf(key: { uuid: string; major: number; minor: number }): string {
  return `${key.uuid}/${key.major}/${key.minor}`;
}
