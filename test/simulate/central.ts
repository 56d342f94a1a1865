import type { LedgerEvent } from '../support/ledger.ts';
import type { World } from './world.ts';

/** A profile store: `(source, id)` is its unique key, and what it commits it keeps. */
export interface Central {
  name: string;
  /** Commits what is new, in this order. `late`: its sender had given up on it by then. */
  commit(bodies: readonly string[], late: boolean): void;
  /** In the order of commits. */
  committed: readonly LedgerEvent[];
  /** Came after their sender had given up: they keep no lane. */
  late: ReadonlySet<string>;
  /** How many deliveries of what was there already. */
  duplicates(): number;
}

export function central(world: World, name: string): Central {
  const known = new Set<string>();
  const committed: LedgerEvent[] = [];
  const lateIds = new Set<string>();
  let duplicates = 0;
  return {
    name,
    commit(bodies, late) {
      for (const body of bodies) {
        const event = JSON.parse(body) as LedgerEvent;
        const key = `${event.source} ${event.id}`;
        if (known.has(key)) {
          duplicates += 1;
          continue;
        }
        known.add(key);
        committed.push(event);
        if (late) lateIds.add(event.id);
      }
      world.trace(() => `${name} commits ${bodies.length}${late ? ', late' : ''}`);
    },
    committed,
    late: lateIds,
    duplicates: () => duplicates,
  };
}
