import type { Class } from '../../devices/device.ts';
import { EVENT_TYPES } from '../event-types.ts';
import type { SealedEvents } from '../sealed-events.ts';
import type { GapReason } from './gap.ts';
import type { OutboxWriter } from './writer.ts';

/*
 * How many events were stored and removed, by class. Kept with the outbox's other counts, in the transaction
 * that stores or removes them: what is rolled back was never counted, and a restart begins where the last ended.
 */

export const CLASSES: readonly Class[] = ['A', 'B', 'C'];
export const GAP_REASONS: readonly GapReason[] = ['erased', 'expired', 'dead', 'shed'];

/** Under which names the counts are kept. */
export const storedAs = (kind: Class): string => `stored ${kind}`;
export const droppedAs = (reason: GapReason, kind: Class): string => `dropped ${reason} ${kind}`;
export const ERASURES = 'erasures';

const byName: ReadonlyMap<string, Class> = new Map(EVENT_TYPES.map((type) => [type.name, type.class]));

/** The class of an event by the middle of `aisle.<name>.v1`; A, which is never dropped, for one that is not known. */
export function classOf(name: string): Class {
  return byName.get(name) ?? 'A';
}

/** Counts each event that is laid down to be stored, gaps included. */
export function countingStored(sealed: SealedEvents, count: (name: string) => void): SealedEvents {
  return {
    ...sealed,
    lay(event, envelope) {
      count(storedAs(event.class));
      if (event.name === 'subject.erased') count(ERASURES);
      return sealed.lay(event, envelope);
    },
  };
}

export interface CountingWriter extends OutboxWriter {
  /** The events that the transaction is about: what it declares by position alone is found among them. */
  about(events: readonly Named[]): void;
}

interface Named {
  position: number;
  name: string;
}

/** Counts each event that is removed before delivery. */
export function countingDropped(writer: OutboxWriter): CountingWriter {
  let named = new Map<number, string>();

  function countAll(classes: readonly Class[], reason: GapReason): void {
    for (const kind of classes) writer.count(droppedAs(reason, kind));
  }

  return {
    ...writer,
    about(events) {
      named = new Map(events.map(({ position, name }) => [position, name]));
    },
    removeAndDeclare(rows, reason, at) {
      countAll(rows.map(classOfRow), reason);
      writer.removeAndDeclare(rows, reason, at);
    },
    declare(positions, reason, at) {
      const classes = positions.map((position) => classOf(named.get(position) ?? ''));
      countAll(classes, reason);
      writer.declare(positions, reason, at);
    },
  };
}

function classOfRow(row: { position: number }): Class {
  return classOf('name' in row ? String(row.name) : '');
}
