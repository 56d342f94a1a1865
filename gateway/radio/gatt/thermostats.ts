import type { GattProfile } from '../../../devices/gatt/profile.ts';
import { systemTimers } from '../../timers.ts';
import type { BluezBus } from '../bluez/bus.ts';
import { bluezPeer } from '../bluez/peer.ts';
import type { GatewayAddress } from '../gateway-address.ts';
import { gatewayLink } from '../gateway-link.ts';
import type { RadioLog } from '../radio-state.ts';
import { type ThermostatMessages, thermostatMessages } from './messages.ts';
import { type GattThermostat, gattThermostat } from './thermostat.ts';
import { gattTurns } from './turns.ts';

export interface GattThermostatConfig {
  id: string;
  /** Lower case, colons. */
  address: string;
  profile: GattProfile;
  credentialFile: string;
}

export interface GattThermostatsOptions {
  bus: BluezBus;
  /** `hci0` …, or its address. */
  adapter: string;
  /** Whether somebody else of this process scans on the adapter; otherwise a thermostat is looked for when needed. */
  isScanned: boolean;
  thermostats: readonly GattThermostatConfig[];
  /** Where the gateway is; each thermostat signs in with its own `credentialFile`. */
  gateway: Omit<GatewayAddress, 'credentialFile'>;
  /** IANA, of the shop: an eQ-3 runs its week by the clock that it gets from us. */
  timeZone: string;
  log: RadioLog;
  /** ms, monotonic. */
  now(): number;
  /** 0…1 */
  random(): number;
  /** ms since the epoch; the system's clock unless told otherwise. */
  wall?(): number;
}

/** Speaks to the GATT thermostats of an adapter until `close`, and for each of them to the gateway. */
export function startGattThermostats(options: GattThermostatsOptions): { close(): Promise<void> } {
  const { bus, adapter, isScanned, thermostats, gateway, log, random, wall = Date.now } = options;
  const timers = { ...systemTimers, monotonic: options.now };
  const turns = gattTurns();
  const boot = Math.floor(random() * 2 ** 32).toString(16);

  const running = thermostats.map(({ id, address, profile, credentialFile }) => {
    let thermostat: GattThermostat | undefined;
    const messages: ThermostatMessages = thermostatMessages({
      link: (events) => gatewayLink(id, { ...gateway, credentialFile }, events, { log, random }),
      boot,
      timers,
      onCommand: (payload) => thermostat?.command(payload),
    });
    thermostat = gattThermostat({
      id,
      profile,
      peer: bluezPeer({ bus, adapter, address, isScanned }),
      turns,
      timers,
      wall,
      timeZone: options.timeZone,
      random,
      log,
      onSaid: messages.said,
      onReach: messages.reached,
      answer: messages.answer,
    });
    return { thermostat, messages };
  });

  return {
    async close() {
      await Promise.all(
        running.map(async ({ thermostat, messages }) => {
          await thermostat.close();
          await messages.close();
        }),
      );
    },
  };
}
