import { userName } from '../central/addresses.ts';
import { buttonAddress } from '../shop-floor/fittings.ts';
import {
  APP_DEVICE,
  BEACON_UUID,
  beacons,
  boxRadio,
  buttons,
  ceilingReceivers,
  gattThermostat,
  receivers,
  shelves,
  thermostats,
  zones,
} from '../shop-floor/floor-plan.ts';
import type { BoxBluez } from './box-radio.ts';

export const STORE = 'demo';
export const GATEWAY = 'box-1';
export const NOTICE = { id: 'demo-notice', version: '1', languages: ['en'] };

/** What the configuration leaves to this run. File names are relative to the configuration. */
export interface ShopSettings {
  mqttPort: number;
  dashboardPort: number;
  radioPort: number;
  bluez?: BoxBluez | undefined;
  /** Where the gateway finds the profile store: the line that can be cut. HTTP or MQTT, by its scheme. */
  lineUrl: string;
  /** InfluxDB, where the shop has one. */
  influx?: object | undefined;
  issuerKey: object;
}

/** `aisle.yaml` of the demo's shop, as a value; YAML takes it as JSON. */
export function shopConfig(settings: ShopSettings): object {
  const { mqttPort, dashboardPort, bluez, lineUrl, influx, issuerKey } = settings;
  return {
    store: { id: STORE, gateway: GATEWAY, timezone: 'Europe/Paris', notice: NOTICE },
    mode: 'identify',
    map: {
      zones: zones.map(({ id, name, kind, polygon }) => ({ id, name, kind, polygon })),
      receivers: receivers.map(({ id, zone, at }) => ({ id, zone, position: at })),
      beacons: beacons.map(({ id, zone, at, major, minor }) => ({
        ...{ id, zone, major, minor },
        uuid: BEACON_UUID,
        position: at,
      })),
      fixtures: shelves.map(({ id, zone, slots }) => ({ device: id, zone, slots })),
    },
    devices: deviceList(bluez !== undefined),
    data: 'data',
    clock: { source: 'trusted' },
    consents: { issuerKeys: [issuerKey] },
    inputs: {
      mqtt: { listen: `127.0.0.1:${mqttPort}`, tls: { cert: 'keys/broker.crt', key: 'keys/broker.key' } },
      radio: {
        ...adapters(settings),
        receiver: boxRadio.id,
        gateway: {
          url: `mqtts://127.0.0.1:${mqttPort}`,
          credentialFile: `keys/${boxRadio.id}.secret`,
          ca: 'keys/ca.crt',
        },
      },
    },
    uplinks: [uplink(lineUrl)],
    ...(influx && { influx }),
    dashboard: { listen: `127.0.0.1:${dashboardPort}` },
  };
}

function adapters({ radioPort, bluez }: ShopSettings): object {
  if (bluez?.hears) return { driver: 'bluez', adapter: bluez.adapter };
  const adapter = `tcp:127.0.0.1:${radioPort}`;
  return { driver: 'noble', adapter, ...(bluez && { gatt: { adapter: bluez.adapter } }) };
}

/** By MQTT the token is the password of the shop's account. */
function uplink(url: string): object {
  const secret = 'keys/profile-store.token';
  if (url.startsWith('http:')) return { kind: 'http', url, tokenFile: secret };
  return { kind: 'mqtt', url, userName: userName({ store: STORE, gateway: GATEWAY }), passwordFile: secret };
}

/** Devices that connect, those first whose events a visitor should see first. */
export function connectingDevices(hasBluez: boolean): string[] {
  const buttonIds = buttons.filter(({ over }) => over === 'mqtt').map(({ id }) => id);
  return [
    APP_DEVICE,
    // The box's radio signs in for it as soon as it runs.
    ...(hasBluez ? [gattThermostat.id] : []),
    ...receivers.map(({ id }) => id),
    ...buttonIds,
    ...shelves.map(({ id }) => id),
    ...thermostats.map(({ id }) => id),
  ];
}

function deviceList(hasBluez: boolean): object[] {
  return [
    { id: APP_DEVICE, kind: 'shopper-app' },
    ...ceilingReceivers.map(({ id, zone }) => ({ id, kind: 'receiver', zone })),
    { id: boxRadio.id, kind: 'receiver', zone: boxRadio.zone },
    ...shelves.map(({ id, zone }) => ({ id, kind: 'connected-shelf', zone })),
    ...buttons.map(({ id, zone, intent, over }, i) => ({
      ...{ id, kind: 'smart-button', zone, intents: { press: intent } },
      ...(over !== 'mqtt' && { address: buttonAddress(i) }),
      ...(over === 'bthome-encrypted' && { keyFile: `keys/${id}.bindkey` }),
    })),
    ...thermostats.map(({ id, zone }) => ({ id, kind: 'thermostat', zone })),
    ...(hasBluez ? [gattDevice()] : []),
  ];
}

function gattDevice(): object {
  const { id, zone, address, model } = gattThermostat;
  return { id, kind: 'thermostat-gatt', zone, address, model, credentialFile: `keys/${id}.secret` };
}
