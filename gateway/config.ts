import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { PRESSES } from '../devices/device.ts';
import { dialectByName } from '../devices/dialects/index.ts';
import { gattProfiles } from '../devices/gatt/index.ts';
import { deviceByKind } from '../devices/index.ts';
import { whyNotBridgeFilter } from './access/topics.ts';
import { crossCheck } from './config-checks.ts';
import { type Problem, readYaml } from './config-file.ts';
import { influxSchema } from './config-influx.ts';
import { mqttUrl, uplinkSchema } from './config-uplinks.ts';
import { adapterAddress } from './radio/adapter.ts';

/** Ids stand in topics, in URLs and in `source`: no dots, slashes or wildcards (contract, Topics). */
export const ID = /^[A-Za-z0-9_-]{1,64}$/;

const id = z.string().regex(ID, 'must be 1 to 64 of A-Z a-z 0-9 _ -');
const uuid = z
  .string()
  .regex(/^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/, 'must be a UUID')
  .transform((text) => text.replaceAll('-', '').toLowerCase());
const bleAddress = z
  .string()
  .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/, 'must be a Bluetooth address such as a1:b2:c3:d4:e5:f6')
  .transform((text) => text.toLowerCase());
const uint16 = z.number().int().min(0).max(0xffff);
const point = z.tuple([z.number(), z.number()]);
const position = z.tuple([z.number(), z.number(), z.number()]);
const hostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'must be host:port, for example 127.0.0.1:1883');

/** A key of the contract that this version cannot honour yet: refused with this, never silently ignored. */
const notBuilt = z.undefined({ error: 'is not available in this version: leave it out' }).optional();

const INTENT = new RegExp(`^(\\d{1,3}\\.)?(${PRESSES.join('|')})$`);

export const MODES = ['off', 'anonymous', 'identify'] as const;

const store = z.strictObject({
  id,
  gateway: id,
  timezone: z.string().refine(isTimeZone, 'must be an IANA time zone, for example Europe/Paris'),
  hours: z.record(z.string(), z.string()).optional(),
  notice: z
    .strictObject({ id: z.string(), version: z.string(), languages: z.array(z.string()).min(1) })
    .optional(),
});

const zone = z.strictObject({
  id,
  name: z.string().optional(),
  /** A shopper last seen in an `entrance`, after having been elsewhere, has left: the visit ends as `exit`. Other kinds are the shop's own words. */
  kind: z.string().default('sales'),
  polygon: z.array(point).min(3),
  sensitive: z.boolean().default(false),
  mode: z.enum(MODES).optional(),
});

const slot = z.strictObject({
  slot: z.number().int().min(0).max(255),
  sku: z.string().min(1),
  gtin: z.string().optional(),
  unitGrams: z.number().positive(),
  capacity: z.number().int().positive().optional(),
});

const map = z.strictObject({
  zones: z.array(zone).default([]),
  receivers: z
    .array(z.strictObject({ id, position, zone: id.optional(), offsetDb: z.number().default(0) }))
    .default([]),
  beacons: z
    .array(
      z.strictObject({
        id,
        uuid,
        major: uint16,
        minor: uint16,
        position: position.optional(),
        zone: id.optional(),
      }),
    )
    .default([]),
  fixtures: z.array(z.strictObject({ device: id, zone: id, slots: z.array(slot).default([]) })).default([]),
});

const bridgeFilter = z.string().superRefine((filter, context) => {
  const message = whyNotBridgeFilter(filter);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const device = z.strictObject({
  id,
  kind: z.enum([...deviceByKind.keys()]),
  zone: id.optional(),
  address: bleAddress.optional(),
  keyFile: z.string().optional(),
  /** Of a `thermostat-gatt`: its GATT profile. */
  model: z.enum([...gattProfiles.keys()]).optional(),
  /** Of a `thermostat-gatt`: what `aisle devices add` wrote; the radio process signs in with it. */
  credentialFile: z.string().optional(),
  /** For another maker's gateway: how it publishes. */
  dialect: z.enum([...dialectByName.keys()]).optional(),
  /** And the MQTT filters of what it publishes: the only topics that it may speak under. */
  topics: z.array(bridgeFilter).min(1, 'must name at least one filter').max(16).optional(),
  /** What a press asks for: by `press` or `<button>.<press>`. */
  intents: z
    .record(
      z.string().regex(INTENT, `must be a press (${PRESSES.join(', ')}), or <button>.<press>`),
      z.string(),
    )
    .optional(),
});

const jwk = z.looseObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string({ error: 'must name the key (kid), as the lists signed with it do' }),
});

