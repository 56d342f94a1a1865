import { z } from 'zod';
import { type Device, message, type SlotWeight } from './device.ts';

const slot = z.number().int().min(0).max(255);
/** 1 t either way: more is a broken cell, not goods. */
const grams = z.number().min(-1_000_000).max(1_000_000);

const absolute = z.object({ slot, g: grams.nullable(), ok: z.boolean().default(true) });
const change = z.object({ slot, deltaG: grams });

/** A shelf on load cells: tells each slot's weight, or the changes that it found stable itself. */
export const connectedShelf = {
  kind: 'connected-shelf',
  summary: 'a shelf on load cells, a weight for each slot',
  messages: {
    weight: message('B', { slots: z.array(z.union([change, absolute])).max(64) }, ({ slots }) => [
      { kind: 'weights', slots: slots.map(slotWeight) },
    ]),
  },
} satisfies Device;

function slotWeight(said: z.infer<typeof change> | z.infer<typeof absolute>): SlotWeight {
  if ('deltaG' in said) return said;
  // HX711 firmware sends null for a cell that it cannot read.
  return said.g === null ? { slot: said.slot, g: 0, ok: false } : { slot: said.slot, g: said.g, ok: said.ok };
}
