import { stationAddress } from '../../devices/wire/wifi-address.ts';
import type { ConsentKey } from '../consent-record.ts';
import { ownerIndex, type Recogniser } from './recogniser.ts';

/**
 * Somebody signed in on the shop's Wi-Fi, by the name they signed in with, or by an address that their
 * consent names: phones keep one address for one network, and nobody else's probing counts.
 */
export const wifiSession: Recogniser = {
  keys: 'wifi',
  sees: 'wifi',
  method: 'wifi',
  confidence: 0.9,
  createTable() {
    const index = ownerIndex();
    const held = new Map<string, string[]>();
    return {
      put(owner, key) {
        if (key.kind !== 'wifi') return;
        const texts = textsOf(key);
        if (texts.length === 0) return;
        for (const text of texts) index.add(text, owner);
        held.set(owner.recordId, [...(held.get(owner.recordId) ?? []), ...texts]);
      },
      remove(recordId) {
        for (const text of held.get(recordId) ?? []) index.drop(text, recordId);
        held.delete(recordId);
      },
      roll() {},
      // One name and another's address are two subjects: that recognises nobody.
      find(seen) {
        if (seen.kind !== 'wifi') return [];
        return [...new Set(textsOf(seen).flatMap((text) => index.find(text)))];
      },
      size: () => held.size + index.size(),
    };
  },
};

function textsOf({
  user,
  address,
}: Pick<Extract<ConsentKey, { kind: 'wifi' }>, 'user' | 'address'>): string[] {
  const station = stationAddress(address ?? '');
  // An empty name is no name: it would be everybody's.
  return [...(user ? [`user ${user}`] : []), ...(station ? [`address ${station}`] : [])];
}
