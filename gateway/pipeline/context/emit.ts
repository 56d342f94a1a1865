import type { Point } from '../../telemetry/point.ts';
import type { AuditEntry, DeviceCommand, Erasure, Outcome, StateKind, StoreEvent } from '../outcome.ts';

/** Collects what one signal brings about. */
export interface Emit {
  /** `<device>/<boot>/<seq>` of the message at hand; events carry it unless they name another. */
  cause: string | undefined;
  event(event: StoreEvent): void;
  /** A row to be kept, `null` to remove it; the last word on a row counts. */
  change(kind: StateKind, key: string, value: unknown): void;
  command(command: DeviceCommand): void;
  purge(erasure: Erasure): void;
  audit(entry: AuditEntry): void;
  /** A reading for the time series. */
  point(point: Point): void;
}

/** Writes into an outcome; every event gets the store's id, and the message that caused it. */
export function emitInto(outcome: Outcome, storeId: string, cause: string | undefined): Emit {
  const places = new Map<string, number>();
  return {
    cause,
    event(event) {
      outcome.events.push({
        ...event,
        ...(cause !== undefined && event.causationId === undefined && { causationId: cause }),
        data: { storeId, ...event.data },
      });
    },
    change(kind, key, value) {
      // A copy: what the pipeline remembers goes on changing, what goes to disk must not. Consent records are
      // replaced and never changed, and a list has a hundred thousand of them.
      const change = { kind, key, value: kind === 'consent' ? value : structuredClone(value) };
      const row = `${kind} ${key}`;
      const place = places.get(row);
      if (place !== undefined) outcome.changes[place] = change;
      else places.set(row, outcome.changes.push(change) - 1);
    },
    command(command) {
      outcome.commands.push(command);
    },
    purge(erasure) {
      outcome.purge.push(erasure);
    },
    audit(entry) {
      outcome.audit.push(entry);
    },
    point(point) {
      outcome.points.push(point);
    },
  };
}
