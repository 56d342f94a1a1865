import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { parseConfig } from '../../../../gateway/config.ts';
import { dashboardPage } from '../../../../gateway/dashboard/pages.ts';
import { seriesRoutes } from '../../../../gateway/dashboard/series.ts';
import { openDashboard, type View } from '../../../../gateway/dashboard/server.ts';
import { type History, openHistory } from '../../../../gateway/telemetry/history/history.ts';
import type { Point } from '../../../../gateway/telemetry/point.ts';
import type { SeriesSource } from '../../../../gateway/telemetry/series.ts';
import { until } from '../../../support/until.ts';

const WINDOW = 10_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const THERMOSTATS = ['till', 'shoes', 'office'];

const YAML = `
store: {id: lyon-1, gateway: g1, timezone: Europe/Paris}
mode: identify
map:
  zones:
    - {id: entrance, name: Entrance, kind: entrance, polygon: [[0, 0], [4, 0], [4, 4]]}
    - {id: shoes, name: Shoes, polygon: [[4, 0], [8, 0], [8, 4]]}
    - {id: till, name: Tills, polygon: [[8, 0], [12, 0], [12, 4]]}
    - {id: office, name: Office, polygon: [[12, 0], [16, 0], [16, 4]]}
  fixtures:
    - device: shelf-1
      zone: shoes
      slots:
        - {slot: 0, sku: RUN-42, unitGrams: 410, capacity: 12}
        - {slot: 1, sku: RUN-43, unitGrams: 420, capacity: 12}
        - {slot: 2, sku: TRAIL-41, unitGrams: 380, capacity: 10}
        - {slot: 3, sku: SOCKS-3P, unitGrams: 120, capacity: 30}
    - device: shelf-2
      zone: till
      slots:
        - {slot: 0, sku: GUM, unitGrams: 20, capacity: 60}
        - {slot: 1, sku: WATER-50, unitGrams: 520, capacity: 24}
        - {slot: 2, sku: LACES, unitGrams: 15, capacity: 40}
devices:
  - {id: shelf-1, kind: connected-shelf, zone: shoes}
  - {id: shelf-2, kind: connected-shelf, zone: till}
  - {id: till, kind: thermostat, zone: till}
  - {id: shoes, kind: thermostat, zone: shoes}
  - {id: office, kind: thermostat, zone: office}
  - {id: air-1, kind: climate-sensor, zone: entrance}
`;

/** What fits in a slot, in the order of shelves and slots. */
const CAPACITY = [
  [12, 12, 10, 30],
  [60, 24, 40],
] as const;

/**
 * What a whole shop tells in the window that begins at `at`, when it was busiest at `end` and quietest twelve
 * hours before: the same for the same times.
 */
