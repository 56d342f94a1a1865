import { setTimeout as sleep } from 'node:timers/promises';
import type { Placed } from './air.ts';
import { errors } from './errors.ts';
import { createGatt, type Gatt } from './gatt.ts';
import { BATTERY, DEVICE } from './interfaces.ts';
import { EXCHANGES_TO_RESOLVE, type Settings } from './settings.ts';
import type { Method, Tree } from './tree.ts';

/** The link of a device: Connect, Disconnect and what the other side does, with the signals in bluetoothd's order. */
export interface DeviceLink {
  connect: Method;
  disconnect: Method;
  isUp(): boolean;
  isResolved(): boolean;
  /** Up, or a Connect under way. */
  isBusy(): boolean;
  /** It is gone: told by one signal, or quietly where the whole device goes. */
  cut(how: 'told' | 'quietly'): void;
  gatt: Pick<Gatt, 'forget' | 'notifying'>;
}

export interface LinkParts {
  tree: Tree;
  path: string;
  address: string;
  settings: Settings;
  radio: {
    find(address: string): Placed | undefined;
    /** A Connect begins (1) or ends (-1): its adapter does not scan meanwhile. */
    connecting(change: 1 | -1): void;
  };
  isPowered(): boolean;
  /** A Connect: from now on the device is stored. */
  onWanted(): void;
  onEnd(): void;
}

const CANCELLED = 'br-connection-canceled';
const NOT_REACHED = 'le-connection-abort-by-local';

export function createLink(parts: LinkParts): DeviceLink {
  const { tree, path, address, settings, radio } = parts;
  let attempt: AbortController | undefined;
  let placed: Placed | undefined;
  let resolving: NodeJS.Timeout | undefined;
  let isResolved = false;
  /** Resolves when what Disconnect began has been told to its end. */
  let leaving: Promise<void> | undefined;
  const gatt = createGatt({
    tree,
    path,
    settings,
    linked: () => (isResolved ? placed : undefined),
    drop: () => cut('told'),
  });

  async function connect(): Promise<undefined> {
    if (!parts.isPowered()) throw errors.notReady();
    if (placed) return;
    if (attempt) throw errors.failed('Operation already in progress');
    parts.onWanted();
    const mine = new AbortController();
    attempt = mine;
    radio.connecting(1);
    try {
      await leaving;
      up(await reach(mine.signal));
    } finally {
      radio.connecting(-1);
      if (attempt === mine) attempt = undefined;
    }
  }

  /** Looks for it until it is there and free. */
  async function reach(signal: AbortSignal): Promise<Placed> {
    const deadline = performance.now() + settings.connectTimeoutMs;
    do {
      await pause(settings.connectMs, signal);
      const found = radio.find(address);
      if (found && found.refusals.times > 0) {
        found.refusals.times--;
        throw errors.failed(found.refusals.text);
      }
      if (found?.isNear && !found.link) return found;
    } while (performance.now() < deadline);
    throw errors.failed(NOT_REACHED);
  }

  function up(found: Placed): void {
    placed = found;
    found.link = { lost: () => cut('told'), loseNotifications: gatt.lose };
    found.peripheral.connected((uuid, value) => gatt.notified(uuid, value));
    tree.change(path, DEVICE, { Connected: ['b', true] });
    resolving = setTimeout(() => resolve(found), EXCHANGES_TO_RESOLVE * settings.airMs);
  }

  /** ATT is up; the services are found. */
  function resolve(found: Placed): void {
    if (found.dropAt?.at === 'Connect') {
      found.dropAt = undefined;
      return cut('told');
    }
    gatt.resolved(found.peripheral);
    const uuids = found.peripheral.services.map(({ uuid }) => uuid);
    isResolved = true;
    tree.change(path, DEVICE, { UUIDs: ['as', uuids], ServicesResolved: ['b', true] });
  }

  function down(): void {
    clearTimeout(resolving);
    const before = placed;
    placed = undefined;
    isResolved = false;
    if (before) {
      before.link = undefined;
      before.peripheral.disconnected();
    }
    gatt.unlinked();
    tree.removeInterface(path, BATTERY);
  }

  function cut(how: 'told' | 'quietly'): void {
    attempt?.abort(errors.failed(how === 'told' ? NOT_REACHED : CANCELLED));
    if (!placed) return;
    const wasResolved = isResolved;
    down();
    if (how === 'quietly') return;
    // Where the services were never resolved that property does not change.
    const resolved = wasResolved ? { ServicesResolved: ['b', false] as const } : {};
    tree.change(path, DEVICE, { ...resolved, Connected: ['b', false] });
    parts.onEnd();
  }

  async function disconnect(): Promise<undefined> {
    attempt?.abort(errors.failed(CANCELLED));
    if (!placed) return;
    if (isResolved) tree.change(path, DEVICE, { ServicesResolved: ['b', false] });
    down();
    await sleep(settings.airMs);
    // The reply goes first.
    leaving = sleep(settings.airMs).then(() => {
      tree.change(path, DEVICE, { Connected: ['b', false] });
      parts.onEnd();
    });
  }

  return {
    connect,
    disconnect,
    isUp: () => placed !== undefined,
    isResolved: () => isResolved,
    isBusy: () => placed !== undefined || attempt !== undefined,
    cut,
    gatt,
  };
}

/** Waits; throws what the signal was aborted with. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}
