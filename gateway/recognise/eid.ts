import { EID_LENGTH } from '../../devices/wire/eid.ts';
import type { Ahead } from './ahead.ts';
import { createRecovery } from './eid-recovery.ts';
import { createTag, isWorthKeeping, learnClock, recipe, slotAt, type Tag } from './eid-tag.ts';
import { type KeyTable, type Learnt, ownerIndex, type Recogniser } from './recogniser.ts';
import { createRota } from './rota.ts';
import { clearWindow, fillWindow, IDS_PER_ROLL, moveWindow, type SlotIds, slotOf } from './slot-window.ts';

/**
 * Eddystone-EID: the tag's id changes every 2^K seconds and only who holds its identity key can tell
 * (google/eddystone, eddystone-eid). Ids are computed ahead into a table, so that a sighting costs a
 * look-up. A clock that is off by 150 ppm, the most that the specification allows, leaves one slot of 2^10 s
 * after 79 days: each sighting in the slot beside the expected one sets it right again.
 */
export function eidTags(ahead?: Ahead): Recogniser {
  return {
    keys: 'eid',
    sees: 'eid',
    method: 'eid',
    confidence: 1,
    createTable: () => eidTable({ recipe, length: EID_LENGTH, ahead }),
  };
}

export const eid = eidTags();

function eidTable(ids: SlotIds<Tag>): KeyTable {
  const index = ownerIndex();
  const tags = new Map<string, Tag[]>();
  const rota = createRota<Tag>();
  const recovery = createRecovery();

  function roll(tag: Tag, at: number): number {
    const slot = slotAt(tag, at);
    if (slot === tag.slot) return 0;
    recovery.consider(tag, at);
    return Math.max(1, moveWindow(tag, slot, index, ids));
  }

  /** Nothing where the id is none of the tag's. */
  function learn(tag: Tag, id: string, at: number): Learnt | undefined {
    const slot = slotOf(tag, id) ?? recovery.slotOf(tag, id);
    if (slot === undefined) return undefined;
    learnClock(tag, slot, at);
    recovery.drop(tag);
    if (Math.abs(slot - tag.slot) > 1) moveWindow(tag, slot, index, ids);
    if (!isWorthKeeping(tag)) return undefined;
    tag.kept = tag.offset;
    return { recordId: tag.owner.recordId, key: tag.key, offset: tag.offset };
  }

  return {
    put(owner, key, at, offset, prepared) {
      if (key.kind !== 'eid') return;
      const tag = createTag(owner, key, at, offset ?? key.offset);
      tags.set(owner.recordId, [...(tags.get(owner.recordId) ?? []), tag]);
      rota.add(tag);
      const slot = slotAt(tag, at);
      if (prepared?.slot === slot && tag.offset === key.offset) fillWindow(tag, prepared, index);
      else moveWindow(tag, slot, index, ids);
    },
    remove(recordId) {
      for (const tag of tags.get(recordId) ?? []) {
        clearWindow(tag, index);
        recovery.drop(tag);
        rota.delete(tag);
      }
      tags.delete(recordId);
    },
    roll(at) {
      rota.turn(IDS_PER_ROLL, (tag) => roll(tag, at));
      recovery.roll(at);
    },
    find(seen) {
      if (seen.kind !== 'eid') return [];
      const owners = index.find(seen.eid);
      return owners.length > 0 ? owners : recovery.find(seen.eid);
    },
    size: () => index.size() + tags.size + rota.size() + recovery.size(),
    learn(seen, at, recordIds) {
      if (seen.kind !== 'eid') return [];
      const mine = recordIds.flatMap((recordId) => tags.get(recordId) ?? []);
      return mine.flatMap((tag) => learn(tag, seen.eid, at) ?? []);
    },
  };
}
