import { ephemeralIdOf, TEMPORARY_KEY_SECONDS, temporaryKey } from '../../devices/wire/eid.ts';
import { toHex } from '../../devices/wire/hex.ts';
import { type Owner, ownerIndex, type Recogniser } from './recogniser.ts';

/**
 * Slots before and after the current one that are recognised too. A clock that is off by 150 ppm, the most
 * that the specification allows, leaves one slot of 2^10 s after 79 days: tags are to be registered anew.
 */
const SLOTS_AROUND = 1;

interface Tag {
  owner: Owner;
  identityKey: Buffer;
  exponent: number;
  /** Beacon clock − unix seconds. */
  offset: number;
  /** Number of the slot in the middle of `ids`. */
  slot: number;
  /** By slot number. */
  ids: Map<number, string>;
  temporary?: { half: number; key: Uint8Array };
}

/**
 * Eddystone-EID: the tag's id changes every 2^K seconds and only who holds its identity key can tell
 * (google/eddystone, eddystone-eid). Ids are computed ahead into a table, so that a sighting costs a
 * look-up; each key's slot rolls at its own second, which spreads the work by itself.
 */
export const eid: Recogniser = {
  kind: 'eid',
  method: 'eid',
  confidence: 1,
  createTable() {
    const ids = ownerIndex();
    const tags = new Map<string, Tag[]>();
    return {
      put(owner, key, at) {
        if (key.kind !== 'eid') return;
        const tag: Tag = {
          owner,
          identityKey: Buffer.from(key.identityKey, 'hex'),
          exponent: key.exponent,
          offset: key.offset,
          slot: Number.NaN,
          ids: new Map(),
        };
        tags.set(owner.recordId, [...(tags.get(owner.recordId) ?? []), tag]);
        moveTo(tag, slotAt(tag, at));
      },
      remove(recordId) {
        for (const tag of tags.get(recordId) ?? []) {
          for (const id of tag.ids.values()) ids.drop(id, recordId);
        }
        tags.delete(recordId);
      },
      roll(at) {
        for (const held of tags.values()) {
          for (const tag of held) {
            const slot = slotAt(tag, at);
            if (slot !== tag.slot) moveTo(tag, slot);
          }
        }
      },
      find: (seen) => (seen.kind === 'eid' ? ids.find(seen.eid) : []),
    };

    function moveTo(tag: Tag, slot: number): void {
      for (const [number, id] of tag.ids) {
        if (Math.abs(number - slot) <= SLOTS_AROUND) continue;
        ids.drop(id, tag.owner.recordId);
        tag.ids.delete(number);
      }
      for (let number = slot - SLOTS_AROUND; number <= slot + SLOTS_AROUND; number++) {
        if (number < 0 || tag.ids.has(number)) continue;
        const id = idOfSlot(tag, number);
        tag.ids.set(number, id);
        ids.add(id, tag.owner);
      }
      tag.slot = slot;
    }
  },
};

function slotAt(tag: Tag, at: number): number {
  return Math.floor((Math.floor(at / 1000) + tag.offset) / 2 ** tag.exponent);
}

/** The temporary key depends on the clock's upper 16 bits alone: one for 65,536 s. */
function idOfSlot(tag: Tag, slot: number): string {
  const seconds = slot * 2 ** tag.exponent;
  const half = Math.floor(seconds / TEMPORARY_KEY_SECONDS);
  const temporary =
    tag.temporary?.half === half ? tag.temporary : { half, key: temporaryKey(tag.identityKey, seconds) };
  tag.temporary = temporary;
  return toHex(ephemeralIdOf(temporary.key, tag.exponent, seconds));
}
