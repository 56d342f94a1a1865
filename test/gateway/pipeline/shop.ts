import type { Advertisement, Message } from '../../../devices/device.ts';
import { type Config, parseConfig } from '../../../gateway/config.ts';
import { type ConsentRecord, consentRecord } from '../../../gateway/consent-record.ts';
import { type Emit, emitInto } from '../../../gateway/pipeline/context/emit.ts';
import { type ShopDevice, shopDevices } from '../../../gateway/pipeline/decode.ts';
import {
  emptyOutcome,
  nothingStored,
  type Outcome,
  type StateKind,
  type StoredState,
} from '../../../gateway/pipeline/outcome.ts';
import { createPipeline, type Pipeline } from '../../../gateway/pipeline/pipeline.ts';
import type { Signal } from '../../../gateway/pipeline/signal.ts';
import { seededRandom } from '../../../gateway/seeded-random.ts';
import { type StoreMap, storeMap } from '../../../gateway/store-map.ts';

/** A Monday, ten o'clock UTC. */
export const TEN = Date.UTC(2026, 2, 2, 10);
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

/** BTHome's published key and address of an encrypted Shelly button (vectors.json of test/devices/wire/data). */
export const BIND_KEY = Buffer.from('90bffd73cb6b26ef58a7a8eba9232036', 'hex');
export const LOCKED_BUTTON = 'b4:35:22:f5:3d:a4';
export const OPEN_BUTTON = '54:48:e6:8f:80:a5';

export const UUID = 'f7826da64fa24e988024bc5b71e0893e';

const SHOP = `
store: { id: s1, gateway: g1, timezone: Europe/Paris, notice: { id: n1, version: '3', languages: [fr, en] } }
mode: identify
clock: { source: trusted }
map:
  zones:
    - { id: entrance, kind: entrance, polygon: [[0, 0], [20, 0], [20, 4], [0, 4]] }
    - { id: shoes, polygon: [[0, 4], [10, 4], [10, 20], [0, 20]] }
    - { id: bags, polygon: [[10, 4], [20, 4], [20, 20], [10, 20]] }
    - { id: pharmacy, polygon: [[20, 0], [30, 0], [30, 20], [20, 20]], sensitive: true }
  receivers:
    - { id: r-entrance, position: [10, 2, 3] }
    - { id: r-shoes, position: [5, 12, 3] }
    - { id: r-bags, position: [15, 12, 3] }
    - { id: r-pharmacy, position: [25, 10, 3] }
  beacons:
    - { id: b-entrance, uuid: ${UUID}, major: 1, minor: 1, zone: entrance }
    - { id: b-shoes, uuid: ${UUID}, major: 1, minor: 2, zone: shoes }
    - { id: b-bags, uuid: ${UUID}, major: 1, minor: 3, zone: bags }
    - { id: b-pharmacy, uuid: ${UUID}, major: 1, minor: 4, zone: pharmacy }
  fixtures:
    - { device: shelf-1, zone: shoes, slots: [{ slot: 0, sku: cream, gtin: "4006381333931", unitGrams: 400, capacity: 8 }] }
devices:
  - { id: app, kind: shopper-app }
  - { id: r-entrance, kind: receiver }
  - { id: r-shoes, kind: receiver }
  - { id: r-bags, kind: receiver }
  - { id: r-pharmacy, kind: receiver }
  - { id: shelf-1, kind: connected-shelf, zone: shoes }
  - { id: button-1, kind: smart-button, zone: bags, intents: { long_press: call-staff, 2.press: refill } }
  - { id: button-2, kind: smart-button, zone: bags, address: "${OPEN_BUTTON}" }
  - { id: button-3, kind: smart-button, zone: bags, address: "${LOCKED_BUTTON}", keyFile: bind.key }
  - { id: radiator-1, kind: thermostat, zone: shoes }
  - { id: climate-1, kind: climate-sensor, zone: shoes, address: "a4:c1:38:00:00:01" }
`;

export function shopConfig(change: (config: Config) => Config = (config) => config): Config {
  return change(parseConfig(SHOP, '/shop/aisle.yaml'));
}

export function devicesOf(config: Config): ShopDevice[] {
  return shopDevices(config, () => BIND_KEY);
}

export function deviceOf(id: string): ShopDevice {
  const found = devicesOf(shopConfig()).find((device) => device.id === id);
  if (!found) throw new Error(`the shop has no ${id}`);
  return found;
}

