import { ephemeralIdBlock, TEMPORARY_KEY_SECONDS, temporaryKey } from '../../devices/wire/eid.ts';
import type { ConsentKey } from '../consent-record.ts';
import type { Owner } from './recogniser.ts';
import type { Recipe, SlotWindow } from './slot-window.ts';

export type EidKey = Extract<ConsentKey, { kind: 'eid' }>;

/** One tag: its key, and what is believed of its clock. */
export interface Tag extends SlotWindow {
  key: EidKey;
  identityKey: Uint8Array;
  /** Beacon clock − unix seconds, as far as it is known. */
  offset: number;
  /** What it was a day ago, or when the tag was last found anew: one slot is all that it is believed to drift from there. */
  anchor: { offset: number; at: number };
  /** The offset that was last handed out to be kept. */
  kept: number;
  /** When it was recognised last, or came into the table; ms. */
  lastSeen: number;
  temporary?: { half: number; key: Uint8Array };
}

/** How long a tag may be believed to be on its way within a slot; a clock off by 150 ppm loses 13 s in it. */
const ANCHOR_FOR = 86_400_000;

export function createTag(owner: Owner, key: EidKey, at: number, offset: number): Tag {
  return {
    owner,
    key,
    identityKey: Buffer.from(key.identityKey, 'hex'),
    offset,
    anchor: { offset, at },
    kept: offset,
    lastSeen: at,
    slot: Number.NaN,
    ids: [],
  };
}

/** The slot that the tag should be in. */
export function slotAt(tag: Tag, at: number): number {
  return Math.floor(clockAt(tag, at) / period(tag));
}

/** The temporary key depends on the clock's upper 16 bits alone: one for 65,536 s. */
export function recipe(tag: Tag, slot: number): Recipe {
  const seconds = slot * period(tag);
  const half = Math.floor(seconds / TEMPORARY_KEY_SECONDS);
  if (tag.temporary?.half !== half) tag.temporary = { half, key: temporaryKey(tag.identityKey, seconds) };
  return { key: tag.temporary.key, block: ephemeralIdBlock(tag.key.exponent, seconds) };
}

/**
 * The tag was seen in `slot`. In another slot than the expected one, its clock is moved just into that one:
 * seen over a change of ids, the clock becomes right to the second. Somebody who sends old ids again could
 * lead it astray, so it is led no further than one slot from where it was a day ago.
 */
export function learnClock(tag: Tag, slot: number, at: number): void {
  tag.lastSeen = Math.max(tag.lastSeen, at);
  const clock = clockAt(tag, at);
  const expected = Math.floor(clock / period(tag));
  if (slot === expected) return;
  const moved = slot > expected ? slot * period(tag) : (slot + 1) * period(tag) - 1;
  const offset = tag.offset + moved - clock;
  if (Math.abs(slot - expected) > 1) {
    tag.offset = offset;
    tag.anchor = { offset, at };
    return;
  }
  if (at - tag.anchor.at >= ANCHOR_FOR) tag.anchor = { offset: tag.offset, at };
  const furthest = period(tag);
  tag.offset = Math.min(Math.max(offset, tag.anchor.offset - furthest), tag.anchor.offset + furthest);
}

/** Whether the clock differs so much from what was kept that it is worth a write: an eighth of a slot. */
export function isWorthKeeping(tag: Tag): boolean {
  return Math.abs(tag.offset - tag.kept) >= Math.max(1, period(tag) / 8);
}

function clockAt(tag: Tag, at: number): number {
  return Math.floor(at / 1000) + tag.offset;
}

/** Seconds. */
function period({ key }: Tag): number {
  return 1 << key.exponent;
}
