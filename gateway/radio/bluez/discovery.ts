import { ADAPTER } from './adapters.ts';
import { BusError, type BusSession } from './bus.ts';

/** What the driver asks of the adapter at `path`; each rejects with a `BusError`. */
export interface Discovery {
  /** Begins a discovery session of our own, with each frame told. A session of before is ended first. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Off, and on again. It cuts the links of everybody who uses the adapter. */
  powerCycle(): Promise<void>;
  /** Writes what gives the adapter back if it is there, and waits for nothing. What is under way goes no further. */
  leave(isThere: boolean): void;
}

export interface DiscoveryTimes {
  /** A kernel that does not answer to "start" never will; ms. */
  startMs: number;
  /** Off for so long, ms: adapters that hang forget what they hung on. */
  powerOffMs: number;
}

export function discovery(session: BusSession, path: string, times: DiscoveryTimes): Discovery {
  const call = (member: string, ms?: number) => session.call({ path, interface: ADAPTER, member }, ms);
  const power = (on: boolean) =>
    session.set(path, { interface: ADAPTER, name: 'Powered', signature: 'b', value: on }, times.startMs);
  const setFilter = () =>
    session.call({
      path,
      interface: ADAPTER,
      member: 'SetDiscoveryFilter',
      signature: 'a{sv}',
      // Without a filter of ours BlueZ tells an RSSI only when it moved by 8 dB, and old data never again.
      body: [{ Transport: session.variant('s', 'le'), DuplicateData: session.variant('b', true) }],
    });
  let isOff = false;
  let isLeft = false;
  const startUnlessLeft = () => {
    // The path may be another adapter's by now.
    if (isLeft) throw new BusError('over', 'the adapter was given back');
    return call('StartDiscovery', times.startMs);
  };

  const start = async (): Promise<void> => {
    await setFilter();
    try {
      await startUnlessLeft();
    } catch (error) {
      // Says that a session of ours is on, and whatever else the kernel refused: only a second one tells.
      if (!isInProgress(error)) throw error;
      await stop();
      await startUnlessLeft();
    }
  };
  const stop = async (): Promise<void> => {
    try {
      await call('StopDiscovery');
    } catch (error) {
      // "No discovery started", or off: as it should be.
      if (!(error instanceof BusError) || error.type === 'deadline' || error.type === 'over') throw error;
    }
  };
  return {
    start,
    stop,
    async powerCycle() {
      isOff = true;
      try {
        await power(false);
        await new Promise((resolve) => setTimeout(resolve, times.powerOffMs));
      } finally {
        if (isOff && !session.isOver()) await power(true);
        isOff = false;
      }
    },
    leave(isThere) {
      const wasOff = isOff;
      isOff = false;
      isLeft = true;
      if (!isThere) return;
      if (wasOff) power(true).catch(() => {});
      call('StopDiscovery').catch(() => {});
    },
  };
}

function isInProgress(error: unknown): boolean {
  return error instanceof BusError && error.type === 'org.bluez.Error.InProgress';
}
