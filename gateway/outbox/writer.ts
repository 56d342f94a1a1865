import type { BootStamp } from '../cloud-event.ts';
import type { StoreEvent } from '../pipeline/outcome.ts';
import type { SealedEvents } from '../sealed-events.ts';
import type { Epochs } from './epochs.ts';
import { type GapReason, gapsOf } from './gap.ts';
import type { Statements } from './sql.ts';

/** What every change of the outbox is made of; to be called inside a transaction begun by `begin`. */
export interface OutboxWriter {
  /**
   * Begins from what is on disk, so that a rollback leaves no hole and no count. `age` as in `age.ts`; where
   * it is left out, what is stored is as old as it says.
   */
  begin(age?: number): void;
  /** Writes the last position and the counts; the last thing of the transaction. */
  end(): void;
  /** Stores an event, owed to every uplink. */
  append(event: StoreEvent, recordedAt: number): void;
  /** An event is owed to an uplink, or not any more: false where it was so already. */
  owe(uplink: string, position: number): boolean;
  unowe(uplink: string, position: number): boolean;
  /** Takes an event out, settled or not. */
  remove(position: number): void;
  /** Takes out what no uplink will have any more, and says so (P5). Positions ascend. */
  removeAndDeclare(rows: readonly { position: number }[], reason: GapReason, at: number): void;
  /** `gateway.gap` for what leaves without being delivered. Positions ascend. */
  declare(positions: readonly number[], reason: GapReason, at: number): void;
  count(name: string, n?: number): void;
  /** What a count is by now. */
  counted(name: string): number;
  /** The position that the next event will have, by what is on disk. */
  next(): number;
}

const HOUR = 3_600_000;

/**
 * How long ago an event was when it is stored, ms: what devices and visits tell late is minutes old. More is a
 * clock that was set meanwhile (P13).
 */
function lateness({ time }: StoreEvent, recordedAt: number): number {
  return Math.max(-HOUR, Math.min(HOUR, recordedAt - time));
}

/** Under which name it is counted how many events wait for an uplink. */
export const owedTo = (uplink: string): string => `owed ${uplink}`;

export interface WriterParts {
  source: string;
  storeId: string;
  uplinks: readonly string[];
  epochs: Epochs;
  sealed: SealedEvents;
  /** Drops what the last transaction left in memory, should it have failed. */
  forget: () => void;
  personalHours: number;
  boot?: (() => BootStamp) | undefined;
}

export function outboxWriter(sql: Statements, parts: WriterParts): OutboxWriter {
  const { source, storeId, uplinks, epochs, sealed } = parts;
  const next = () => Number(sql.last.get()?.value ?? 0) + 1;
  /** Of the transaction under way: the positions that it gives, and what it counts. */
  let first = 0;
  let upcoming = 0;
  let aged: number | undefined;
  let stamp: BootStamp | undefined;
  const tally = new Map<string, number>();

  function append(event: StoreEvent, recordedAt: number): void {
    const isPersonal = event.subjectRef !== undefined;
    // Contract, Events: `expirytime` on every personal event of class B.
    const expiresAt = isPersonal && event.class === 'B' ? event.time + parts.personalHours * HOUR : undefined;
    const position = upcoming;
    const envelope = { source, ...epochs.at(position), recordedAt, expiresAt, boot: stamp };
    const { body, sealed: data, tag, purposes } = sealed.lay(event, envelope);
    const { name, visitId = null } = event;
    const age = aged ?? recordedAt;
    const expires =
      expiresAt === undefined ? null : age + parts.personalHours * HOUR - lateness(event, recordedAt);
    sql.insert.run(position, name, event.class, age, expires, tag, visitId, body, data, purposes);
    for (const uplink of uplinks) owe(uplink, position);
    upcoming += 1;
  }

  function owe(uplink: string, position: number): boolean {
    const isNew = sql.owe.run(uplink, position).changes > 0;
    if (isNew) count(owedTo(uplink));
    return isNew;
  }

  function unowe(uplink: string, position: number): boolean {
    const wasOwed = sql.unowe.run(uplink, position).changes > 0;
    if (wasOwed) count(owedTo(uplink), -1);
    return wasOwed;
  }

  function count(name: string, n = 1): void {
    if (n !== 0) tally.set(name, (tally.get(name) ?? 0) + n);
  }

  function remove(position: number): void {
    if (sql.remove.run(position).changes > 0) count('gone');
  }

  function declare(positions: readonly number[], reason: GapReason, at: number): void {
    for (const [epoch, sequences] of epochs.split(positions)) {
      for (const gap of gapsOf(sequences, { storeId, epoch, reason, at })) append(gap, at);
    }
    count('declared', positions.length);
  }

  return {
    begin(age) {
      aged = age;
      first = next();
      upcoming = first;
      stamp = parts.boot?.();
      tally.clear();
      parts.forget();
    },
    end() {
      if (upcoming > first) sql.setLast.run(String(upcoming - 1));
      for (const [name, n] of tally) sql.count.run(name, n);
    },
    append,
    owe,
    unowe,
    remove,
    removeAndDeclare(rows, reason, at) {
      for (const { position } of rows) {
        for (const { uplink } of sql.unoweAll.all(position)) count(owedTo(uplink), -1);
        remove(position);
      }
      declare(
        rows.map(({ position }) => position),
        reason,
        at,
      );
    },
    declare,
    count,
    counted: (name) => (sql.counted.get(name)?.value ?? 0) + (tally.get(name) ?? 0),
    next,
  };
}
