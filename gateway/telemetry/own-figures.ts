import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { OutboxCounts } from '../outbox/counts.ts';
import type { Point } from './point.ts';

/** The gateway's own figures as a point, with what happened since the one before. */
export interface OwnFigures {
  point(now: { at: number; outbox: OutboxCounts; messages: number }): Point;
  close(): void;
}

/** Measures the event loop meanwhile. */
export function openOwnFigures(): OwnFigures {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let before: { messages: number; stored: number; forwarded: number } | undefined;

  return {
    point({ at, outbox, messages }) {
      const now = { messages, stored: outbox.stored, forwarded: sumOf(outbox.taken) };
      // Counts of another epoch begin again: what came before them is not known here.
      const since = (name: keyof typeof now) => Math.max(0, now[name] - (before ?? now)[name]);
      const fields = {
        messages: since('messages'),
        events_stored: since('stored'),
        events_forwarded: since('forwarded'),
        outbox_events: outbox.waiting,
        outbox_bytes: outbox.bytes,
        outbox_oldest_seconds: outbox.oldestAt === null ? 0 : Math.max(0, at - outbox.oldestAt) / 1000,
        dead_letters: outbox.dead,
        resident_bytes: process.memoryUsage.rss(),
        loop_delay_seconds: longest(delay),
      };
      before = now;
      return { measurement: 'gateway', tags: {}, fields, at };
    },
    close: () => void delay.disable(),
  };
}

/** Seconds since the last call, above the 20 ms that the measuring itself waits. */
function longest(delay: IntervalHistogram): number {
  const ns = Math.max(0, delay.max - 20e6);
  delay.reset();
  return ns / 1e9;
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}
