import type { SlotWeight } from '../../../devices/device.ts';
import type { Slot, StoreMap } from '../../store-map.ts';
import type { StoredState } from '../outcome.ts';
import type { Emit } from './emit.ts';

/*
 * Weights to picks, put-backs and stock levels.
 *
 * - A slot's first weight ever is where the count begins; nothing happened yet.
 * - A weight that holds is settled: the difference to the one before is goods where it is whole units,
 *   and otherwise something that lies there beside the goods (a bag, an arm), which is not counted.
 * - Between two settled weights a load cell creeps, and the settled weight creeps with it.
 * - A shelf that tells changes only, and never its weight, gives picks and put-backs and no levels.
 */

/** A new weight has to hold for so long before it counts, ms: a hand rests on the shelf for less. */
const SETTLE = 500;
/** Readings that differ by less than this share of a unit are the same weight. */
const SAME = 0.2;
/** What is left over beside whole units, as a share of one, before a change is no longer goods. */
const LEFT_OVER = 0.25;
/** Of the difference to the settled weight, the share by which each reading moves it. */
const CREEP = 1 / 16;
/** At or below this share of its capacity a slot is `low`. */
const LOW = 0.25;

type Level = 'ok' | 'low' | 'empty';

/** A slot as it is stored. Grams. */
interface Settled {
  g: number;
  /** Of it, what is not goods. */
  besideG: number;
  level: Level;
}

interface SlotState {
  device: string;
  slot: Slot;
  settled: Settled;
  /** The settled weight as it is on disk. */
  storedG: number;
  /** A weight that is being watched until it holds. */
  pending?: { g: number; since: number; cause: string | undefined };
}

export interface Shelves {
  weighed(device: string, slots: SlotWeight[], at: number, emit: Emit): void;
  /** Settles what held long enough; a shelf may report a change once and then fall silent. */
  tick(at: number, emit: Emit): void;
}

export function createShelves(map: StoreMap, stored: StoredState): Shelves {
  const states = new Map<string, SlotState>();
  const settledBefore = stored.get('slot');
  for (const [device, { slots }] of map.fixtures) {
    for (const slot of slots.values()) {
      const settled = settledBefore.get(keyOf(device, slot)) as Settled | undefined;
      if (settled) states.set(keyOf(device, slot), { device, slot, settled, storedG: settled.g });
    }
  }

  function weighed(device: string, weights: SlotWeight[], at: number, emit: Emit): void {
    for (const weight of weights) {
      const slot = map.fixtures.get(device)?.slots.get(weight.slot);
      if (!slot) continue;
      const state = states.get(keyOf(device, slot));
      if ('deltaG' in weight) changed(device, slot, state, weight.deltaG, at, emit);
      else if (!weight.ok) continue;
      else if (state) watch(state, weight.g, at, emit);
      else begin(device, slot, weight.g, emit);
      const now = states.get(keyOf(device, slot));
      if (now) tellWeight(now, at, emit);
    }
  }

  function begin(device: string, slot: Slot, g: number, emit: Emit): void {
    const settled: Settled = { g, besideG: 0, level: levelOf(slot, g) };
    const state = { device, slot, settled, storedG: g };
    states.set(keyOf(device, slot), state);
    keep(state, emit);
  }

  /** A change that the shelf itself found stable cannot be told from a later reading: it counts at once. */
  function changed(
    device: string,
    slot: Slot,
    state: SlotState | undefined,
    deltaG: number,
    at: number,
    emit: Emit,
  ): void {
    if (state) settle(state, state.settled.g + deltaG, at, emit.cause, emit);
    else tellMove(device, slot, deltaG, at, emit.cause, emit);
  }

  function watch(state: SlotState, g: number, at: number, emit: Emit): void {
    const { slot, settled, pending } = state;
    const tolerance = slot.unitGrams * SAME;
    if (Math.abs(g - settled.g) < tolerance) {
      delete state.pending;
      settled.g += (g - settled.g) * CREEP;
      // On disk before it has crept so far that a restart would take it for a pick.
      if (Math.abs(settled.g - state.storedG) >= tolerance / 2) keep(state, emit);
    } else if (pending && Math.abs(g - pending.g) < tolerance) {
      if (at - pending.since >= SETTLE) settle(state, g, at, pending.cause, emit);
    } else state.pending = { g, since: at, cause: emit.cause };
  }

  function tick(at: number, emit: Emit): void {
    for (const state of states.values()) {
      const { pending } = state;
      if (!pending || at - pending.since < SETTLE) continue;
      settle(state, pending.g, at, pending.cause, emit);
      tellWeight(state, at, emit);
    }
  }

  /** `cause` is the message that first showed the new weight. */
  function settle(state: SlotState, g: number, at: number, cause: string | undefined, emit: Emit): void {
    const { device, slot, settled: before } = state;
    delete state.pending;
    const deltaG = g - before.g;
    const isGoods = tellMove(device, slot, deltaG, at, cause, emit);
    const besideG = isGoods ? before.besideG : before.besideG + deltaG;
    const isNothing = Math.abs(besideG) < slot.unitGrams * SAME;
    state.settled = { g, besideG: isNothing ? 0 : besideG, level: levelOf(slot, g - besideG) };
    keep(state, emit);
    if (state.settled.level !== before.level) tellStock(state, before.level, at, cause, emit);
  }

  function keep(state: SlotState, emit: Emit): void {
    state.storedG = state.settled.g;
    emit.change('slot', keyOf(state.device, state.slot), state.settled);
  }

  return { weighed, tick };
}

