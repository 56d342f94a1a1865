import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { hasInflux } from '../support/influxd.ts';
import { STORE } from './people.ts';

export const GATEWAY = 'box';
export const APP = 'app';
export const CEILINGS = ['ceiling-1', 'ceiling-2', 'ceiling-3', 'ceiling-4'];
/** A receiver that passes on only what the gateway's list of frames allows, as the shop's own do. */
export const SIEVED = 'own-radio';
export const BUTTON = 'button-1';
/** Has its credentials, and is up to no good. */
export const BAD_BUTTON = 'button-2';
export const CLIMATE = 'climate-1';
/** Of another maker, with addresses in its topics. */
export const BRIDGE = 'bridge-1';
export const BRIDGE_BRANCH = 'home/OpenMQTTGateway';
export const WIFI = 'access-1';
export const READER = 'reader-1';
/** The shop's own fixed beacon, which apps hear. */
export const BEACON = { uuid: 'f7826da6-4fa2-4e98-8024-bc5b71e0893e', major: 1, minor: 7 };

const ROOT = resolve(import.meta.dirname, '../..');

/** What is not built yet is looked for, and named in the result where it is missing. */
export const PARTS = {
  'OpenMQTTGateway dialect': existsSync(`${ROOT}/devices/dialects/open-mqtt-gateway.ts`),
  'Wi-Fi sessions': existsSync(`${ROOT}/devices/wifi.ts`),
  'check-in': existsSync(`${ROOT}/devices/check-in.ts`),
  'private addresses': existsSync(`${ROOT}/gateway/recognise/private-address.ts`),
  InfluxDB: hasInflux,
};

/** Devices of the shop by kind; those alone that this version knows. */
const KINDS: Record<string, object> = {
  [APP]: { kind: 'shopper-app' },
  ...Object.fromEntries([...CEILINGS, SIEVED].map((id) => [id, { kind: 'receiver' }])),
  [BUTTON]: { kind: 'smart-button', zone: 'shoes', intents: { press: 'assistance' } },
  [BAD_BUTTON]: { kind: 'smart-button', zone: 'shoes' },
  [CLIMATE]: { kind: 'thermostat', zone: 'bags' },
  ...(PARTS['OpenMQTTGateway dialect'] && {
    [BRIDGE]: {
      ...{ kind: 'receiver', dialect: 'open-mqtt-gateway' },
      topics: [`${BRIDGE_BRANCH}/BTtoMQTT/#`, `${BRIDGE_BRANCH}/LWT`],
    },
  }),
  ...(PARTS['Wi-Fi sessions'] && { [WIFI]: { kind: 'wifi', zone: 'shoes' } }),
  ...(PARTS['check-in'] && { [READER]: { kind: 'check-in', zone: 'entrance' } }),
};
export const DEVICES = Object.keys(KINDS);

export interface Uplinks {
  http: { url: string; tokenFile: string };
  mqtt?: { url: string; userName: string; passwordFile: string; ca: string } | undefined;
}

/** `aisle.yaml` of the proof's shop, as a value; YAML takes it as JSON. */
export function shopConfig(
  data: string,
  issuerKey: object,
  { http, mqtt }: Uplinks,
  influx: object | undefined,
): object {
  const square = (x: number) => [
    [x, 0],
    [x + 6, 0],
    [x + 6, 6],
    [x, 6],
  ];
  return {
    store: {
      ...{ id: STORE, gateway: GATEWAY, timezone: 'Europe/Paris' },
      notice: { id: 'n1', version: '1', languages: ['fr', 'en'] },
    },
    mode: 'identify',
    map: {
      zones: [
        { id: 'entrance', kind: 'entrance', polygon: square(0) },
        { id: 'shoes', polygon: square(6) },
        { id: 'bags', polygon: square(12) },
        { id: 'pharmacy', polygon: square(18), sensitive: true },
      ],
      receivers: [...CEILINGS, SIEVED].map((id, i) => ({
        ...{ id, position: [3 + 6 * (i % 4), 3, 2.8] },
        zone: ['entrance', 'shoes', 'bags', 'pharmacy'][i % 4],
      })),
      beacons: [{ id: 'b7', ...BEACON, zone: 'shoes' }],
      fixtures: [],
    },
    devices: Object.entries(KINDS).map(([id, device]) => ({ id, ...device })),
    data,
    clock: { source: 'trusted' },
    consents: { issuerKeys: [issuerKey] },
    ...(PARTS['private addresses'] && { recognise: { privateAddress: true } }),
    inputs: { mqtt: { listen: '127.0.0.1:0' } },
    uplinks: [{ kind: 'http', ...http }, ...(mqtt ? [{ kind: 'mqtt', ...mqtt }] : [])],
    // Random octets: a small one is searched as well as a large one.
    retention: { ballastMiB: 1 },
    dashboard: { listen: '127.0.0.1:0' },
    ...(influx && { influx }),
  };
}
