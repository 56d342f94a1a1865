import { EID_LENGTH } from '../../devices/wire/eid.ts';
import { recipe, slotAt, type Tag } from './eid-tag.ts';
import { type Owner, ownerIndex } from './recogniser.ts';
import { createRota } from './rota.ts';
import { idOf, type SlotIds } from './slot-window.ts';

/*
 * A battery change: beacons keep their clock in flash about once a day (google/eddystone, eddystone-eid), so
 * a tag can come back with up to a day lost. Tags that were not seen for a day are looked for in a wide
 * window, which is built slowly. An id of yesterday sent again passes for the tag too: a sighting is
 * presence, and never proves who somebody is.
 */

/** Slots on either side: a day is 84 of 2^10 s. */
const SLOTS_AROUND = 90;
/** Not seen for so long, a tag is looked for, ms. */
const UNSEEN_FOR = 86_400_000;
/** Tags that are looked for at once, for memory's sake: 1,000 have 181,000 ids, about 30 MB. */
const LOOKED_FOR = 1_000;
/** Where there are more, each is looked for so long and goes to the end of the queue, ms. */
const LOOKED_FOR_MS = 3_600_000;
/** Ids that one call of `roll` computes at most. */
const IDS_PER_ROLL = 250;
const IDS_PER_TAG = 25;

interface Search {
  tag: Tag;
  since: number;
  ids: Map<number, string>;
  /** The slots in `ids`: from `low` to before `high`. */
  low: number;
  high: number;
}

export interface Recovery {
  /** Tells of a tag that is in no hurry; those not seen for long are looked for. */
  consider(tag: Tag, at: number): void;
  roll(at: number): void;
  find(id: string): readonly Owner[];
  /** The slot in which a tag that is looked for was found. */
  slotOf(tag: Tag, id: string): number | undefined;
  /** It was found, or is held no longer. */
  drop(tag: Tag): void;
  size(): number;
}

export function createRecovery(): Recovery {
  const ids: SlotIds<Tag> = { recipe, length: EID_LENGTH };
  const index = ownerIndex();
  const queue = new Set<Tag>();
  const searches = new Map<Tag, Search>();
  const rota = createRota<Search>();

  function drop(tag: Tag): void {
    queue.delete(tag);
    const search = searches.get(tag);
    if (!search) return;
    forget(search, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    searches.delete(tag);
    rota.delete(search);
  }

  function begin(at: number): void {
    for (const { tag, since } of searches.values()) {
      if (queue.size === 0 || searches.size < LOOKED_FOR || at - since < LOOKED_FOR_MS) break;
      drop(tag);
      queue.add(tag);
    }
    for (const tag of queue) {
      if (searches.size >= LOOKED_FOR) break;
      queue.delete(tag);
      const search = { tag, since: at, ids: new Map(), low: 0, high: 0 };
      searches.set(tag, search);
      rota.add(search);
    }
  }

  /** Everything outside from…to goes. */
  function forget(search: Search, from: number, to: number): void {
    for (const [number, id] of search.ids) {
      if (number >= from && number <= to) continue;
      index.drop(id, search.tag.owner.recordId);
      search.ids.delete(number);
    }
  }

  /** A few more ids: first of a clock that lost time, then of one that is ahead. */
  function build(search: Search, at: number): number {
    const centre = slotAt(search.tag, at);
    const [from, to] = [Math.max(0, centre - SLOTS_AROUND), centre + SLOTS_AROUND];
    if (search.low > to || search.high <= from) {
      forget(search, from, to);
      search.low = search.high = Math.max(0, centre);
    } else if (search.low < from || search.high > to + 1) {
      forget(search, from, to);
      search.low = Math.max(search.low, from);
      search.high = Math.min(search.high, to + 1);
    }
    let added = 0;
    for (; added < IDS_PER_TAG && search.low > from; added++) add(search, --search.low);
    for (; added < IDS_PER_TAG && search.high <= to; added++) add(search, search.high++);
    return added;
  }

  function add({ tag, ids: held }: Search, number: number): void {
    const id = idOf(tag, number, ids);
    held.set(number, id);
    index.add(id, tag.owner);
  }

  return {
    consider(tag, at) {
      if (at - tag.lastSeen >= UNSEEN_FOR && !searches.has(tag)) queue.add(tag);
    },
    roll(at) {
      begin(at);
      rota.turn(IDS_PER_ROLL, (search) => build(search, at));
    },
    find: (id) => index.find(id),
    slotOf(tag, id) {
      for (const [number, text] of searches.get(tag)?.ids ?? []) if (text === id) return number;
      return undefined;
    },
    drop,
    size: () => index.size() + queue.size + searches.size + rota.size(),
  };
}
