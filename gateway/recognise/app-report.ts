import { ownerIndex, type Recogniser } from './recogniser.ts';

/** A day's token is taken two hours before and after its day: phones' clocks and time zones differ. */
const DAY_SKEW = 2 * 3_600_000;

/** The shopper's app reports the beacons it hears under a token: the shop listens to nobody. */
export const appReport: Recogniser = {
  kind: 'app',
  method: 'app',
  confidence: 1,
  createTable() {
    const tokens = ownerIndex();
    const held = new Map<string, { token: string; from: number; until: number }[]>();
    return {
      put(owner, key) {
        if (key.kind !== 'app') return;
        const start = key.day === undefined ? undefined : Date.parse(`${key.day}T00:00:00Z`);
        const [from, until] =
          start === undefined ? [-Infinity, Infinity] : [start - DAY_SKEW, start + 86_400_000 + DAY_SKEW];
        tokens.add(key.token, owner);
        held.set(owner.recordId, [...(held.get(owner.recordId) ?? []), { token: key.token, from, until }]);
      },
      remove(recordId) {
        for (const { token } of held.get(recordId) ?? []) tokens.drop(token, recordId);
        held.delete(recordId);
      },
      roll() {},
      find(seen, at) {
        if (seen.kind !== 'app') return [];
        return tokens
          .find(seen.token)
          .filter((owner) =>
            held
              .get(owner.recordId)
              ?.some(({ token, from, until }) => token === seen.token && from <= at && at < until),
          );
      },
    };
  },
};