const radio = z.strictObject({
  driver: z.enum(['noble', 'bluez']).default('noble'),
  /**
   * `hci0`, `hci1` …, with `driver: bluez` an adapter's address (upper case), with noble `tcp:host:port` of an HCI
   * (H4) controller.
   */
  adapter: z
    .string()
    .regex(
      /^(hci(0|[1-9]\d{0,2})|([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}|tcp:.+:\d+)$/,
      "must be hci0, hci1 …, an adapter's address such as AA:BB:CC:DD:EE:FF, or tcp:host:port",
    )
    .transform(asBluezWritesIt)
    .default('hci0'),
  receiver: id,
  /** The adapter that speaks to GATT thermostats, always by BlueZ; left out, that of `driver: bluez`. */
  gatt: z
    .strictObject({
      adapter: z
        .string()
        .regex(
          /^(hci(0|[1-9]\d{0,2})|([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})$/,
          "must be hci0, hci1 … or an adapter's address such as AA:BB:CC:DD:EE:FF",
        )
        .transform(asBluezWritesIt)
        .default('hci0'),
    })
    .optional(),
  gateway: z.strictObject({ url: mqttUrl, credentialFile: z.string(), ca: z.string().optional() }),
});

/** The whole of `aisle.yaml`; the editor's JSON Schema comes from this value too. */
export const configSchema = z.strictObject({
  store,
  mode: z.enum(MODES),
  map,
  devices: z.array(device).default([]),
  data: z.string().default('data'),
  /** The store key's file, a credential for example; left out, `store.key` in the data folder. */
  storeKeyFile: z.string().optional(),
  clock: z.strictObject({ source: z.enum(['systemd', 'uplink', 'trusted']).default('systemd') }).prefault({}),
  consents: z
    .strictObject({ issuerKeys: z.array(jwk).default([]), maxAgeHours: z.number().positive().default(24) })
    .prefault({}),
  inputs: z
    .strictObject({
      mqtt: z
        .strictObject({
          listen: hostPort.default('127.0.0.1:1883'),
          tls: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
          /** Without TLS other machines are refused unless this says that the network is trusted. */
          plaintext: z.boolean().default(false),
          url: notBuilt,
        })
        .prefault({}),
      radio: radio.optional(),
    })
    .prefault({}),
  uplinks: z.array(uplinkSchema).default([]),
  /** Resolving private addresses is off in every version that does not ask for it. */
  recognise: z
    .strictObject({
      privateAddress: z.boolean().default(false),
    })
    .prefault({}),
  rules: notBuilt,
  influx: influxSchema.optional(),
  dashboard: z.strictObject({ listen: hostPort.default('127.0.0.1:8080') }).optional(),
  retention: z
    .strictObject({
      /** Undelivered personal events of class B wait so long, then go with a `gateway.gap`. */
      personalHours: z.number().positive().default(72),
      /** Undelivered events of nobody: of class B (presses, shelves …) and C (climate, health …). */
      businessDays: z.number().positive().default(30),
      telemetryDays: z.number().positive().default(7),
      /** The history on this box, for the page's charts: a day by 10 s, then 5 min for so long. */
      historyDays: z.number().int().min(1).max(400).default(31),
      /** What the database may hold; at the shop's usual rate of ten events a second 72 h fit. */
      quotaMiB: z.number().min(1).default(4096),
      /** A file that is given up where the disk is full all the same, so that deliveries go on. */
      ballastMiB: z.number().int().min(0).default(64),
    })
    .prefault({}),
});

export type Config = z.infer<typeof configSchema>;
export type UplinkConfig = Config['uplinks'][number];
export type RadioConfig = NonNullable<Config['inputs']['radio']>;

/** The configuration is wrong; `problems` say file, line, column, what was expected. */
export class ConfigError extends Error {
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    super(problems.map((problem) => problem.text).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads `aisle.yaml`. File names in it are relative to its folder; they come back absolute.
 * @throws ConfigError with every problem found, each with its line.
 */
export function readConfig(file: string): Config {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([{ text: `${file}: cannot be read: ${(error as Error).message}` }]);
  }
  return parseConfig(text, file);
}

/** @see readConfig */
export function parseConfig(text: string, file: string): Config {
  const read = readYaml(text, file, configSchema, crossCheck);
  if ('problems' in read) throw new ConfigError(read.problems);
  return withAbsolutePaths(read.value, dirname(resolve(file)));
}

/** An adapter's address in upper case; its name, or a host's, as it is. */
function asBluezWritesIt(adapter: string): string {
  return adapterAddress(adapter) ?? adapter;
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function withAbsolutePaths(config: Config, folder: string): Config {
  const at = (file: string) => resolve(folder, file);
  const { mqtt, radio } = config.inputs;
  return {
    ...config,
    data: at(config.data),
    ...(config.storeKeyFile !== undefined && { storeKeyFile: at(config.storeKeyFile) }),
    devices: config.devices.map((device) => withAbsoluteFiles(device, at)),
    inputs: {
      mqtt: mqtt.tls ? { ...mqtt, tls: { cert: at(mqtt.tls.cert), key: at(mqtt.tls.key) } } : mqtt,
      ...(radio && { radio: { ...radio, gateway: withAbsoluteFiles(radio.gateway, at) } }),
    },
    uplinks: config.uplinks.map((uplink) => withAbsoluteFiles(uplink, at)),
    ...(config.influx && { influx: withAbsoluteFiles(config.influx, at) }),
  };
}

function withAbsoluteFiles<T extends object>(settings: T, at: (file: string) => string): T {
  const files = ['tokenFile', 'passwordFile', 'writeKeyFile', 'keyFile', 'credentialFile', 'ca'];
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, files.includes(name) ? at(String(value)) : value]),
  ) as T;
}