export function shopMap(): StoreMap {
  return storeMap(shopConfig().map);
}

export function shop(parts: { config?: Config; stored?: StoredState; seed?: number } = {}): Pipeline {
  const { config = shopConfig(), stored = nothingStored, seed = 1 } = parts;
  return createPipeline({ config, devices: devicesOf(config), stored, random: seededRandom(seed) });
}

/** The token of shopper `n`; every shopper has another. */
export function tokenOf(n: number): string {
  return n.toString(16).padStart(32, '0');
}

/** As a list would bring it: p1 agreed to be recognised and located, by app. */
export function consent(
  n: number,
  more: Partial<ConsentRecord> | Record<string, unknown> = {},
): ConsentRecord {
  return consentRecord.parse({
    recordId: `c${n}`,
    version: 1,
    subjectRef: `p${n}`,
    purposes: ['recognition', 'location'],
    state: 'given',
    validFrom: '2026-01-01T00:00:00Z',
    validUntil: '2027-01-01T00:00:00Z',
    noticeId: 'n1',
    noticeVersion: '3',
    language: 'fr',
    method: 'app',
    stores: ['s1'],
    keys: [{ kind: 'app', token: tokenOf(n) }],
    ...more,
  });
}

/** A list as `downlink/central-message.ts` hands it on, issued at `at`. */
export function list(
  at: number,
  version: number,
  records: ConsentRecord[],
  previous?: number,
): Extract<Signal, { kind: 'consents' }> {
  return {
    kind: 'consents',
    at,
    storeId: 's1',
    list: previous === undefined ? 'full' : 'change',
    version,
    ...(previous !== undefined && { previous }),
    issuedAt: at,
    records,
  };
}

export function tick(at: number, synchronised?: boolean): Signal {
  return { kind: 'tick', at, ...(synchronised !== undefined && { synchronised }) };
}

/** `payload` is text, or what is sent as JSON. `name` is what stands behind `devices/<device>/`. */
export function message(device: string, name: string, payload: unknown, at: number): Message {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return { kind: 'message', topic: `devices/${device}/${name}`, device, payload: Buffer.from(text), at };
}

const MINORS = { entrance: 1, shoes: 2, bags: 3, pharmacy: 4 };

/** Shopper n's app hears the beacon of a zone. */
export function ranged(n: number, zone: keyof typeof MINORS, at: number): Message {
  const beacons = [{ uuid: UUID, major: 1, minor: MINORS[zone], rssi: -60 }];
  return message('app', 'ranged', { token: tokenOf(n), beacons }, at);
}

export function advertisement(receiver: string, address: string, hex: string, at: number): Advertisement {
  const data = Buffer.from(hex, 'hex');
  return { kind: 'advertisement', receiver, address, addressType: 'random', rssi: -60, data, at };
}

/** An advertisement with flags and BTHome service data, the data behind the UUID in hex. */
export function bthomeFrame(hex: string): string {
  return `020106${(3 + hex.length / 2).toString(16).padStart(2, '0')}16d2fc${hex}`;
}

/** An emit of its own and what it collected. */
export function collector(cause?: string): { emit: Emit; outcome: Outcome } {
  const outcome = emptyOutcome();
  return { emit: emitInto(outcome, 's1', cause), outcome };
}

/** What a database would hold after these outcomes, through JSON as there. */
export function storedAfter(outcomes: readonly Outcome[]): StoredState {
  const rows = new Map<StateKind, Map<string, unknown>>();
  for (const { kind, key, value } of outcomes.flatMap(({ changes }) => changes)) {
    const ofKind = rows.get(kind) ?? new Map<string, unknown>();
    rows.set(kind, ofKind);
    if (value === null) ofKind.delete(key);
    else ofKind.set(key, JSON.parse(JSON.stringify(value)));
  }
  return { get: (kind) => new Map([...(rows.get(kind) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** Names of the events, in order. */
export function names(...outcomes: Outcome[]): string[] {
  return outcomes.flatMap(({ events }) => events.map(({ name }) => name));
}

/** All signals, one after another, with a tick each whole second between. */
export function run(pipeline: Pipeline, signals: readonly Signal[]): Outcome[] {
  const outcomes: Outcome[] = [];
  let clock = signals[0]?.at ?? 0;
  for (const signal of signals) {
    for (; clock < signal.at; clock += SECOND) outcomes.push(pipeline.accept(tick(clock)));
    outcomes.push(pipeline.accept(signal));
  }
  return outcomes;
}
