import type { SeenKey } from '../../devices/device.ts';
import { isGood, type Validity, validityOf } from './key-day.ts';
import { type KeyTable, ownerIndex } from './recogniser.ts';

/** A token of the app, with its days, in whatever kind of sighting it comes. */
export function appTokens(sees: 'app' | 'check-in'): KeyTable {
  const tokens = ownerIndex();
  const held = new Map<string, { token: string; validity: Validity }[]>();

  function isGoodFor(recordId: string, token: string, at: number): boolean {
    return held.get(recordId)?.some((key) => key.token === token && isGood(key.validity, at)) ?? false;
  }

  return {
    put(owner, key) {
      if (key.kind !== 'app') return;
      tokens.add(key.token, owner);
      const mine = held.get(owner.recordId) ?? [];
      held.set(owner.recordId, [...mine, { token: key.token, validity: validityOf(key.day) }]);
    },
    remove(recordId) {
      for (const { token } of held.get(recordId) ?? []) tokens.drop(token, recordId);
      held.delete(recordId);
    },
    roll() {},
    find(seen: SeenKey, at) {
      if (seen.kind !== sees) return [];
      return tokens.find(seen.token).filter(({ recordId }) => isGoodFor(recordId, seen.token, at));
    },
    size: () => held.size + tokens.size(),
  };
}
