import type { GattProfile, GattSaid } from '../../../devices/gatt/profile.ts';
import { localTime } from '../../../devices/wire/local-time.ts';
import type { Timers } from '../../timers.ts';
import type { RadioLog } from '../radio-state.ts';
import { gattAttempts } from './attempts.ts';
import { linkCalls } from './link-calls.ts';
import type { GattLink, GattPeer } from './peer.ts';
import { type Outcome, type SetpointOrder, setpointOrders } from './setpoint-orders.ts';
import { type GattTalk, startTalk } from './talk.ts';
import type { GattTurns } from './turns.ts';

/** A thermostat kept in touch with over GATT until `close`: read, set, and reached again when it was lost. */
export interface GattThermostat {
  /** The command `setpoint` as it came. It is answered exactly once, and with the same words if it comes again. */
  command(payload: Uint8Array): void;
  close(): Promise<void>;
}

export interface GattThermostatOptions {
  id: string;
  profile: GattProfile;
  peer: GattPeer;
  /** Shared by all thermostats of an adapter. */
  turns: GattTurns;
  timers: Timers;
  /** ms since the epoch: commands expire by it, and a thermostat's clock is set by it. */
  wall(): number;
  /** IANA, of the shop. */
  timeZone: string;
  /** 0…1 */
  random(): number;
  log: RadioLog;
  onSaid(said: GattSaid): void;
  /** Told at each change: it was read, or could not be several times in a row. */
  onReach(reached: boolean): void;
  answer(id: string, outcome: Outcome): void;
}

/** A connect within range takes a second or three; BlueZ itself would go on for up to 40 s. */
const CONNECT_MS = 20_000;
/** A peer that does not keep to its deadline does not hold up the others for ever. */
const CONNECT_GRACE_MS = 10_000;
/** While a command waits: it has an end. */
const RETRY_COMMAND_CAP_MS = 5_000;
/** A link that held so long was a good one: the next attempt is not delayed for the failures before. */
const GOOD_LINK_MS = 60_000;
/** What was said so lately need not be asked again before a setpoint is written. */
const FRESH_MS = 2_000;
/** A thermostat that is written to so often and keeps its setpoint does not want it: locked, or on holiday. */
const MAX_WRITES = 3;

export function gattThermostat(options: GattThermostatOptions): GattThermostat {
  const { id, profile, peer, turns, timers, wall, timeZone, random, log, onSaid, onReach, answer } = options;
  const attempts = gattAttempts({ id, random, log, onReach });
  let closed = false;
  let wake = () => {};
  let abandon = (_: Error) => {};
  let endedAt = Number.NEGATIVE_INFINITY;

  const orders = setpointOrders({ profile, timers, wall, log, answer, onOrder: () => wake() });
  const living = live();

  async function live(): Promise<void> {
    while (!closed) {
      const waitMs = dueAt() - timers.monotonic();
      if (waitMs > 0) await sleep(waitMs);
      else await visit();
    }
  }

  function dueAt(): number {
    const retryMs = attempts.retryMs();
    if (orders.next()) return endedAt + Math.min(retryMs ?? 0, RETRY_COMMAND_CAP_MS);
    return endedAt + (retryMs ?? profile.everyS * 1_000);
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = timers.after(ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** From connecting to the end of the link. */
  async function visit(): Promise<void> {
    let link: GattLink | undefined;
    try {
      link = await turns.take(connect, () => orders.next() !== undefined);
      await talkOver(link);
      attempts.good();
    } catch (error) {
      if (!closed) attempts.failed(error as Error);
    }
    await link?.close();
    endedAt = timers.monotonic();
  }

  function connect(): Promise<GattLink> {
    if (closed) return Promise.reject(new Error('closed'));
    const connecting = peer.connect(CONNECT_MS);
    let isLate = false;
    // A link that comes after all is nobody's.
    connecting.then((link) => isLate && void link.close()).catch(() => {});
    const calls = linkCalls(timers);
    abandon = calls.lost;
    return calls.run('connecting', CONNECT_MS + CONNECT_GRACE_MS, connecting).catch((error) => {
      isLate = true;
      throw error;
    });
  }

  async function talkOver(link: GattLink): Promise<void> {
    const startedAt = timers.monotonic();
    try {
      const clock = () => localTime(wall(), timeZone);
      const calls = linkCalls(timers);
      abandon = calls.lost;
      const talk = await startTalk({ link, calls, profile, timers, localTime: clock, onSaid });
      await talk.refresh();
      attempts.read();
      await serve(talk);
    } finally {
      if (timers.monotonic() - startedAt > GOOD_LINK_MS) attempts.good();
    }
  }

  /** What is to be done on a link that is up; returns where there is nothing more. */
  async function serve(current: GattTalk): Promise<void> {
    while (!closed) {
      const order = orders.next();
      if (order) await carryOut(order, current);
      else if (!profile.stayConnected) return;
      else if (current.ageMs() >= profile.everyS * 1_000) await current.refresh();
      else {
        const rest = current.rest(profile.everyS * 1_000 - current.ageMs());
        wake = rest.wake;
        await rest.over;
      }
    }
  }

  /** Looks first: it may have been set before the link was lost, or before this process was started anew. */
  async function carryOut(order: SetpointOrder, current: GattTalk): Promise<void> {
    if (current.ageMs() > FRESH_MS) await current.refresh();
    let isSet = current.isSetTo(order.setpointC);
    for (let writes = 0; !isSet && orders.isOpen(order); writes += 1) {
      if (writes === MAX_WRITES) {
        return orders.finish(order, { ok: false, error: whyNotSet(current.said()) });
      }
      isSet = await current.set(order.setpointC);
    }
    if (!isSet || !orders.isOpen(order)) return;
    attempts.good();
    orders.finish(order, { ok: true });
  }

  return {
    command: orders.take,
    async close() {
      closed = true;
      orders.close();
      wake();
      abandon(new Error('closed'));
      await peer.close();
      await living;
    },
  };
}

function whyNotSet({ setpointC }: GattSaid): string {
  return setpointC === undefined ? 'it does not say what it is set to' : `it keeps ${setpointC} °C`;
}
