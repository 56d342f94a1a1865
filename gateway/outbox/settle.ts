import type { DeadLetters } from './dead-letters.ts';
import type { OnTheWay } from './on-the-way.ts';
import type { Statements } from './sql.ts';
import { type OutboxWriter, owedTo } from './writer.ts';

/** What an uplink said of the events that it was given; those in neither are tried again. */
export interface SettleResult {
  accepted: ReadonlySet<string>;
  /** Refused for good, with the reason. */
  rejected: ReadonlyMap<string, string>;
  /** Not meant for this destination: settled, and not counted as taken. */
  skipped?: ReadonlySet<string>;
}

/** True where an uplink has no more to do with an event, and does not refuse it. */
export function isTaken(id: string, { accepted, skipped }: SettleResult): boolean {
  return accepted.has(id) || skipped?.has(id) === true;
}

export interface SettledEvent {
  id: string;
  position: number;
  name: string;
}

type Fate = 'left' | 'refused' | 'undelivered';

/**
 * What becomes of events by what one uplink said of them, inside a transaction. Settling is by id, never by
 * position in the queue: what was added or purged meanwhile is not touched. What an uplink refuses for good
 * is set aside with the reason, declared, and blocks nothing (P9).
 */
export function settling(
  sql: Statements,
  writer: OutboxWriter,
  onTheWay: OnTheWay,
  letters: DeadLetters,
): (uplink: string, taken: readonly SettledEvent[], result: SettleResult, at: number) => void {
  function settleOne(
    uplink: string,
    event: SettledEvent,
    result: SettleResult,
    at: number,
  ): Fate | undefined {
    const { position, id } = event;
    const row = sql.get.get(position);
    // Another uplink's answer took it out already.
    if (!row) return undefined;
    const isWiped = row.body === '';
    const isSettled = isTaken(id, result);
    const reason = isSettled ? undefined : result.rejected.get(id);
    if (!isSettled && reason === undefined) return isWiped ? 'undelivered' : undefined;
    if (result.accepted.has(id)) writer.count(`taken ${uplink}`);
    if (reason !== undefined) letters.bury(uplink, row, reason, at);
    writer.unowe(uplink, position);
    const owed = sql.owed.all(position);
    // Wiped, and owed to an uplink that it is not on its way to: that one will never have it.
    if (isWiped && owed.some((other) => !onTheWay.of(other.uplink)?.has(position))) return 'undelivered';
    if (owed.length === 0) writer.remove(position);
    return reason === undefined ? 'left' : 'refused';
  }

  /** All taken and none wiped: a statement for all of them where four for each would be a third of a drain. */
  function settleTaken(uplink: string, taken: readonly SettledEvent[]): void {
    const positions = JSON.stringify(taken.map(({ position }) => position));
    const { changes } = sql.unoweThese.run(uplink, positions);
    writer.count(`taken ${uplink}`, changes);
    writer.count(owedTo(uplink), -changes);
    writer.count('gone', sql.removeSettled.run(positions).changes);
  }

  return (uplink, taken, result, at) => {
    const isPlain = taken.every(({ id }) => result.accepted.has(id)) && sql.anyWiped.get() === undefined;
    if (isPlain) return settleTaken(uplink, taken);
    const fates = taken.map((event) => ({ ...event, fate: settleOne(uplink, event, result, at) }));
    const refused = fates.filter(({ fate, name }) => fate === 'refused' && name !== 'gateway.gap');
    writer.declare(
      refused.map(({ position }) => position),
      'dead',
      at,
    );
    writer.removeAndDeclare(
      fates.filter(({ fate }) => fate === 'undelivered'),
      'erased',
      at,
    );
  };
}
