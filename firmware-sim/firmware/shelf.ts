import type { Slot } from '../shop-floor/floor-plan.ts';
import type { Random } from '../shop-floor/seeded-random.ts';

/**
 * Firmware of a shelf on load cells: tells the absolute weight of a slot when it changes, once more when
 * it has come to rest, and of all slots now and then, so that nothing depends on one message.
 */
export interface Shelf {
  /** Returns how many were there to be taken. */
  take(slot: number, quantity: number): number;
  putBack(slot: number, quantity: number): void;
  /** Units in a slot. */
  stock(slot: number): number;
  /** To be called often; `at` is ms, monotonic. */
  tick(at: number): void;
}

export interface ShelfOptions {
  slots: readonly Slot[];
  random: Random;
  /** Between full reports, ms. */
  everyMs: number;
  isUp(): boolean;
  send(name: 'weight', fields: { slots: { slot: number; g: number; ok: boolean }[] }): void;
}

/** A hand is gone and the cell at rest after so long, ms. */
const AT_REST_MS = 800;
/** Standard deviation of a reading, grams. */
const NOISE_G = 0.4;

export function shelf({ slots, random, everyMs, isUp, send }: ShelfOptions): Shelf {
  const units = new Map(slots.map(({ slot, capacity }) => [slot, capacity]));
  const restAt = new Map<number, number>();
  let changed = new Set<number>();
  let reportAt = Number.NEGATIVE_INFINITY;

  function tell(which: Iterable<number>): void {
    const told = [...which].flatMap((number) => slots.find(({ slot }) => slot === number) ?? []);
    if (told.length === 0) return;
    send('weight', {
      slots: told.map(({ slot, unitGrams }) => ({
        slot,
        g: tenths((units.get(slot) ?? 0) * unitGrams + NOISE_G * random.normal()),
        ok: true,
      })),
    });
  }

  function change(slot: number, by: number): void {
    units.set(slot, (units.get(slot) ?? 0) + by);
    changed.add(slot);
  }

  return {
    take(slot, quantity) {
      const taken = Math.min(quantity, units.get(slot) ?? 0);
      if (taken > 0) change(slot, -taken);
      return taken;
    },
    putBack: (slot, quantity) => change(slot, quantity),
    stock: (slot) => units.get(slot) ?? 0,
    tick(at) {
      // A full report tells nothing that the next one does not: none is kept for later.
      if (at >= reportAt && isUp()) {
        reportAt = at + everyMs;
        tell(units.keys());
      }
      const atRest = [...restAt].filter(([, due]) => due <= at).map(([slot]) => slot);
      for (const slot of atRest) restAt.delete(slot);
      for (const slot of changed) restAt.set(slot, at + AT_REST_MS);
      tell(new Set([...changed, ...atRest]));
      changed = new Set();
    },
  };
}

function tenths(g: number): number {
  return Math.round(g * 10) / 10;
}
