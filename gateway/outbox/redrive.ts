import { EVENT_TYPES } from '../event-types.ts';
import type { SealedEvents } from '../sealed-events.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Epochs } from './epochs.ts';
import type { DeadRow, Statements } from './sql.ts';
import type { OutboxWriter } from './writer.ts';

/** Which dead letters: all of them where nothing is named. */
export interface Wanted {
  uplink?: string | undefined;
  /** Of events. */
  ids?: readonly string[] | undefined;
}

export interface Redriven {
  /** Owed to their uplinks again. */
  redriven: number;
  /** Their body is gone: erased, expired, or its key destroyed. */
  gone: number;
  /** Of an uplink that is not configured. */
  unconfigured: number;
}

/** Events that one `forget` looks at; the next goes on. */
const FORGOTTEN_AT_ONCE = 1_000;

/**
 * What an operator does with events that an uplink did not take, inside a transaction (P9).
 *
 * A letter that is driven again is owed to its uplink under its old position and id: the gap that told of its
 * going names it still, and an event that arrives after all is no contradiction. What an uplink that is no
 * more was owed, and nobody else has to have, goes declared.
 */
export function redriving(
  sql: Statements,
  writer: OutboxWriter,
  parts: { uplinks: readonly string[]; sealed: SealedEvents; letters: DeadLetters; epochs: Epochs },
) {
  const { uplinks, sealed, letters, epochs } = parts;

  /** `age` as in `age.ts`: whose time is up is not driven, though nobody has looked yet. */
  function redrive({ uplink, ids }: Wanted, age: number): Redriven & { first?: number } {
    const isWanted = (row: DeadRow) =>
      (uplink === undefined || row.uplink === uplink) &&
      (ids === undefined || ids.includes(epochs.idAt(row.position)));
    const rows = sql.dead.all().filter(isWanted);
    const configured = rows.filter((row) => uplinks.includes(row.uplink));
    const whole = configured.filter((row) => isWhole(row, age));
    for (const row of whole) drive(row, age);
    return {
      redriven: whole.length,
      gone: configured.length - whole.length,
      unconfigured: rows.length - configured.length,
      ...(whole.length > 0 && { first: Math.min(...whole.map(({ position }) => position)) }),
    };
  }

  function isWhole(row: DeadRow, age: number): boolean {
    if (row.body === '' || (row.expires !== null && row.expires <= age)) return false;
    return sealed.open(row) !== undefined;
  }

  function drive(row: DeadRow, age: number): void {
    const { uplink, position } = row;
    letters.take(uplink, position);
    const name = nameOf(row);
    // Another uplink may be owed it still.
    if (!sql.get.get(position)) putBack(row, name, age);
    writer.owe(uplink, position);
    if (name !== 'gateway.gap') writer.count('declared', -1);
  }

  /** Its time to live begins anew, but not that of a person's. */
  function putBack(row: DeadRow, name: string, age: number): void {
    const { position, expires, subject, body, sealed: data, purposes } = row;
    const kind = EVENT_TYPES.find((type) => type.name === name)?.class ?? 'A';
    const { partitionkey: visit = null } = JSON.parse(body) as { partitionkey?: string };
    sql.insert.run(position, name, kind, age, expires, subject, visit, body, data, purposes);
    writer.count('gone', -1);
  }

  /** Some of what an uplink is owed that is not configured; how many, 0 where nothing is left. */
  function forget(uplink: string, at: number): number {
    const rows = sql.owedTo.all(uplink, FORGOTTEN_AT_ONCE);
    for (const { position } of rows) writer.unowe(uplink, position);
    const nobodys = rows.filter(({ position }) => sql.owed.all(position).length === 0);
    writer.removeAndDeclare(nobodys, 'dead', at);
    return rows.length;
  }

  return { redrive, forget };
}

/** The middle of `aisle.<name>.v1`. */
function nameOf({ body }: DeadRow): string {
  const { type } = JSON.parse(body) as { type: string };
  return type.replace(/^aisle\./, '').replace(/\.v\d+$/, '');
}
