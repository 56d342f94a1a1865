import { randomBytes } from 'node:crypto';
import { adapterName, readAdapter } from './adapter.ts';
import { type BluezBus, openBus } from './bluez/bus.ts';
import { readWantedAdapter, refuseNobles, wantedName } from './bluez/wanted-adapter.ts';
import { openBluez } from './bluez.ts';
import { type Radio, type RadioOptions, TOLD_WITHIN_MS } from './driver.ts';
import type { GatewayAddress } from './gateway-address.ts';
import { gatewayLink } from './gateway-link.ts';
import { type GattThermostatConfig, startGattThermostats } from './gatt/thermostats.ts';
import { keepOpen } from './keep-open.ts';
import { openNoble } from './noble.ts';
import type { RadioLog } from './radio-state.ts';
import { startReceiver } from './receiver.ts';

export type { GattThermostatConfig } from './gatt/thermostats.ts';
export type { RadioLog } from './radio-state.ts';

/** `inputs.radio` of `aisle.yaml`. */
export interface RadioConfig {
  driver: 'noble' | 'bluez';
  /**
   * `hci0`, `hci1` …; for BlueZ also an adapter's address; for noble also `tcp:<host>:<port>` of a controller that
   * speaks HCI with H4 framing.
   */
  adapter: string;
  /** This receiver's id among the devices. */
  receiver: string;
  gateway: GatewayAddress;
  /** BlueZ's adapter for GATT, by its name or address; without it that of the driver `bluez`. */
  gatt?: { adapter: string } | undefined;
}

/** The GATT thermostats among the devices: this process is their firmware. */
export interface GattConfig {
  thermostats: readonly GattThermostatConfig[];
  /** IANA, of the shop. */
  timeZone: string;
}

const DEVICE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Runs this machine's Bluetooth until `close`: its adapter as a receiver, which hears by the driver and passes on
 * by MQTT, and the GATT thermostats by BlueZ, over the one D-Bus connection that there is. Throws where the
 * configuration cannot work; an adapter that does not work, or a gateway that is away, is logged in a sentence and
 * tried again.
 */
export async function runRadio(
  config: RadioConfig,
  log: RadioLog,
  gatt?: GattConfig,
): Promise<{ close(): Promise<void> }> {
  checkRadio(config);
  const now = () => performance.now();
  const thermostats = gatt?.thermostats ?? [];
  const needsBus = config.driver === 'bluez' || thermostats.length > 0;
  const nobles = config.driver === 'noble' ? config.adapter : undefined;
  const bus = needsBus ? openBus({ log, nobles }) : undefined;
  const gattAdapter = config.gatt?.adapter ?? config.adapter;
  if (bus && nobles !== undefined) {
    await refuseNobles(bus, readWantedAdapter(gattAdapter), TOLD_WITHIN_MS.lost).catch((error) => {
      bus.close();
      throw error;
    });
  }
  const { name, open } = driverOf(config, bus);
  const receiver = startReceiver({
    link: (events) => gatewayLink(config.receiver, config.gateway, events, { log, random: Math.random }),
    log,
    now,
    randomBytes,
  });
  const radio = keepOpen({
    open: (onState) =>
      open({ onAdvertisement: (report, at) => receiver.heard(report, at), onState, log, now }),
    onState: (state) => receiver.radio(state),
    name,
    log,
  });
  const firmware =
    bus && gatt && thermostats.length > 0
      ? startGattThermostats({
          bus,
          adapter: gattAdapter,
          isScanned: config.driver === 'bluez' && gattAdapter === config.adapter,
          thermostats,
          gateway: config.gateway,
          timeZone: gatt.timeZone,
          log,
          now,
          random: Math.random,
        })
      : undefined;
  return {
    async close() {
      radio.close();
      await Promise.all([receiver.close(), firmware?.close()]);
      bus?.close();
    },
  };
}

interface Driver {
  /** Of its adapter, for people. */
  name: string;
  open(options: Omit<RadioOptions, 'adapter'>): Radio;
}

function driverOf({ driver, adapter: text }: RadioConfig, bus: BluezBus | undefined): Driver {
  if (driver === 'bluez' && bus) {
    const adapter = readWantedAdapter(text);
    return { name: wantedName(adapter), open: (options) => openBluez({ ...options, adapter, bus }) };
  }
  const adapter = readAdapter(text);
  return { name: adapterName(adapter), open: (options) => openNoble({ ...options, adapter }) };
}

function checkRadio({ driver, adapter, receiver, gateway, gatt }: RadioConfig): void {
  if (!DEVICE_ID.test(receiver)) {
    throw new Error(
      `inputs.radio.receiver: ${JSON.stringify(receiver)} is no device id ([A-Za-z0-9_-]{1,64})`,
    );
  }
  if (!/^mqtts?:\/\//.test(gateway.url)) {
    throw new Error('inputs.radio.gateway.url: begins with mqtts:// (or with mqtt://, on this machine)');
  }
  const byBluez = driver === 'bluez' ? adapter : gatt?.adapter;
  if (byBluez !== undefined) readWantedAdapter(byBluez);
  if (driver === 'noble') readAdapter(adapter);
}
