import { z } from 'zod';
import { type GattProfile, whyNotSetpoint } from '../../../devices/gatt/profile.ts';
import { thermostatGatt } from '../../../devices/thermostat-gatt.ts';
import type { Timers } from '../../timers.ts';
import type { RadioLog } from '../radio-state.ts';

/** A setpoint command that waits to be carried out. */
export interface SetpointOrder {
  id: string;
  setpointC: number;
  /** ms since the epoch, by the wall clock. */
  expiresAt: number;
}

export type Outcome = { ok: true } | { ok: false; error: string };

/** The commands of one thermostat: each ends once, confirmed, refused or expired. */
export interface SetpointOrders {
  /** `devices/<device>/commands/setpoint` as it came. One that came before is only answered again. */
  take(payload: Uint8Array): void;
  /** The one to carry out: they are carried out in the order in which they came. */
  next(): SetpointOrder | undefined;
  /** Whether it has not ended; what is past its time ends here. */
  isOpen(order: SetpointOrder): boolean;
  /** Ends it; nothing where it has ended. */
  finish(order: SetpointOrder, outcome: Outcome): void;
  /** Those that wait, or come later, are answered by nobody: the gateway sends them again to who comes next. */
  close(): void;
}

export interface SetpointOrdersOptions {
  profile: GattProfile;
  timers: Timers;
  /** ms since the epoch. */
  wall(): number;
  log: RadioLog;
  /** Called once when a command ends, and again each time that it comes again. */
  answer(id: string, outcome: Outcome): void;
  /** One more waits. */
  onOrder(): void;
}

/** The wall clock can jump: whether something has expired is looked at this often. */
const LOOK_MS = 5_000;
const MAX_WAITING = 32;
/** Those that ended; kept for longer where they are more and their time is not up. */
const REMEMBERED = 256;
const EXPIRED: Outcome = { ok: false, error: 'expired' };

const commandSchema = z.looseObject({ id: z.string().min(1).max(128), expiresAt: z.string() });

export function setpointOrders(options: SetpointOrdersOptions): SetpointOrders {
  const { profile, timers, wall, log, answer, onOrder } = options;
  const waiting: SetpointOrder[] = [];
  const ended = new Map<string, { outcome: Outcome; expiresAt: number }>();
  let stopLooking: (() => void) | undefined;
  let closed = false;

  function take(payload: Uint8Array): void {
    if (closed) return;
    const read = commandSchema.safeParse(parseJson(payload));
    if (!read.success) return log.warn('a command without id or expiresAt cannot be answered');
    const { id, expiresAt: until } = read.data;
    const known = ended.get(id);
    if (known) return answer(id, known.outcome);
    if (waiting.some((order) => order.id === id)) return;
    const expiresAt = Date.parse(until);
    const wanted = readSetpoint(profile, read.data);
    if (Number.isNaN(expiresAt)) return end(id, 0, { ok: false, error: 'expiresAt is no time' });
    if (expiresAt <= wall()) return end(id, expiresAt, EXPIRED);
    if (typeof wanted === 'string') return end(id, expiresAt, { ok: false, error: wanted });
    if (waiting.length >= MAX_WAITING) {
      return end(id, expiresAt, { ok: false, error: 'too many commands wait' });
    }
    waiting.push({ id, setpointC: wanted, expiresAt });
    look();
    onOrder();
  }

  function end(id: string, expiresAt: number, outcome: Outcome): void {
    ended.set(id, { outcome, expiresAt });
    for (const [old, { expiresAt: until }] of ended) {
      if (ended.size <= REMEMBERED) break;
      if (until <= wall()) ended.delete(old);
    }
    answer(id, outcome);
  }

  function finish(order: SetpointOrder, outcome: Outcome): void {
    const at = waiting.indexOf(order);
    if (at === -1) return;
    waiting.splice(at, 1);
    end(order.id, order.expiresAt, outcome);
  }

  function isOpen(order: SetpointOrder): boolean {
    if (order.expiresAt <= wall()) finish(order, EXPIRED);
    return waiting.includes(order);
  }

  function look(): void {
    stopLooking?.();
    for (const order of [...waiting]) isOpen(order);
    if (waiting.length === 0) return;
    const soonest = Math.min(...waiting.map((order) => order.expiresAt)) - wall();
    stopLooking = timers.after(Math.min(soonest, LOOK_MS), look);
  }

  return {
    take,
    next: () => [...waiting].find(isOpen),
    isOpen,
    finish,
    close() {
      closed = true;
      stopLooking?.();
      waiting.length = 0;
    },
  };
}

/** °C, or why the thermostat cannot be set so. */
function readSetpoint(profile: GattProfile, args: object): number | string {
  const read = thermostatGatt.commands.setpoint.safeParse(args);
  if (read.success) return whyNotSetpoint(profile, read.data.setpointC) ?? read.data.setpointC;
  return `setpointC: ${read.error.issues[0]?.message ?? 'wrong form'}`;
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined;
  }
}
