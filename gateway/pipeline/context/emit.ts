import type { DeviceCommand, Outcome, StateChange, StateKind, StoreEvent } from '../outcome.ts';

/** Collects what one signal brings about. */
export interface Emit {
  /** `<device>/<boot>/<seq>` of the message at hand; events carry it unless they name another. */
  cause: string | undefined;
  event(event: StoreEvent): void;
  change(kind: StateKind, key: string, value: unknown): void;
  command(command: DeviceCommand): void;
}

/** Writes into an outcome; every event gets the store's id, and the message that caused it. */
export function emitInto(outcome: Outcome, storeId: string, cause: string | undefined): Emit {
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
      const change: StateChange = { kind, key, value };
      const again = outcome.changes.findIndex((other) => other.kind === kind && other.key === key);
      if (again >= 0) outcome.changes[again] = change;
      else outcome.changes.push(change);
    },
    command(command) {
      outcome.commands.push(command);
    },
  };
}
