import type { OutboxCounts } from './outbox/counts.ts';
import type { StoreEvent } from './pipeline/outcome.ts';
import type { Pipeline } from './pipeline/pipeline.ts';

/** `gateway.health`: how the box is, for the platform. Ages in seconds. */
export function healthEvent(parts: {
  storeId: string;
  mode: 'off' | 'anonymous' | 'identify';
  pipeline: Pipeline;
  counts: OutboxCounts;
  synchronised: boolean;
  at: number;
}): StoreEvent {
  const { storeId, mode, pipeline, counts, synchronised, at } = parts;
  const list = pipeline.list();
  return {
    name: 'gateway.health',
    class: 'C',
    time: at,
    data: {
      storeId,
      // What is in force, not what is wished: without a fresh list or a sure clock, nobody is recognised.
      mode: mode === 'identify' && !pipeline.recognises(at).ok ? 'anonymous' : mode,
      ...(list && { consentListVersion: list.version }),
      ...(list?.issuedAt && { consentListAgeS: Math.round((at - list.issuedAt) / 1000) }),
      queueDepth: counts.waiting,
      oldestS: counts.oldestAt === null ? 0 : Math.max(0, Math.round((at - counts.oldestAt) / 1000)),
      clock: synchronised ? 'synchronised' : 'unsynchronised',
      // Share of the quota, and what follows from it (`outbox/room.ts`).
      ...(counts.limit !== null && { outboxPercent: Math.round((100 * counts.bytes) / counts.limit) }),
      ...(counts.level !== null && { outboxLevel: counts.level }),
      deadLetters: counts.dead,
    },
  };
}
