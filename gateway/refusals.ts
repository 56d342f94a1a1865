import type { Logger } from 'pino';
import type { StoreEvent } from './pipeline/outcome.ts';

/** A line for one kind and origin at most so often, ms: a flood must not fill the log, nor the outbox. */
const PACE = 60_000;
/** Kinds and origins that are told apart; beyond, counting begins anew. */
const MAX_KINDS = 1_000;
/** Trouble with a line, not somebody who tries: for the log alone. */
const NO_ALERT = new Set(['broken connection', 'keep alive', 'protocol version']);

/**
 * Says what was turned away or held up: the first of its kind and origin at once, then one line a minute with a
 * count. Never a payload, an address or a secret.
 */
export interface Refusals {
  /** A connection, topic or filter of a device, or of somebody unknown; also a `security.alert`. */
  device(what: string, origin: string, why?: string): void;
  /** A message that was acknowledged and dropped, or it would come back for ever. */
  dropped(reason: string, device: string, message: string): void;
  /** Messages that there is no room for: their connections end. */
  noRoom(reason: string): void;
  /** A device sends more than its share. */
  slowed(device: string): void;
  /** What the central platform sent and was not taken; also a `security.alert`. */
  central(reason: string): void;
}

export function createRefusals(parts: {
  log: Logger;
  now: () => number;
  storeId: string;
  isKnown: (device: string) => boolean;
  alert: (event: StoreEvent) => void;
}): Refusals {
  const { log, now, storeId, isKnown } = parts;
  const told = new Map<string, { at: number; count: number }>();

  /** How many there were since the last line, where it is time for one. */
  function due(key: string): number | undefined {
    const kind = told.get(key) ?? { at: Number.NEGATIVE_INFINITY, count: 0 };
    if (told.size >= MAX_KINDS) told.clear();
    told.set(key, kind);
    kind.count += 1;
    if (now() - kind.at < PACE) return undefined;
    const { count } = kind;
    Object.assign(kind, { at: now(), count: 0 });
    return count;
  }

  function alert(kind: string, origin: string, count: number): void {
    const data = { storeId, kind, origin, count };
    parts.alert({ name: 'security.alert', class: 'A', time: now(), data });
  }

  return {
    device(what, from, why) {
      // Names that nobody here has are the stranger's to choose, an address of a phone for example: one
      // origin for all of them, in the log too (R1).
      const origin = isKnown(from) ? from : 'unknown';
      const count = due(`device ${what} ${origin}`);
      if (count === undefined) return;
      log.warn({ what, origin, ...(why !== undefined && { why }), count }, 'refused');
      if (!NO_ALERT.has(what)) alert(what, origin, count);
    },
    dropped(reason, device, message) {
      const count = due(`dropped ${reason} ${device} ${message}`);
      if (count !== undefined) log.warn({ reason, device, message, count }, 'acknowledged and dropped');
    },
    noRoom(reason) {
      const count = due('no room');
      if (count !== undefined)
        log.warn({ reason, count }, 'messages are not taken, their connections end; devices send again');
    },
    slowed(device) {
      const count = due('slowed');
      if (count !== undefined)
        log.warn({ device, count }, 'a device sends more than its share: it is read more slowly');
    },
    central(reason) {
      const count = due('central');
      log.warn({ reason }, 'refused from the central platform');
      if (count !== undefined) alert('central message refused', 'central', count);
    },
  };
}
