import type { SeenKey } from '../../devices/device.ts';
import type { ConsentKey } from '../consents.ts';

/** Whose key it is. */
export interface Owner {
  recordId: string;
  subjectRef: string;
}

/**
 * One way of being recognised. A table holds the keys of the consents in force and nothing else, in
 * memory. `put` and `remove` follow the lists; `roll` lets time pass for keys that change with it
 * (called on each tick); `find` names the owners of a key that was seen, none for a stranger.
 */
export interface KeyTable {
  put(owner: Owner, key: ConsentKey, at: number): void;
  remove(recordId: string): void;
  roll(at: number): void;
  find(seen: SeenKey, at: number): readonly Owner[];
}

export interface Recogniser {
  /** The `kind` of the consent keys and of the seen keys that it understands. */
  kind: SeenKey['kind'];
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
}

export function ownerIndex(): OwnerIndex {
  const owners = new Map<string, Owner[]>();
  return {
    add(text, owner) {
      const held = owners.get(text);
      if (!held) owners.set(text, [owner]);
      else if (!held.some((other) => other.recordId === owner.recordId)) held.push(owner);
    },
    drop(text, recordId) {
      const left = owners.get(text)?.filter((owner) => owner.recordId !== recordId);
      if (left && left.length > 0) owners.set(text, left);
      else owners.delete(text);
    },
    find: (text) => owners.get(text) ?? NOBODY,
  };
}
