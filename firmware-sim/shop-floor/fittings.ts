import { fromHex } from '../../devices/wire/hex.ts';
import { type Button, bthomeButton, mqttButton } from '../firmware/button.ts';
import type { Connection } from '../firmware/connection.ts';
import { type Shelf, shelf } from '../firmware/shelf.ts';
import { type Thermostat, thermostat } from '../firmware/thermostat.ts';
import { buttons, type Button as PlannedButton, shelves, thermostats } from './floor-plan.ts';
import type { Transmission } from './radios.ts';
import { seededRandom } from './seeded-random.ts';
import type { Deed } from './shoppers.ts';

/** The shop's own things, each with its firmware and its connection. */
export interface Fittings {
  /** What a shopper does to them. */
  suffer(deed: Deed): void;
  /** Staff and weather; `at` is ms, monotonic. */
  tick(at: number): void;
  radioPresses(): Record<string, number>;
}

export interface FittingsOptions {
  seed: number;
  speed: number;
  bindKeys: Record<string, string>;
  connect(device: string, commands?: (name: string, payload: Record<string, unknown>) => void): Connection;
  transmit(transmission: Transmission): void;
  later(ms: number, then: () => void): void;
  unixMs(): number;
}

const SHELF_EVERY_MS = 10_000;
const THERMOSTAT_EVERY_MS = 5_000;
/** How long a thermostat is left alone, ms. */
const TURNED_EVERY_MS = [6_000, 16_000] as const;
/** Mounted at the height of a hand, metres; level of its radio at 1 m, dBm. */
const BUTTON_AT_M = 1.2;
const BUTTON_DBM = -55;
/** Staff fill a slot up when so few are left. */
const REFILL_BELOW = 2;

export function fittings(options: FittingsOptions): Fittings {
  const { seed, speed, connect } = options;
  const weighing = new Map<string, Shelf>();
  for (const { id, slots } of shelves) {
    const { isUp, send } = connect(id);
    const random = seededRandom(seed, id);
    weighing.set(id, shelf({ slots, random, everyMs: SHELF_EVERY_MS / speed, isUp, send }));
  }
  const radioPresses: Record<string, number> = {};
  const pressable = new Map<string, Button>();
  for (const [i, button] of buttons.entries()) {
    if (button.over === 'mqtt') pressable.set(button.id, mqttButton(connect(button.id).send));
    else {
      radioPresses[button.id] = 0;
      pressable.set(button.id, radioButton(button, i, options));
    }
  }
  const turning = thermostats.map(({ id }) => turnedByHand(id, options));

  return {
    suffer(deed) {
      switch (deed.kind) {
        case 'take':
          weighing.get(deed.shelf)?.take(deed.slot, deed.quantity);
          return;
        case 'put-back':
          weighing.get(deed.shelf)?.putBack(deed.slot, 1);
          return;
        case 'press':
          if (deed.button in radioPresses) radioPresses[deed.button] = (radioPresses[deed.button] ?? 0) + 1;
          pressable.get(deed.button)?.press();
      }
    },
    tick(at) {
      for (const { id, slots } of shelves) {
        const shelf = weighing.get(id);
        for (const { slot, capacity } of slots) {
          const left = shelf?.stock(slot) ?? capacity;
          if (left < REFILL_BELOW) shelf?.putBack(slot, capacity - left);
        }
        shelf?.tick(at);
      }
      for (const turned of turning) turned(at);
    },
    radioPresses: () => ({ ...radioPresses }),
  };
}

export function buttonAddress(index: number): string {
  return `e8:e0:7e:00:00:0${index + 1}`;
}

function radioButton({ id, at, over }: PlannedButton, index: number, options: FittingsOptions): Button {
  const key = over === 'bthome-encrypted' ? fromHex(options.bindKeys[id] ?? '') : undefined;
  if (over === 'bthome-encrypted' && !key) throw new Error(`no bind key for ${id}`);
  return bthomeButton({
    address: buttonAddress(index),
    ...(key && { key }),
    batteryPct: 93 - index,
    later: options.later,
    transmit: ({ address, data }) =>
      options.transmit({
        from: id,
        at: [at[0], at[1], BUTTON_AT_M],
        address,
        addressType: 'public',
        data,
        atOneMetre: BUTTON_DBM,
      }),
  });
}

/** A thermostat, and somebody who is too cold or too warm now and then. */
function turnedByHand(id: string, { seed, speed, connect, unixMs }: FittingsOptions): (at: number) => void {
  const random = seededRandom(seed, id);
  const connection = connect(id, (name, payload) => device.command(name, payload));
  const { isUp, send } = connection;
  const everyMs = THERMOSTAT_EVERY_MS / speed;
  const device: Thermostat = thermostat({ random, everyMs, now: unixMs, isUp, send });
  const hands = seededRandom(seed, `hands at ${id}`);
  let turnAt: number | undefined;
  return (at) => {
    device.tick(at);
    turnAt ??= at + hands.between(...TURNED_EVERY_MS) / speed;
    if (at < turnAt) return;
    turnAt = at + hands.between(...TURNED_EVERY_MS) / speed;
    device.turn();
  };
}
