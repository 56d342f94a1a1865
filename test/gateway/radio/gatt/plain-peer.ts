import { environmentalSensing } from '../../../../devices/gatt/environmental-sensing.ts';
import { eq3 } from '../../../../devices/gatt/eq-3.ts';
import { type CharacteristicId, type GattProfile, isSame } from '../../../../devices/gatt/profile.ts';
import type { GattLink, GattPeer } from '../../../../gateway/radio/gatt/peer.ts';
import type { Timers } from '../../../../gateway/timers.ts';

/** What goes wrong with a call; what is never answered is not carried out either. */
export type Fault = 'refuse' | 'never' | 'drop-before' | 'drop-after' | 'drop-after, never';
export type Call = 'connect' | 'subscribe' | 'read' | 'write';

/** A thermostat in memory, behind a link that fails where it is told to. */
export interface PlainThermostat {
  peer: GattPeer;
  setpointC: number;
  currentC: number;
  /** Its radio cannot be reached. */
  isAway: boolean;
  /** Takes commands and does nothing. */
  isDeaf: boolean;
  /** Of what was written to it: when, and in hex. */
  writes: { at: number; hex: string }[];
  /** Calls to it, with their times. */
  calls: { call: Call; at: number }[];
  isConnected(): boolean;
  /** Somebody turns its wheel. */
  turn(setpointC: number): void;
  drop(): void;
}

/** Of a call over the air. */
export const AIR_MS = 30;

export function plainThermostat(
  profile: GattProfile,
  timers: Timers,
  fault: (call: Call) => Fault | undefined = () => undefined,
): PlainThermostat {
  let current: { drop(): void; notify(): void } | undefined;
  let closed = false;
  let cancelConnect: (() => void) | undefined;
  const pass = () => new Promise<void>((resolve) => void timers.after(AIR_MS, resolve));
  const never = new Promise<never>(() => {});

  async function overTheAir<T>(call: Call, effect: () => T): Promise<T> {
    thermostat.calls.push({ call, at: timers.monotonic() });
    const wrong = fault(call);
    const link = current;
    await pass();
    if (call !== 'connect' && current !== link) throw new Error('Not connected');
    if (wrong === 'refuse') throw new Error(`${call} was refused`);
    if (wrong === 'never') return never;
    if (wrong === 'drop-before') {
      current?.drop();
      throw new Error('the link was lost');
    }
    const done = effect();
    if (wrong === undefined) return done;
    current?.drop();
    if (wrong === 'drop-after, never') return never;
    throw new Error('the link was lost');
  }

  function carryOut(to: CharacteristicId, bytes: Uint8Array): void {
    thermostat.writes.push({ at: timers.monotonic(), hex: Buffer.from(bytes).toString('hex') });
    if (profile.model === 'eq-3') {
      if (bytes[0] === 0x41 && !thermostat.isDeaf) thermostat.setpointC = (bytes[1] ?? 0) / 2;
    } else if (isSame(to, environmentalSensing.set.to) && !thermostat.isDeaf) {
      thermostat.setpointC = Buffer.from(bytes).readInt16LE() / 100;
    }
    const asked = current;
    timers.after(AIR_MS, () => asked?.notify());
  }

  function open(): GattLink {
    const listeners: { to: CharacteristicId; onValue(bytes: Uint8Array): void }[] = [];
    let onDrop: ((why: Error) => void) | undefined;
    const own = {
      drop() {
        if (current !== own) return;
        current = undefined;
        onDrop?.(new Error('the link was lost'));
      },
      notify() {
        if (current !== own) return;
        for (const { to, onValue } of listeners) onValue(valueAt(to));
      },
    };
    current = own;
    return {
      characteristics: [...profile.reads, ...profile.notifies]
        .map(({ from }) => from)
        .concat(profile.set.to)
        .filter((id, at, all) => all.findIndex((other) => isSame(id, other)) === at)
        .map((id) => ({ ...id, properties: ['read', 'write', 'notify'] })),
      read: (from) => overTheAir('read', () => valueAt(from)),
      write: (to, bytes) => overTheAir('write', () => carryOut(to, bytes)),
      subscribe: (to, onValue) => overTheAir('subscribe', () => void listeners.push({ to, onValue })),
      onDrop(dropped) {
        onDrop = dropped;
      },
      async close() {
        if (current === own) current = undefined;
      },
    };
  }

  function valueAt(from: CharacteristicId): Uint8Array {
    const { setpointC, currentC } = thermostat;
    if (profile.model === 'eq-3') return Uint8Array.of(2, 1, 0, 0, 4, setpointC * 2);
    const bytes = Buffer.alloc(2);
    bytes.writeInt16LE(Math.round((isSame(from, environmentalSensing.set.to) ? setpointC : currentC) * 100));
    return bytes;
  }

  const thermostat: PlainThermostat = {
    peer: {
      async connect(deadlineMs) {
        if (closed) throw new Error('closed');
        if (current) throw new Error('connected already: the link made last is not over');
        if (!thermostat.isAway) return overTheAir('connect', open);
        thermostat.calls.push({ call: 'connect', at: timers.monotonic() });
        return new Promise((_, reject) => {
          const fail = () => reject(new Error('le-connection-abort-by-local'));
          const cancel = timers.after(deadlineMs, fail);
          cancelConnect = () => {
            cancel();
            fail();
          };
        });
      },
      async close() {
        closed = true;
        cancelConnect?.();
        current = undefined;
      },
    },
    setpointC: 20,
    currentC: 18.5,
    isAway: false,
    isDeaf: false,
    writes: [],
    calls: [],
    isConnected: () => current !== undefined,
    turn(setpointC) {
      thermostat.setpointC = setpointC;
      current?.notify();
    },
    drop: () => current?.drop(),
  };
  return thermostat;
}

export const profiles = [eq3, environmentalSensing] as const;