function keyOf(device: string, slot: Slot): string {
  return `${device}/${slot.slot}`;
}

function levelOf(slot: Slot, goodsG: number): Level {
  const units = unitsOf(slot, goodsG);
  if (units <= 0) return 'empty';
  return slot.capacity !== undefined && units <= slot.capacity * LOW ? 'low' : 'ok';
}

function unitsOf(slot: Slot, goodsG: number): number {
  return Math.max(0, Math.round(goodsG / slot.unitGrams));
}

/** False where the change is not a whole number of units: something that does not belong there. */
function tellMove(
  device: string,
  slot: Slot,
  deltaG: number,
  at: number,
  cause: string | undefined,
  emit: Emit,
): boolean {
  const units = Math.abs(deltaG) / slot.unitGrams;
  const quantity = Math.round(units);
  const leftOver = Math.abs(units - quantity);
  if (quantity === 0 || leftOver > LEFT_OVER) return false;
  emit.event({
    name: deltaG < 0 ? 'shelf.item.picked' : 'shelf.item.returned',
    class: 'B',
    time: at,
    ...(cause !== undefined && { causationId: cause }),
    data: {
      shelfId: device,
      slot: slot.slot,
      sku: slot.sku,
      ...(slot.gtin !== undefined && { gtin: slot.gtin }),
      quantity,
      deltaG: tenths(deltaG),
      unitG: slot.unitGrams,
      confidence: Math.round((1 - leftOver) * 100) / 100,
    },
  });
  return true;
}

function tellStock(
  { device, slot, settled }: SlotState,
  previousLevel: Level,
  at: number,
  cause: string | undefined,
  emit: Emit,
): void {
  emit.event({
    name: 'shelf.stock.changed',
    class: 'B',
    time: at,
    ...(cause !== undefined && { causationId: cause }),
    data: {
      shelfId: device,
      slot: slot.slot,
      sku: slot.sku,
      estimatedUnits: unitsOf(slot, settled.g - settled.besideG),
      weightG: tenths(settled.g),
      ...(slot.capacity !== undefined && { capacity: slot.capacity }),
      level: settled.level,
      previousLevel,
    },
  });
}

function tellWeight({ device, slot, settled }: SlotState, at: number, emit: Emit): void {
  emit.point({
    measurement: 'shelf',
    tags: { device, slot: String(slot.slot) },
    fields: { weight_grams: tenths(settled.g), units: unitsOf(slot, settled.g - settled.besideG) },
    at,
  });
}

function tenths(g: number): number {
  return Math.round(g * 10) / 10;
}
