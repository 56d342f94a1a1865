import type { GattProfile, GattSaid } from '../../../../devices/gatt/profile.ts';
import type { GattPeer } from '../../../../gateway/radio/gatt/peer.ts';
import type { Outcome } from '../../../../gateway/radio/gatt/setpoint-orders.ts';
import { gattThermostat } from '../../../../gateway/radio/gatt/thermostat.ts';
import { type GattTurns, gattTurns } from '../../../../gateway/radio/gatt/turns.ts';
import type { Timers } from '../../../../gateway/timers.ts';
import { virtualTime } from '../../../simulate/virtual-time.ts';

/** 2026-11-22 in the morning; virtual time begins here. */
export const MORNING = Date.parse('2026-11-22T08:00:00Z');

export interface VirtualShop {
  timers: Timers;
  turns: GattTurns;
  /** ms since the epoch; `jump` moves the wall clock alone. */
  wall(): number;
  jump(ms: number): void;
  pass(ms: number): Promise<void>;
}

export function virtualShop(): VirtualShop {
  const time = virtualTime();
  let apart = MORNING;
  const timers: Timers = {
    monotonic: time.now,
    after: (ms, work) =>
      time.after(ms, () => {
        work();
        time.stir();
      }),
  };
  return {
    timers,
    turns: gattTurns(),
    wall: () => apart + time.now(),
    jump(ms) {
      apart += ms;
    },
    pass(ms) {
      time.stir();
      return time.run(time.now() + ms);
    },
  };
}

/** A thermostat that is kept in touch with, and everything that it told. */
export interface Kept {
  replies: ({ id: string; at: number } & Outcome)[];
  said: (GattSaid & { at: number })[];
  reached: boolean[];
  lines: string[];
  /** The command `setpoint`, to be carried out within `ms`. */
  order(id: string, setpointC: unknown, ms?: number): void;
  command(payload: string): void;
  close(): Promise<void>;
}

export function keepInTouch(
  shop: VirtualShop,
  profile: GattProfile,
  peer: GattPeer,
  { id = 't1', random = () => 0.5 }: { id?: string; random?: () => number } = {},
): Kept {
  const { timers, turns, wall } = shop;
  const told: Pick<Kept, 'replies' | 'said' | 'reached' | 'lines'> = {
    replies: [],
    said: [],
    reached: [],
    lines: [],
  };
  const log = (text: string) => void told.lines.push(text);
  const at = () => timers.monotonic();
  const thermostat = gattThermostat({
    id,
    profile,
    peer,
    turns,
    timers,
    wall,
    timeZone: 'Europe/Paris',
    random,
    log: { info: log, warn: log, error: log },
    onSaid: (said) => told.said.push({ at: at(), ...said }),
    onReach: (reached) => told.reached.push(reached),
    answer: (command, outcome) => told.replies.push({ id: command, at: at(), ...outcome }),
  });
  const command = (payload: string) => thermostat.command(Buffer.from(payload));
  return {
    ...told,
    command,
    order(name, setpointC, ms = 60_000) {
      const expiresAt = new Date(wall() + ms).toISOString();
      command(JSON.stringify({ id: name, expiresAt, setpointC }));
    },
    close: thermostat.close,
  };
}
