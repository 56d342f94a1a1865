import type { CloudEvent } from './cloud-event.ts';

/**
 * By source, epoch and sequence. An epoch is random, so it says nothing of before and after: epochs
 * stand in the order of the first `recordedtime` known of each.
 */
export function inOrder(events: readonly CloudEvent[]): CloudEvent[] {
  const began = new Map<string, number>();
  for (const event of events) {
    const epoch = epochOf(event);
    began.set(epoch, Math.min(began.get(epoch) ?? Number.POSITIVE_INFINITY, recordedAt(event)));
  }
  return [...events].sort(
    (a, b) =>
      compare(a.source, b.source) ||
      compare(began.get(epochOf(a)) ?? 0, began.get(epochOf(b)) ?? 0) ||
      compare(epochOf(a), epochOf(b)) ||
      compare(String(a.sequence), String(b.sequence)),
  );
}

function epochOf(event: CloudEvent): string {
  return `${event.source} ${event.epoch}`;
}

function recordedAt(event: CloudEvent): number {
  return Date.parse(String(event.recordedtime ?? event.time ?? '')) || 0;
}

export function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
