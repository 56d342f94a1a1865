import type { SealedEvents } from '../sealed-events.ts';
import type { SettledRow, Statements } from './sql.ts';
import type { OutboxWriter } from './writer.ts';

/** When there are too many, so large a share of them goes at once. */
const TRIMMED = 0.1;

/**
 * What uplinks refused for good (P9), with the reason. They were declared when they were set aside, so their
 * number may have an end: the oldest go, those first that lost their body.
 */
export interface DeadLetters {
  /** Inside a transaction. */
  bury(uplink: string, row: SettledRow, why: string, at: number): void;
  /** Takes one out, to be driven again. Inside a transaction. */
  take(uplink: string, position: number): void;
}

export function deadLetters(
  sql: Statements,
  writer: OutboxWriter,
  { sealed, most }: { sealed: SealedEvents; most: number },
): DeadLetters {
  function take(uplink: string, position: number): void {
    writer.count('dead', -sql.unbury.run(uplink, position).changes);
  }

  function trim(): void {
    if (writer.counted('dead') <= most) return;
    const oldest = sql.oldestDead.all(Math.ceil(most * TRIMMED));
    for (const { uplink, position } of oldest) take(uplink, position);
    writer.count('dead letters dropped', oldest.length);
  }

  return {
    bury(uplink, { position, expires, subject, body, sealed: data, purposes }, why, at) {
      // The other side's words may name the person; of who withdrew meanwhile they are not kept at all.
      const reason = body === '' ? 'erased' : sealed.hide(why, subject);
      take(uplink, position);
      sql.bury.run(uplink, position, at, reason, expires, subject, body, data, purposes);
      writer.count('dead');
      trim();
    },
    take,
  };
}