export function samplesOf(
  at: number,
  end: number,
  awayHours: readonly [number, number] = [-0.5, -0.3],
): Point[] {
  const points: Point[] = [];
  const minute = Math.floor(at / MINUTE);
  const hours = (at - end) / HOUR;
  const busy = 0.5 + 0.5 * Math.cos((hours / 24) * 2 * Math.PI);
  const swing = (period: number, phase = 0) => Math.sin((minute / period) * 2 * Math.PI + phase);
  const tell = (measurement: string, tags: Record<string, string>, fields: Record<string, number>) =>
    points.push({ measurement, tags, fields, at });
  const isMinute = at % MINUTE === 0;
  if (isMinute) {
    for (const [i, id] of THERMOSTATS.entries()) {
      // Its batteries were changed.
      if (id === 'office' && hours > -1.1 && hours < -0.6) continue;
      const day = busy > 0.3 ? 20 + i * 0.5 : 17;
      const set = id === 'office' && hours > -0.6 ? 18 : day;
      const measured = 17.2 + (set - 17) * busy ** 0.3 + 0.3 * swing(37, i);
      tell('climate', { device: id, zone: id }, { temperature_celsius: measured });
      if (minute % 15 === 0)
        tell('thermostat', { device: id, zone: id }, { setpoint_celsius: set, valve_percent: 30 });
    }
    const air = { temperature_celsius: 15.5 + 2 * busy + 0.8 * swing(90), humidity_percent: 44 };
    tell('climate', { device: 'air-1', zone: 'entrance' }, air);
    for (const [i, slots] of CAPACITY.entries())
      for (const [slot, most] of slots.entries()) {
        const sold = ((minute + 40 * i + 97 * slot) % (420 + 60 * slot)) / (420 + 60 * slot);
        const units = Math.max(0, Math.round(most * (1 - sold * (1.02 - slot / 9))));
        tell('shelf', { device: `shelf-${i + 1}`, slot: String(slot) }, { units, weight_grams: units * 100 });
      }
  }
  if (minute % 5 === 0 && isMinute)
    for (const [i, zone] of ['entrance', 'shoes', 'till'].entries()) {
      const people = 10 * Math.round((busy * (26 + 12 * swing(55, i))) / 10);
      if (people >= 10) tell('occupancy', { zone }, { people });
    }
  const [left, back] = awayHours;
  const waiting = hours > left && hours < back ? Math.round((hours - left) * 1_204) : 0;
  const stored = Math.round(1 + busy * (6 + 2 * swing(50) + swing(7)));
  const outbox = { outbox_events: waiting, outbox_bytes: 4_000_000 + waiting * 48_000 };
  tell('gateway', {}, { events_stored: stored, messages: 60, ...outbox });
  return points;
}

/** Feeds `ms` of a shop until `end`, all devices of it. */
export async function feed(
  history: History,
  end: number,
  ms: number,
  awayHours?: readonly [number, number],
): Promise<void> {
  const last = Math.floor(end / WINDOW) * WINDOW - WINDOW;
  for (let at = last - ms; at <= last; at += WINDOW) {
    history.take(samplesOf(at, end, awayHours));
    // Its queue is bounded, and a shop does not tell a day in a moment.
    if (at % HOUR === 0) await until(() => history.state().waiting < 5_000, 'the history to take it');
  }
}

export const view = (more: Partial<View> & Record<string, unknown> = {}): View =>
  ({
    at: Date.now(),
    presences: [],
    everybody: 12,
    recognises: { ok: true },
    messages: 48_210,
    uplinks: { 'https://central.example': { connected: true, lastSuccess: Date.now() - 2_000 } },
    outbox: {
      epoch: '0123abcd',
      stored: 9_211,
      declared: 0,
      waiting: 0,
      oldestAt: null,
      dead: 0,
      taken: {},
      owed: {},
      bytes: 4_000_000,
      limit: 4_096 * 1024 * 1024,
      level: 'roomy',
    },
    signingKey: {},
    dropped: {},
    refused: {},
    waitingOf: () => 0,
    disk: { failing: false, refusals: 0, recoveries: 0 },
    telemetry: [{ name: 'history', ok: true, waiting: 10, written: 4_000, dropped: 0 }],
    ...more,
  }) as unknown as View;

/** A real dashboard over a real history; `view` and `before` are what the rest of the gateway would give. */
export async function openShop(
  parts: { view?: () => View; before?: SeriesSource[]; yaml?: string; patienceMs?: number } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-page-'));
  const config = parseConfig(parts.yaml ?? YAML, 'aisle.yaml');
  const file = join(folder, 'history.db');
  const history = openHistory({ file, days: 31, log: pino({ level: 'silent' }), keepFree: 0, flushMs: 200 });
  const dashboard = await openDashboard({
    listen: { host: '127.0.0.1', port: 0 },
    data: folder,
    view: () => (parts.view ?? view)(),
    open(app) {
      dashboardPage(app, { config });
      const { before = [], patienceMs = 4_000 } = parts;
      seriesRoutes(app, { sources: () => [...before, history], patienceMs });
    },
  });
  const url = `http://127.0.0.1:${dashboard.address.port}`;
  return {
    history,
    url,
    token: readFileSync(join(folder, 'dashboard.token'), 'utf8'),
    dashboard,
    async close() {
      await dashboard.close();
      await history.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
