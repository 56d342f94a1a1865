import type { OnTheWay } from './on-the-way.ts';
import type { Statements } from './sql.ts';
import type { OutboxWriter } from './writer.ts';

/** Telemetry that goes at a time: some hundred kilobytes in few gaps. */
const AT_ONCE = 1_000;
/** Fewer are let be: their gap would take the room that they leave. */
const FEWEST = 100;

/**
 * Takes out the oldest telemetry (C), declared (P4, P5), inside a transaction. What is on its way to an
 * uplink is let arrive.
 */
export function shedding(sql: Statements, writer: OutboxWriter, onTheWay: OnTheWay): (at: number) => void {
  return (at) => {
    const oldest = sql.oldestTelemetry.all(AT_ONCE).filter(({ position }) => !onTheWay.has(position));
    if (oldest.length < FEWEST) return;
    writer.removeAndDeclare(inOrder(oldest), 'shed', at);
  };
}

/** Gaps are made of ascending positions. */
export function inOrder<T extends { position: number }>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => a.position - b.position);
}
