import type { SealedEvents } from '../sealed-events.ts';
import type { OnTheWay } from './on-the-way.ts';
import type { SettledRow, Statements } from './sql.ts';
import type { OutboxWriter } from './writer.ts';

/** What an uplink said of the events that it was given; those in neither are tried again. */
export interface SettleResult {
  accepted: ReadonlySet<string>;
  /** Refused for good, with the reason. */
  rejected: ReadonlyMap<string, string>;
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
  sealed: SealedEvents,
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
    const isAccepted = result.accepted.has(id);
    const reason = isAccepted ? undefined : result.rejected.get(id);
    if (!isAccepted && reason === undefined) return isWiped ? 'undelivered' : undefined;
    if (isAccepted) writer.count(`taken ${uplink}`);
    else bury(uplink, row, reason ?? '', at);
    sql.unowe.run(uplink, position);
    const owed = sql.owed.all(position);
    // Wiped, and owed to an uplink that it is not on its way to: that one will never have it.
    if (isWiped && owed.some((other) => !onTheWay.of(other.uplink)?.has(position))) return 'undelivered';
    if (owed.length === 0) writer.remove(position);
    return reason === undefined ? 'left' : 'refused';
  }

  function bury(uplink: string, row: SettledRow, why: string, at: number): void {
    const { position, expires, subject, body, sealed: data, purposes } = row;
    // The other side's words may name the person; of who withdrew meanwhile they are not kept at all.
    const reason = body === '' ? 'erased' : sealed.hide(why, subject);
    sql.bury.run(uplink, position, at, reason, expires, subject, body, data, purposes);
  }

  return (uplink, taken, result, at) => {
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
