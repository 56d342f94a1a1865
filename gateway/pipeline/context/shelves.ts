import type { SlotWeight } from '../../../devices/device.ts';
import type { Slot, StoreMap } from '../../store-map.ts';
import type { StoredState } from '../outcome.ts';
import type { Emit } from './emit.ts';

/** A new weight has to hold for so long before it counts, ms: a hand rests on the shelf for less. */
const SETTLE = 500;
/** Readings that differ by less than this share of a unit are the same weight. */
const SAME = 0.2;
/** What is left over beside whole units, as a share of one, before a change is no longer goods. */
const LEFT_OVER = 0.4;
/** At or below this share of its capacity a slot is `low`. */
const LOW = 0.25;

type Level = 'ok' | 'low' | 'empty';

/** A slot as it is stored: the weight that its last events brought it to, and its level. Grams. */
interface Settled {
  g: number;
  level: Level;
}

interface SlotState {
  settled: Settled;
  /** A weight that is being watched until it holds. */
  pending?: { g: number; since: number; cause: string | undefined };
}

export interface Shelves {
  weighed(device: string, slots: SlotWeight[], at: number, emit: Emit): void;
  /** Settles what held long enough; a shelf may report a change once and then fall silent. */
  tick(at: number, emit: Emit): void;
  /** Readings of slots that no fixture of the map describes, since the start. */
  unmapped(): number;
}

/** Weights to picks, put-backs and stock levels. */
export function createShelves(map: StoreMap, stored: StoredState): Shelves {
  const slots = new Map<string, SlotState>();
  for (const [key, value] of stored.get('slot')) slots.set(key, { settled: { ...(value as Settled) } });
  let unmapped = 0;

  function weighed(device: string, weights: SlotWeight[], at: number, emit: Emit): void {
    for (const weight of weights) {
      const slot = map.fixtures.get(device)?.slots.get(weight.slot);
      if (!slot) unmapped += 1;
      else if ('deltaG' in weight) change(device, slot, weight.deltaG, at, emit);
      else if (weight.ok) watch(device, slot, weight.g, at, emit);
    }
  }

  /** A change that the shelf itself found stable cannot be told from a later reading: it counts at once. */
  function change(device: string, slot: Slot, deltaG: number, at: number, emit: Emit): void {
    const state = slots.get(keyOf(device, slot));
    settle(device, slot, state, (state?.settled.g ?? 0) + deltaG, at, emit);
  }

  function watch(device: string, slot: Slot, g: number, at: number, emit: Emit): void {
    const key = keyOf(device, slot);
    const state = slots.get(key);
    if (!state) {
      // The first weight ever is where the count begins.
      const settled = { g, level: levelOf(slot, g) };
      slots.set(key, { settled });
      emit.change('slot', key, settled);
      return;
    }
    const tolerance = slot.unitGrams * SAME;
    if (Math.abs(g - state.settled.g) < tolerance) {
      delete state.pending;
      // Temperature and creep move a load cell slowly: the level follows, in memory.
      state.settled.g += (g - state.settled.g) / 16;
    } else if (state.pending && Math.abs(g - state.pending.g) < tolerance) {
      if (at - state.pending.since >= SETTLE) settle(device, slot, state, g, at, emit);
    } else state.pending = { g, since: at, cause: emit.cause };
  }

  function tick(at: number, emit: Emit): void {
    for (const [key, state] of slots) {
      if (!state.pending || at - state.pending.since < SETTLE) continue;
      const device = key.slice(0, key.lastIndexOf('/'));
      const slot = map.fixtures.get(device)?.slots.get(Number(key.slice(key.lastIndexOf('/') + 1)));
      if (slot) settle(device, slot, state, state.pending.g, at, emit);
      else delete state.pending;
    }
  }

  function settle(
    device: string,
    slot: Slot,
    state: SlotState | undefined,
    g: number,
    at: number,
    emit: Emit,
  ): void {
    const key = keyOf(device, slot);
    const before: Settled = state?.settled ?? { g: 0, level: 'empty' };
    // What settles later was caused by the message that first showed it.
    const cause = state?.pending?.cause ?? emit.cause;
    const after: Settled = { g, level: levelOf(slot, g) };
    slots.set(key, { settled: after });
    emit.change('slot', key, after);
    const tell = (name: string, data: Record<string, unknown>) =>
      emit.event({ name, class: 'B', time: at, data, ...(cause !== undefined && { causationId: cause }) });
    tellMove(device, slot, g - before.g, tell);
    if (state && after.level !== before.level) tellStock(device, slot, after, before.level, tell);
  }

  return { weighed, tick, unmapped: () => unmapped };
}

function keyOf(device: string, slot: Slot): string {
  return `${device}/${slot.slot}`;
}

function levelOf(slot: Slot, g: number): Level {
  const units = unitsOf(slot, g);
  if (units <= 0) return 'empty';
  return slot.capacity !== undefined && units <= slot.capacity * LOW ? 'low' : 'ok';
}

function unitsOf(slot: Slot, g: number): number {
  return Math.max(0, Math.round(g / slot.unitGrams));
}

type Tell = (name: string, data: Record<string, unknown>) => void;

function tellMove(device: string, slot: Slot, deltaG: number, tell: Tell): void {
  const units = Math.abs(deltaG) / slot.unitGrams;
  const quantity = Math.round(units);
  const leftOver = Math.abs(units - quantity);
  // Not a whole number of units: a bag put down, a hand, something that does not belong there.
  if (quantity === 0 || leftOver > LEFT_OVER) return;
  tell(deltaG < 0 ? 'shelf.item.picked' : 'shelf.item.returned', {
    shelfId: device,
    slot: slot.slot,
    sku: slot.sku,
    ...(slot.gtin !== undefined && { gtin: slot.gtin }),
    quantity,
    deltaG: tenths(deltaG),
    unitG: slot.unitGrams,
    confidence: Math.round((1 - leftOver) * 100) / 100,
  });
}

function tellStock(device: string, slot: Slot, after: Settled, previousLevel: Level, tell: Tell): void {
  tell('shelf.stock.changed', {
    shelfId: device,
    slot: slot.slot,
    sku: slot.sku,
    estimatedUnits: unitsOf(slot, after.g),
    weightG: tenths(after.g),
    ...(slot.capacity !== undefined && { capacity: slot.capacity }),
    level: after.level,
    previousLevel,
  });
}

function tenths(g: number): number {
  return Math.round(g * 10) / 10;
}
