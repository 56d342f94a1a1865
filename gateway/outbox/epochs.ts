import { idOf } from '../cloud-event.ts';
import type { Db } from '../database.ts';
import { LAST_POSITION } from './sql.ts';

/*
 * A position is an event's place in this outbox, growing over its whole life. A sequence is what the world
 * sees: it begins at 1 with each epoch, and a new, salvaged or restored database begins a new epoch
 * (contract, Events). `epochs` holds the position that each began with.
 */

export const EPOCHS_TABLE = 'CREATE TABLE epochs (first INTEGER PRIMARY KEY, epoch TEXT NOT NULL);';

export interface Place {
  /** 8 hex digits. */
  epoch: string;
  sequence: number;
}

export interface Epochs {
  /** The one that the next event belongs to. */
  current(): string;
  at(position: number): Place;
  /** The event's id. */
  idAt(position: number): string;
  /** Sequences of ascending positions, by epoch. */
  split(positions: readonly number[]): Map<string, number[]>;
}

interface Row {
  first: number;
  epoch: string;
}

/** Read once: they change only while no outbox is open. */
export function readEpochs(db: Db): Epochs {
  const rows = db.prepare<[], Row>('SELECT first, epoch FROM epochs ORDER BY first DESC').all();

  function at(position: number): Place {
    const row = rows.find(({ first }) => first <= position);
    if (!row) throw new Error(`position ${position} lies before the first epoch`);
    return { epoch: row.epoch, sequence: position - row.first + 1 };
  }

  return {
    current: () => rows[0]?.epoch ?? '',
    at,
    idAt(position) {
      const { epoch, sequence } = at(position);
      return idOf(epoch, sequence);
    },
    split(positions) {
      const split = new Map<string, number[]>();
      for (const position of positions) {
        const { epoch, sequence } = at(position);
        const sequences = split.get(epoch);
        if (sequences) sequences.push(sequence);
        else split.set(epoch, [sequence]);
      }
      return split;
    },
  };
}

/** The epoch that the next event belongs to; nothing where none has begun. */
export function currentEpoch(db: Db): Row | undefined {
  return db.prepare<[], Row>('SELECT first, epoch FROM epochs ORDER BY first DESC LIMIT 1').get();
}

/** The last position that was given; 0 before the first. */
export function lastPosition(db: Db): number {
  return Number(db.prepare<[], { value: string }>(LAST_POSITION).get()?.value ?? 0);
}

/** Begins an epoch with the next event; one that never had an event is forgotten. */
export function beginEpoch(db: Db, epoch: string): void {
  db.prepare('INSERT OR REPLACE INTO epochs VALUES (?, ?)').run(lastPosition(db) + 1, epoch);
}

/** Begins the first epoch of a new database; changes nothing where there is one. */
export function ensureEpoch(db: Db, make: () => string): void {
  if (!db.prepare('SELECT 1 FROM epochs').get()) beginEpoch(db, make());
}
