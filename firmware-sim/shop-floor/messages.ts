import type { Identity } from '../firmware/eid-tag.ts';

/**
 * What the demo and its shop floor say to each other, over the channel between parent and child process:
 * strangers' identifiers pass here and nowhere else, and touch no disk.
 */

export interface Opening {
  kind: 'open';
  seed: number;
  shoppers: number;
  /** Share that agreed, 0 to 1. */
  consenting: number;
  speed: number;
  gateway: { url: string; ca: string };
  /** Where the receivers' Bluetooth controllers listen, by receiver. */
  controllers: Record<string, number>;
  /** The box's BlueZ, where it has one: the bus to start for it, and whether it hears the air for the box. */
  bluez?: { bus: string; adapter: string; hears: boolean };
  /** Of the encrypted buttons, hex, by button. */
  bindKeys: Record<string, string>;
}

export type ToFloor =
  | Opening
  | { kind: 'secret'; device: string; secret: string }
  /** Asks for one stranger who is in the shop now. */
  | { kind: 'who' }
  | { kind: 'close' };

export type Identifier = Identity['identifiers'][number];

export type FromFloor =
  | { kind: 'ready' }
  /** Every MQTT device of the floor is connected. */
  | { kind: 'connected' }
  /** `sent` and `acked` since the start; presses of radio buttons by button, which nobody acknowledges. */
  | { kind: 'counters'; sent: number; acked: number; waiting: number; radioPresses: Record<string, number> }
  /** A press or a thermostat's message went out first at `at`, or was acknowledged. */
  | { kind: 'sent'; cause: string; name: string; at: number }
  | { kind: 'acked'; cause: string; name: string }
  /** Something new that names a stranger. */
  | { kind: 'stranger'; identifiers: Identifier[] }
  /** One stranger, or nobody. */
  | { kind: 'that'; shopper?: number; identifiers: Identifier[] }
  | { kind: 'closed' };
