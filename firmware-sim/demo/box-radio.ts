import { hasDbusDaemon } from '../private-bus.ts';
import { gattThermostat, thermostats } from '../shop-floor/floor-plan.ts';

/** What the box hears the air by. */
export type RadioDriver = 'noble' | 'bluez';

/** The box's BlueZ: it speaks to the GATT thermostat, and hears the air too where there is nobody else for that. */
export interface BoxBluez {
  adapter: 'hci0' | 'hci1';
  hears: boolean;
}

const NO_DAEMON = 'dbus-daemon is not installed (Debian: apt-get install dbus-daemon)';
export const NO_GATT_THERMOSTAT = `${NO_DAEMON}: the shop does without its GATT thermostat`;

/** Nothing where there is no message bus for it. Throws a sentence where the radio cannot do without. */
export function boxBluez(radio: RadioDriver = 'noble', hasDaemon = hasDbusDaemon): BoxBluez | undefined {
  if (radio === 'bluez' && !hasDaemon) throw new Error(`--radio bluez: ${NO_DAEMON}`);
  if (!hasDaemon) return undefined;
  // noble has an adapter of its own: the two cannot share one.
  return radio === 'bluez' ? { adapter: 'hci0', hears: true } : { adapter: 'hci1', hears: false };
}

/**
 * The shop's thermostats, with the one on BlueZ where there is a BlueZ. It is the second that is turned from
 * afar: by then it has been read once, so that this is a change.
 */
export function fittedThermostats(
  bluez: BoxBluez | undefined,
): { id: string; at: readonly [number, number] }[] {
  const [first, ...others] = thermostats;
  return first && bluez ? [first, gattThermostat, ...others] : [...thermostats];
}
