import { encryptBlock } from '../../devices/wire/aes-block.ts';
import { type Ahead, answerOf, type Slip } from './ahead.ts';
import type { Owner, OwnerIndex } from './recogniser.ts';

/*
 * Keys whose ids change with time: each has the ids of the slots around the present one in an index, so that
 * a sighting costs a look-up. One slot before and one after are recognised too, which makes a clock that is a
 * little off harmless, and a table that lags behind by less than a slot.
 */

export const SLOTS_AROUND = 1;

/** Ids that one call of `roll` computes at most; the rest is the next tick's. Some 5 to 10 ms of work. */
export const IDS_PER_ROLL = 750;

/** How an id is made: `block` encrypted under `key`, the first `length` octets of it. */
export interface Recipe {
  key: Uint8Array;
  block: Uint8Array;
}

export interface SlotWindow {
  owner: Owner;
  /** Number of the slot in the middle of `ids`; NaN at first. */
  slot: number;
  /** Of the slot before, this one and the one after; none of a slot before 0. */
  ids: (string | undefined)[];
  /** The id that will be needed when the window moves on, asked for ahead. */
  coming?: { slot: number; slip: Slip };
}

export interface SlotIds<W extends SlotWindow> {
  recipe(window: W, slot: number): Recipe;
  /** Octets of an id. */
  length: number;
  ahead?: Ahead | undefined;
}

/** The id of one slot, in hex. */
export function idOf<W extends SlotWindow>(window: W, slot: number, ids: SlotIds<W>): string {
  const ready = window.coming?.slot === slot ? answerOf(window.coming.slip) : undefined;
  if (ready) return hexOf(ready, ids.length);
  const { key, block } = ids.recipe(window, slot);
  return hexOf(encryptBlock(key, block), ids.length);
}

/** Moves the window to `slot`; returns how many ids it had to compute. */
export function moveWindow<W extends SlotWindow>(
  window: W,
  slot: number,
  index: OwnerIndex,
  ids: SlotIds<W>,
): number {
  const { owner } = window;
  const before = [...window.ids];
  const first = window.slot - SLOTS_AROUND;
  let computed = 0;
  window.ids = [];
  for (let number = slot - SLOTS_AROUND; number <= slot + SLOTS_AROUND; number++) {
    const known = before[number - first];
    if (known !== undefined) before[number - first] = undefined;
    const id = known ?? (number < 0 ? undefined : idOf(window, number, ids));
    window.ids.push(id);
    if (known !== undefined || id === undefined) continue;
    index.add(id, owner);
    computed += 1;
  }
  for (const id of before) if (id !== undefined) index.drop(id, owner.recordId);
  window.slot = slot;
  askAhead(window, slot + SLOTS_AROUND + 1, ids);
  return computed;
}

/** Begins a window with ids that were worked out elsewhere. */
export function fillWindow(
  window: SlotWindow,
  { slot, ids }: Pick<SlotWindow, 'slot' | 'ids'>,
  index: OwnerIndex,
): void {
  window.slot = slot;
  window.ids = [...ids];
  for (const id of ids) if (id !== undefined) index.add(id, window.owner);
}

export function clearWindow(window: SlotWindow, index: OwnerIndex): void {
  for (const id of window.ids) if (id !== undefined) index.drop(id, window.owner.recordId);
  window.ids = [];
  window.slot = Number.NaN;
  delete window.coming;
}

/** The number of the slot that an id of the window stands for. */
export function slotOf({ slot, ids }: SlotWindow, id: string): number | undefined {
  const place = ids.indexOf(id);
  return place < 0 ? undefined : slot - SLOTS_AROUND + place;
}

function askAhead<W extends SlotWindow>(window: W, slot: number, { ahead, recipe }: SlotIds<W>): void {
  if (!ahead) return;
  const { key, block } = recipe(window, slot);
  window.coming = { slot, slip: ahead.ask(key, block) };
}

function hexOf(block: Uint8Array, length: number): string {
  return Buffer.from(block.buffer, block.byteOffset, length).toString('hex');
}
