import type { SeenKey } from '../../devices/device.ts';
import type { ConsentKey } from '../consent-record.ts';
import type { PreparedWindow } from './eid-prepared.ts';

/** Whose key it is. */
export interface Owner {
  recordId: string;
  subjectRef: string;
}

/** What a sighting taught about a key: its clock is so many seconds ahead of unix time. */
export interface Learnt {
  recordId: string;
  key: ConsentKey;
  offset: number;
}

/**
 * One way of being recognised. A table holds the keys of the consents in force and nothing else, in
 * memory, behind functions: no string, JSON or inspection of it shows a key (R13). Time comes as `at`, ms.
 */
export interface KeyTable {
  /**
   * Takes a key, and what was learnt of its clock before. A key of another kind is ignored. `prepared` is
   * what it would compute, where somebody did.
   */
  put(owner: Owner, key: ConsentKey, at: number, offset?: number, prepared?: PreparedWindow): void;
  /** Takes a record's keys and all that came of them: it is found no more and `size` is as before it. */
  remove(recordId: string): void;
  /**
   * Lets time pass for keys that change with it; called on each tick. The work of one call is bounded, what
   * is left is done by the next ones.
   */
  roll(at: number): void;
  /** The owners of a key that was seen; none for a stranger. Never throws, whatever was seen. */
  find(seen: SeenKey, at: number): readonly Owner[];
  /** How many things it keeps, of whatever kind. */
  size(): number;
  /** Learns from a sighting that recognised these records; returns what has to outlive a restart. */
  learn?(seen: SeenKey, at: number, recordIds: readonly string[]): Learnt[];
  /** Records with a key that there was no room for. */
  refused?(): string[];
}

export interface Recogniser {
  /** The `kind` of the consent keys that it holds. */
  keys: ConsentKey['kind'];
  /** The `kind` of the seen keys that it understands. */
  sees: SeenKey['kind'];
  /** As events carry it in `method`. */
  method: string;
  /** How sure a match is, 0 to 1. */
  confidence: number;
  createTable(): KeyTable;
}

const NOBODY: readonly Owner[] = [];

/** A table of keys by their text: what most recognisers need. */
export interface OwnerIndex {
  add(text: string, owner: Owner): void;
  /** Takes one owner from one text. */
  drop(text: string, recordId: string): void;
  find(text: string): readonly Owner[];
  size(): number;
}

/** A map of hundreds of thousands takes 40 ms to grow once; many small ones never take long. */
const SHARDS = 64;

export function ownerIndex(): OwnerIndex {
  // Nearly every text has one owner: as many arrays of one are worth avoiding.
  const shards = Array.from({ length: SHARDS }, () => new Map<string, Owner | Owner[]>());
  const find = (text: string): readonly Owner[] => {
    const held = shardOf(shards, text).get(text);
    if (held === undefined) return NOBODY;
    return Array.isArray(held) ? held : [held];
  };
  return {
    add(text, owner) {
      const held = find(text);
      if (held.some(({ recordId }) => recordId === owner.recordId)) return;
      shardOf(shards, text).set(text, held.length === 0 ? owner : [...held, owner]);
    },
    drop(text, recordId) {
      const left = find(text).filter((owner) => owner.recordId !== recordId);
      if (left.length > 0) shardOf(shards, text).set(text, left);
      else shardOf(shards, text).delete(text);
    },
    find,
    size: () => shards.reduce((sum, { size }) => sum + size, 0),
  };
}

/** By the last two characters, which differ most in ids. */
function shardOf<T>(shards: readonly T[], text: string): T {
  const code = 7 * text.charCodeAt(text.length - 2) + text.charCodeAt(text.length - 1);
  return shards[(code || 0) % SHARDS] as T;
}
