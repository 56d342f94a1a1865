import type { GattSaid } from '../../../devices/gatt/profile.ts';
import type { Timers } from '../../timers.ts';
import type { GatewayLink, LinkEvents } from '../gateway-link.ts';
import type { Outcome } from './setpoint-orders.ts';

/** What a GATT thermostat tells the gateway: sent until it is acknowledged, readings as they are by then. */
export interface ThermostatMessages {
  /** A reading. One without a setpoint is told to nobody, as the contract has no form for it. */
  said(said: GattSaid): void;
  reached(reached: boolean): void;
  answer(id: string, outcome: Outcome): void;
  close(): Promise<void>;
}

export interface ThermostatMessagesOptions {
  link(events: LinkEvents): GatewayLink;
  /** Names this start of the process, `[A-Za-z0-9_-]{1,64}`. */
  boot: string;
  timers: Timers;
  /** The command `setpoint`, as it came. */
  onCommand(payload: Uint8Array): void;
}

interface Waiting {
  name: 'thermostat' | 'replies/setpoint';
  payload: string;
}

/** Readings that say the same are told this often: a connected eQ-3 says its status each second. */
const SAME_EVERY_MS = 60_000;

export function thermostatMessages(options: ThermostatMessagesOptions): ThermostatMessages {
  const { boot, timers, onCommand } = options;
  /** Sent one after the other, the first first. */
  const waiting: Waiting[] = [];
  let isSending = false;
  let seq = 0;
  let last = '';
  let lastAt = Number.NEGATIVE_INFINITY;
  let isReached: boolean | undefined;

  const link = options.link({
    commands: ['setpoint'],
    onUp() {
      sayState();
      void send();
    },
    onDown() {},
    onCommand: (_, payload) => onCommand(payload),
  });

  async function send(): Promise<void> {
    if (isSending) return;
    isSending = true;
    while (link.isUp() && waiting[0]) {
      const { name, payload } = waiting[0];
      try {
        await link.publish(name, payload);
        waiting.shift();
      } catch {
        // It is sent again, under the same `seq`, on the next connection.
        break;
      }
    }
    isSending = false;
  }

  function put(message: Waiting): void {
    waiting.push(message);
    void send();
  }

  function sayState(): void {
    if (!link.isUp() || isReached === undefined) return;
    link.publish('state', isReached ? 'online' : 'offline', { retain: true }).catch(() => {});
  }

  return {
    said(said) {
      if (said.setpointC === undefined) return;
      const text = JSON.stringify(said);
      if (text === last && timers.monotonic() - lastAt < SAME_EVERY_MS) return;
      last = text;
      lastAt = timers.monotonic();
      seq += 1;
      const payload = JSON.stringify({ boot, seq, ...said });
      // The newest reading is enough; one that is under way stays for its acknowledgement.
      const stale = waiting.findLastIndex(
        ({ name }, at) => name === 'thermostat' && !(isSending && at === 0),
      );
      if (stale !== -1) waiting.splice(stale, 1);
      put({ name: 'thermostat', payload });
    },
    reached(reached) {
      isReached = reached;
      sayState();
    },
    answer: (id, outcome) => put({ name: 'replies/setpoint', payload: JSON.stringify({ id, ...outcome }) }),
    close: () => link.close(),
  };
}
