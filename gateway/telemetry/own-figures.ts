import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { OutboxCounts } from '../outbox/counts.ts';
import type { Point } from './point.ts';
import { WINDOW_MS } from './windows.ts';

/** What the gateway knows of itself at a moment; counts since the start of the process or of the epoch. */
export interface OwnState {
  outbox: OutboxCounts;
  messages: number;
}

/** The gateway's own figures as a point, with what happened since the one before. */
export interface OwnFigures {
  /**
   * To be called once when a window has begun: the point belongs to the one that is over by then. At the end
   * (`isEnd`) it belongs to the one that is open.
   */
  point(now: OwnState & { at: number; isEnd?: boolean }): Point;
  close(): void;
}

interface Counts {
  messages: number;
  stored: number;
  forwarded: number;
}

/** Measures the event loop meanwhile. */
export function openOwnFigures(): OwnFigures {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  /** What was told by the last point, and from which window on counts are told. */
  let before: Counts | undefined;
  let countsFrom = Number.POSITIVE_INFINITY;

  /**
   * What happened in the window; nothing in the first one, since it may be the last of the process before,
   * whose counts a second sample would take the place of. They come with the next; where the process ends before,
   * with what it goes on with (`cut-windows.ts`).
   */
  function happened(window: number, now: Counts, isEnd: boolean): Record<string, number> {
    if (!before) {
      before = now;
      countsFrom = window + WINDOW_MS;
    }
    if (window < countsFrom && !isEnd) return {};
    const last = before;
    before = now;
    // Counts of another epoch begin again: what came before them is not known here.
    const since = (name: keyof Counts) => Math.max(0, now[name] - last[name]);
    return {
      messages: since('messages'),
      events_stored: since('stored'),
      events_forwarded: since('forwarded'),
    };
  }

  return {
    point({ at, outbox, messages, isEnd = false }) {
      const isFirst = before === undefined;
      const open = startOf(at);
      const window = isEnd || isFirst ? open : open - WINDOW_MS;
      const fields = {
        ...happened(window, { messages, stored: outbox.stored, forwarded: sumOf(outbox.taken) }, isEnd),
        outbox_events: outbox.waiting,
        outbox_bytes: outbox.bytes,
        outbox_oldest_seconds: outbox.oldestAt === null ? 0 : Math.max(0, at - outbox.oldestAt) / 1000,
        dead_letters: outbox.dead,
        resident_bytes: process.memoryUsage.rss(),
        loop_delay_seconds: longest(delay),
      };
      return { measurement: 'gateway', tags: {}, fields, at: window + WINDOW_MS - 1 };
    },
    close: () => void delay.disable(),
  };
}

const startOf = (at: number): number => Math.floor(at / WINDOW_MS) * WINDOW_MS;

/** Seconds since the last call, above the 20 ms that the measuring itself waits. */
function longest(delay: IntervalHistogram): number {
  const ns = Math.max(0, delay.max - 20e6);
  delay.reset();
  return ns / 1e9;
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}
