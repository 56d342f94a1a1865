import { z } from 'zod';

/** A Bluetooth device address as BlueZ writes it. */
const address = z.string().regex(/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/);
/** `hci0`, …: all adapters where it is left out. */
const adapter = z
  .string()
  .regex(/^hci\d+$/)
  .optional();
const times = z.int().positive();

/** What can be told to hang or to fail. `*` is every member of every interface, `Properties` among them. */
const member = z.enum([
  '*',
  'GetManagedObjects',
  'SetDiscoveryFilter',
  'StartDiscovery',
  'StopDiscovery',
  'RemoveDevice',
  'Set',
  'Connect',
  'Disconnect',
  'ReadValue',
  'WriteValue',
  'StartNotify',
  'StopNotify',
]);

/**
 * The orders that the mock takes, JSON lines on its standard input. Each is answered, in their order, by a
 * JSON line on its standard output, when the signals that it caused have been sent: `{"ok":true, …}` or
 * `{"error": why}`.
 */
export const order = z.discriminatedUnion('order', [
  /** One report of the air: heard by the adapters that scan (answer: `heard`, how many). `data`: AD structures in hex. */
  z.strictObject({
    order: z.literal('advertise'),
    address,
    addressType: z.enum(['public', 'random']).default('public'),
    rssi: z.int().min(-127).max(20),
    data: z.string().regex(/^([0-9a-f]{2})*$/i),
    connectable: z.boolean().default(true),
    adapter,
  }),
  /** Puts a thermostat into the room, or another one in its place. It advertises by itself every `everyMs`, 0: never. */
  z.strictObject({
    order: z.literal('peripheral'),
    address,
    addressType: z.enum(['public', 'random']).default('public'),
    model: z.enum(['eq-3', 'environmental-sensing']),
    rssi: z.int().min(-127).max(20).default(-60),
    everyMs: z.int().min(0).default(1_000),
    /** °C, of the room and of the thermostat at the start. */
    roomC: z.number().default(19),
    setpointC: z.number().default(20),
    /** Of an eQ-3: its firmware; statuses have 6 octets (1.05), 10 (1.10) or 15 (from 1.20). */
    firmware: z.enum(['1.05', '1.10', '1.20']).default('1.20'),
    /** A connected eQ-3 with its clock set tells its status as often; 0: only as an answer. */
    pushEveryMs: z.int().min(0).default(0),
  }),
  /** It goes out of range: silent, its link is lost, connects to it find nobody. */
  z.strictObject({ order: z.literal('away'), address }),
  z.strictObject({ order: z.literal('near'), address }),
  /** Somebody turns the wheel. */
  z.strictObject({ order: z.literal('turn'), address, setpointC: z.number() }),
  /** Its battery is low, or new; of an eQ-3, which has a sign for that. */
  z.strictObject({ order: z.literal('battery'), address, low: z.boolean() }),
  /** The next `commands` writes reach it, are confirmed by its radio, and do nothing. */
  z.strictObject({ order: z.literal('deaf'), address, commands: times }),
  /** Answer: `state`, what the thermostat is set to, and `writes`, hex, that reached it. */
  z.strictObject({ order: z.literal('state'), address }),
  /** The thermostat ends the link now. */
  z.strictObject({ order: z.literal('drop'), address }),
  /**
   * The link ends in the middle of the next call of `at`: before or after it took effect on the
   * thermostat; the caller gets `Failed`, or nothing ever (`reply: never`). At `Connect` it ends between
   * `Connected` and `ServicesResolved`.
   */
  z.strictObject({
    order: z.literal('drop-at'),
    address,
    at: z.enum(['Connect', 'ReadValue', 'WriteValue', 'StartNotify']),
    effect: z.enum(['before', 'after']).default('before'),
    reply: z.enum(['failed', 'never']).default('failed'),
  }),
  /** Its notifications end while `Notifying` stays true; StopNotify and StartNotify, or a new link, bring them back. */
  z.strictObject({ order: z.literal('lose-notifications'), address }),
  /** The next `times` Connects to it fail with `org.bluez.Error.Failed` and this text. */
  z.strictObject({
    order: z.literal('refuse'),
    address,
    times,
    error: z.string().default('le-connection-abort-by-local'),
  }),
  /** The next `times` calls of `what` are never answered and do nothing. */
  z.strictObject({ order: z.literal('hang'), what: member, times: times.default(1) }),
  /** The next `times` calls of `what` get this error and do nothing. */
  z.strictObject({
    order: z.literal('fail'),
    what: member,
    times: times.default(1),
    name: z.string().default('org.bluez.Error.Failed'),
    text: z.string().default('Failed'),
  }),
  /** Every call is AccessDenied, as the policy of a system bus does it. */
  z.strictObject({ order: z.literal('forbid'), on: z.boolean().default(true) }),
  /** No hang, no failure, no refusal, no forbidding any more; adapters hear again. What hangs, hangs. */
  z.strictObject({ order: z.literal('mend') }),
  /** The object of the device is removed, as by RemoveDevice from somebody else. */
  z.strictObject({ order: z.literal('remove'), address }),
  z.strictObject({ order: z.literal('power'), on: z.boolean(), adapter }),
  z.strictObject({ order: z.literal('unplug'), adapter }),
  z.strictObject({
    order: z.literal('plug'),
    adapter: z
      .string()
      .regex(/^hci\d+$/)
      .default('hci0'),
    address: address.default('00:1B:DC:00:00:01'),
    powered: z.boolean().default(true),
  }),
  /**
   * The adapter comes back under another number, and what had that number comes back under its own: two that boot in
   * another order, or (where nothing has `as`) a dongle that was pulled, or that the kernel reset, while a process held
   * its old number open: the kernel gives the lowest that is free (hci_register_dev), and frees one when its last
   * holder lets go (hci_release_dev). bluetoothd tells it as a removal, of the devices first, and an InterfacesAdded of
   * the same `Address` under the other path, with what it stored under that address. While bluetoothd is away it
   * finds them so when it starts.
   */
  z.strictObject({
    order: z.literal('renumber'),
    adapter: z
      .string()
      .regex(/^hci\d+$/)
      .default('hci0'),
    as: z.string().regex(/^hci\d+$/),
  }),
  /** The adapter reports nothing more; `Discovering` stays true. */
  z.strictObject({ order: z.literal('mute'), on: z.boolean().default(true), adapter }),
  /** Another process ends all discovery below BlueZ: sessions gone, `Discovering` false, filters kept. */
  z.strictObject({ order: z.literal('stop-scan'), adapter }),
  /** bluetoothd ends: its name is given up, its objects are gone; `tidy`: with InterfacesRemoved before. */
  z.strictObject({ order: z.literal('leave'), tidy: z.boolean().default(false) }),
  /** bluetoothd starts again: stored devices are back, no session, no filter, no notifications. */
  z.strictObject({ order: z.literal('return') }),
  /** Answer: `Counts`. */
  z.strictObject({ order: z.literal('counts') }),
]);

/** What a line holds. */
export const orders = z.union([order, z.array(order).min(1)]);

/** An order as it is written; what has a default may be left out. */
export type Order = z.input<typeof order>;
export type ReadOrder = z.output<typeof order>;

export interface Counts {
  /** Calls got, by member: `StartDiscovery`, `Connect`, `Get`, … */
  calls: Record<string, number>;
  /** Discovery sessions, filters and notify sessions that clients hold now. */
  sessions: number;
  filters: number;
  notifying: number;
  /** Links that are up; Connects under way now, and the most at once ever. */
  connected: number;
  connecting: number;
  mostConnecting: number;
  /** Object paths on the bus. */
  objects: number;
  /** Reports of the air that an adapter took, and that none did. */
  heard: number;
  unheard: number;
  /** Match rules of each connection on the bus, by its unique name, where the daemon tells. */
  matchRules: Record<string, number>;
}
