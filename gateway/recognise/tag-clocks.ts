import type { ConsentKey } from '../consent-record.ts';
import type { Learnt } from './recogniser.ts';

/** What is kept of a tag's clock: good only with the offset that the platform registered. */
interface TagClock {
  registered: number;
  offset: number;
}

/** A row of the stored state `tag-clock`: `<recordId>/<n>` for the record's nth EID key; null removes it. */
export type TagClockRow = [name: string, clock: TagClock | null];

/** What was learnt of tags' clocks, so that it outlives lists and restarts; seconds, and never a key. */
export interface TagClocks {
  /** The offset learnt for a key of this record, if any. */
  offsetOf(recordId: string, key: ConsentKey, keys: readonly ConsentKey[]): number | undefined;
  learnt(learnt: Learnt, keys: readonly ConsentKey[]): void;
  /** The record is gone. */
  forget(recordId: string): void;
  /** What changed since it was last asked. */
  take(): TagClockRow[];
}

export function createTagClocks(stored: ReadonlyMap<string, unknown>): TagClocks {
  const clocks = new Map<string, Map<number, TagClock>>();
  let changes: TagClockRow[] = [];
  for (const [name, clock] of stored) {
    const slash = name.lastIndexOf('/');
    set(name.slice(0, slash), Number(name.slice(slash + 1)), clock as TagClock);
  }

  function set(recordId: string, n: number, clock: TagClock): void {
    const mine = clocks.get(recordId) ?? new Map<number, TagClock>();
    clocks.set(recordId, mine.set(n, clock));
  }

  return {
    offsetOf(recordId, key, keys) {
      const clock = clocks.get(recordId)?.get(placeOf(key, keys));
      return key.kind === 'eid' && clock?.registered === key.offset ? clock.offset : undefined;
    },
    learnt({ recordId, key, offset }, keys) {
      const n = placeOf(key, keys);
      if (key.kind !== 'eid' || n < 0) return;
      const clock = { registered: key.offset, offset };
      set(recordId, n, clock);
      changes.push([`${recordId}/${n}`, clock]);
    },
    forget(recordId) {
      for (const n of clocks.get(recordId)?.keys() ?? []) changes.push([`${recordId}/${n}`, null]);
      clocks.delete(recordId);
    },
    take() {
      const taken = changes;
      changes = [];
      return taken;
    },
  };
}

/** Among the EID keys alone: keys of days come and go. A list repeated has equal keys, not the same ones. */
function placeOf(key: ConsentKey, keys: readonly ConsentKey[]): number {
  if (key.kind !== 'eid') return -1;
  return keys
    .filter((other) => other.kind === 'eid')
    .findIndex(({ identityKey, offset }) => identityKey === key.identityKey && offset === key.offset);
}
