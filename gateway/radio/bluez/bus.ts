import type { Bluetooth } from 'node-ble';
import type { RadioLog } from '../radio-state.ts';
import type { Adapters } from './adapters.ts';
import { openConnection } from './session.ts';

export { BusError } from './bus-error.ts';

/**
 * The system bus as the radio process uses it: one connection for scanning and GATT, shared. It is made of
 * sessions: a session is one connection together with one life of bluetoothd. When the socket ends, bluetoothd
 * leaves or answers nothing any more, the session is over with everything that hangs on it (node-ble's objects,
 * match rules, discovery filters, calls on their way), and the bus goes on trying until there is a next one.
 */
export interface BluezBus {
  /**
   * Follows the bus: exactly one of the two is called before this returns (what is so now; `onNone` with
   * "starting" where nothing is known yet), and at each change from then on, until the returned function is
   * called. None of them may throw. A session's end is told to its followers by `onNone` or the next `onSession`.
   */
  follow(follower: BusFollower): () => void;
  /** Ends the session and tries no more; after it no listener is called and nothing keeps the process. */
  close(): void;
}

export interface BusFollower {
  onSession(session: BusSession): void;
  /** There is no session: `why` in a sentence, `undefined` while the first attempt is under way. */
  onNone(why: string | undefined): void;
}

/** One connection to the bus with bluetoothd on it. Once it is over, all its calls reject at once. */
export interface BusSession {
  isOver(): boolean;
  /** node-ble's root on this connection, for GATT. Its calls have no deadline: put `within` round each. */
  readonly bluetooth: Bluetooth;
  /**
   * Calls a method of org.bluez and returns the body of its reply. Rejects with a `BusError` for an error reply,
   * after `deadlineMs` (DEADLINE_MS), and when the session ends. A signal that the daemon sent after the reply
   * can be heard before this resolves: listen first, then call.
   */
  call(method: BusMethod, deadlineMs?: number): Promise<unknown[]>;
  /** `Properties.Set`: `signature` of the value, e.g. `b`. */
  set(
    path: string,
    property: { interface: string; name: string; signature: string; value: unknown },
    deadlineMs?: number,
  ): Promise<void>;
  /** A variant for the body of a call. */
  variant(signature: string, value: unknown): unknown;
  /** Everything that bluetoothd has: path → interface → property, variants taken off (one level). */
  objects(deadlineMs?: number): Promise<ManagedObjects>;
  /** Puts a deadline, and the session's end, round a promise of node-ble's; rejects with a `BusError`. */
  within<T>(what: string, work: Promise<T>, deadlineMs?: number): Promise<T>;
  /**
   * Hears every signal about the object at `path` (a device, `/org/bluez/hci0/dev_…`, or an adapter) and, for a
   * device, about all below it (services, characteristics). The listener must not throw.
   */
  onObject(path: string, listener: (signal: BluezSignal) => void): () => void;
  /** Hears every signal of org.bluez that our match rules let through. */
  onSignal(listener: (signal: BluezSignal) => void): () => void;
  /** The adapters that bluetoothd has now. */
  readonly adapters: Adapters;
  /** Paths of the adapters that this process scans on: who looks for a device there must not end that scan. */
  readonly scanned: Set<string>;
  /** The name of the adapter that noble has, if it has one: not BlueZ's to use. */
  readonly nobles?: string | undefined;
  /** Gives the session up: for one that answers nothing sensible any more. The bus makes a new one. */
  abandon(why: string): void;
}

export interface BusMethod {
  path: string;
  interface: string;
  member: string;
  /** D-Bus signature of `body`; both left out where there are no arguments. */
  signature?: string;
  body?: unknown[];
}

export type Properties = Record<string, unknown>;
/** path → interface → properties. */
export type ManagedObjects = Record<string, Record<string, Properties>>;

/** A signal of org.bluez. Values are without their outermost variant; bytes are Buffers. */
export type BluezSignal =
  /** PropertiesChanged: what changed with its new value, and what is no more. */
  | { kind: 'changed'; path: string; interface: string; changed: Properties; invalidated: string[] }
  | { kind: 'added'; path: string; interfaces: Record<string, Properties> }
  | { kind: 'removed'; path: string; interfaces: string[] };

export interface BusOptions {
  log: RadioLog;
  /** D-Bus address; without it DBUS_SYSTEM_BUS_ADDRESS, else the system bus. */
  address?: string;
  /** Between two attempts to reach the bus, ms. */
  retryMs?: number;
  /** Of a call that names none, ms. */
  deadlineMs?: number;
  /** The name of the adapter that noble has, beside which BlueZ is used. */
  nobles?: string | undefined;
}

/** No method of bluetoothd that we call takes longer while it works, but Connect. */
export const DEADLINE_MS = 5_000;

/** The socket is of this machine and the attempt costs nothing. */
const RETRY_MS = 1_000;

/** Connects by `DBUS_SYSTEM_BUS_ADDRESS`, else to the system bus. Never throws. */
export function openBus({
  log,
  address,
  retryMs = RETRY_MS,
  deadlineMs = DEADLINE_MS,
  nobles,
}: BusOptions): BluezBus {
  const followers = new Set<BusFollower>();
  let session: BusSession | undefined;
  let why: string | undefined;
  let connection: { end(why: string): void } | undefined;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  const none = (reason: string): void => {
    if (closed || (session === undefined && reason === why)) return;
    session = undefined;
    why = reason;
    for (const follower of [...followers]) follower.onNone(reason);
  };
  const open = (): void => {
    connection = openConnection(
      {
        onSession(opened) {
          log.info('bluetoothd answers on the system bus');
          session = opened;
          why = undefined;
          for (const follower of [...followers]) follower.onSession(opened);
        },
        onWaiting: none,
        onOver(reason) {
          none(reason);
          if (!closed) retry = setTimeout(open, retryMs);
        },
      },
      { address, deadlineMs, nobles },
    );
  };
  open();
  return {
    follow(follower) {
      followers.add(follower);
      if (session) follower.onSession(session);
      else follower.onNone(why);
      return () => void followers.delete(follower);
    },
    close() {
      closed = true;
      clearTimeout(retry);
      connection?.end('closed');
      followers.clear();
    },
  };
}
