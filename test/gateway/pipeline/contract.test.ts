import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cloudEvent } from '../../../gateway/cloud-event.ts';
import type { StoreEvent } from '../../../gateway/pipeline/outcome.ts';
import type { Signal } from '../../../gateway/pipeline/signal.ts';
import { consent, HOUR, list, MINUTE, message, ranged, run, SECOND, shop, TEN, tick } from './shop.ts';

/*
 * The table "Events to the profile store" of the contract, for the events that the pipeline makes: which
 * are personal, their class, and their data beside `storeId` (and `subject` and `consent` where personal).
 */
interface Row {
  personal: boolean;
  class: 'A' | 'B' | 'C';
  data: string[];
  /** Marked `?` in the table, or said in words beside it. */
  optional?: string[];
}

const personal = (data: string[], optional: string[] = []): Row => ({
  personal: true,
  class: 'B',
  data,
  optional,
});
const impersonal = (kind: 'A' | 'B' | 'C', data: string[], optional: string[] = []): Row => ({
  personal: false,
  class: kind,
  data,
  optional,
});

const TABLE: Record<string, Row> = {
  'visit.started': personal(['visitId', 'method', 'confidence']),
  'visit.ended': personal(['visitId', 'startedAt', 'endedAt', 'durationS', 'reason'], ['zones']),
  'zone.entered': personal(['visitId', 'zoneId', 'enteredAt', 'confidence'], ['position']),
  'zone.dwelled': personal(['visitId', 'zoneId', 'dwellS', 'thresholdS']),
  'zone.exited': personal(['visitId', 'zoneId', 'enteredAt', 'dwellS']),
  'shelf.item.picked': impersonal(
    'B',
    ['shelfId', 'slot', 'sku', 'quantity', 'deltaG', 'unitG', 'confidence'],
    ['gtin', 'misplaced', 'attribution'],
  ),
  'shelf.item.returned': impersonal(
    'B',
    ['shelfId', 'slot', 'sku', 'quantity', 'deltaG', 'unitG', 'confidence'],
    ['gtin', 'misplaced', 'attribution'],
  ),
  'shelf.stock.changed': impersonal(
    'B',
    ['shelfId', 'slot', 'sku', 'estimatedUnits', 'weightG', 'level', 'previousLevel'],
    ['capacity'],
  ),
  'button.pressed': impersonal('B', ['deviceId', 'zoneId', 'button', 'press'], ['intent', 'attribution']),
  'climate.measured': impersonal(
    'C',
    ['deviceId', 'zoneId', 'temperatureC', 'windowS', 'n'],
    ['humidityPct', 'co2Ppm'],
  ),
  'thermostat.changed': impersonal(
    'B',
    ['deviceId', 'zoneId', 'setpointC', 'changedBy'],
    ['currentC', 'valvePct', 'mode'],
  ),
  'occupancy.aggregated': impersonal('C', [
    'zoneId',
    'windowStart',
    'windowEnd',
    'count',
    'suppressed',
    'k',
    'rounding',
    'method',
  ]),
  'command.completed': impersonal('B', ['id', 'action', 'ok', 'by'], ['device', 'error']),
  // Nobody's: who withdrew is named by the record alone.
  'consent.withdrawn': impersonal(
    'A',
    ['recordId', 'version', 'channel', 'effectiveAt', 'purge'],
    ['purposes', 'noticeId', 'noticeVersion', 'language'],
  ),
  'consent.granted': {
    personal: true,
    class: 'A',
    data: [
      'recordId',
      'version',
      'purposes',
      'method',
      'noticeId',
      'noticeVersion',
      'validUntil',
      'effectiveAt',
    ],
    optional: ['language'],
  },
  // The contract lists what it may carry; each tells what it knows.
  'device.health': impersonal(
    'C',
    ['deviceId', 'lastSeen'],
    ['state', 'battery', 'batteryLow', 'firmware', 'radio', 'radioReason'],
  ),
  'security.alert': impersonal('A', ['kind', 'origin', 'count'], ['recordIds']),
};

/** Consent is no more: neither subject nor zones, recordId and visitId name them. */
const ENDED_WITHOUT_CONSENT = [
  'durationS',
  'endedAt',
  'reason',
  'recordId',
  'startedAt',
  'storeId',
  'visitId',
];

const weight = (seq: number, g: number, at: number) =>
  message('shelf-1', 'weight', { boot: 'b', seq, slots: [{ slot: 0, g }] }, at);
const setpoint = (id: string, setpointC: number, at: number): Signal => ({
  kind: 'command',
  at,
  command: {
    id,
    storeId: 's1',
    gateway: 'g1',
    action: 'setpoint',
    args: { device: 'radiator-1', setpointC },
    issuedAt: at,
    expiresAt: at + MINUTE,
  },
});

/** A day on which everything happens once that the pipeline can tell of. */
function eventfulDay(): StoreEvent[] {
  const day: Signal[] = [
    tick(TEN - SECOND),
    list(TEN - SECOND, 1, [
      consent(1),
      consent(2),
      consent(3, { validUntil: new Date(TEN + MINUTE).toISOString() }),
      consent(4),
      consent(5, { keys: consent(4).keys }),
      consent(6, { purposes: ['recognition'] }),
      consent(7, { purposes: ['recognition'] }),
    ]),
    weight(1, 1_200, TEN),
    message('r-shoes', 'crowd', { windowS: 60, near: 14, far: 3 }, TEN),
    message('r-bags', 'crowd', { windowS: 60, near: 2, far: 3 }, TEN),
    message('climate-1', 'climate', { temperatureC: 20, humidityPct: 40, co2Ppm: 600 }, TEN),
    message(
      'radiator-1',
      'thermostat',
      { setpointC: 21, currentC: 20, mode: 'auto', valvePct: 5, batteryLow: true },
      TEN,
    ),
    message('button-1', 'pressed', { press: 'long_press' }, TEN),
    message('button-1', 'state', 'online', TEN),
    message('r-shoes', 'radio', { state: 'failed', reason: 'bluetoothd has no adapter hci0' }, TEN),
    setpoint('x1', 18, TEN),
    setpoint('x2', 99, TEN),
    ...[1, 2, 3, 6].map((n) => ranged(n, 'entrance', TEN)),
    message('radiator-1', 'replies/setpoint', { id: 'x1', ok: true }, TEN + SECOND),
    weight(2, 800, TEN + 2 * SECOND),
    weight(3, 1_200, TEN + 5 * SECOND),
    ranged(1, 'shoes', TEN + 10 * SECOND),
    list(TEN + 20 * SECOND, 2, [consent(2, { version: 2, state: 'withdrawn' })], 1),
    ranged(1, 'shoes', TEN + 45 * SECOND),
    ranged(1, 'entrance', TEN + 55 * SECOND),
    {
      kind: 'choice',
      at: TEN + 58 * SECOND,
      channel: 'kiosk',
      holder: { recordId: 'c7' },
      choice: { purposes: ['location'], language: 'fr' },
    },
    {
      kind: 'choice',
      at: TEN + 59 * SECOND,
      channel: 'kiosk',
      holder: { recordId: 'c4' },
      choice: 'withdraw',
    },
    tick(TEN + 6 * MINUTE),
    ranged(1, 'shoes', TEN + 24 * HOUR - 10 * SECOND),
  ];
  const pipeline = shop();
  // Past the list's age, without ticking through the night second by second.
  const late: Signal[] = [tick(TEN + 24 * HOUR - 5 * SECOND), tick(TEN + 25 * HOUR)];
  const outcomes = [
    ...run(pipeline, day.slice(0, -1)),
    ...[...day.slice(-1), ...late].map((s) => pipeline.accept(s)),
  ];
  return outcomes.flatMap(({ events }) => events);
}

const events = eventfulDay();
const byName = (name: string) => events.filter((event) => event.name === name);

describe('the events of the contract', () => {
  it('are all that the pipeline’s code names, and each happened on this day', () => {
    expect([...new Set(events.map(({ name }) => name))].sort()).toEqual(Object.keys(TABLE).sort());
    expect(namesInSource()).toEqual(Object.keys(TABLE).sort());
  });

  it.each(Object.entries(TABLE))('%s carries what the table names, and nothing else', (name, row) => {
    for (const event of byName(name)) {
      expect(event.class).toBe(row.class);
      if (name === 'visit.ended' && event.subjectRef === undefined) continue;
      const always = ['storeId', ...row.data, ...(row.personal ? ['subject', 'consent'] : [])];
      const keys = Object.keys(event.data);
      expect(keys).toEqual(expect.arrayContaining(always));
      expect([...always, ...(row.optional ?? [])]).toEqual(expect.arrayContaining(keys));
      expect(event.subjectRef !== undefined).toBe(row.personal);
      expect(event.visitId).toBe(event.data.visitId);
    }
  });

  it('a visit ends for each of its reasons; without consent it names neither subject nor zones', () => {
    const ended = byName('visit.ended').map(({ data }) => [data.reason, data.subject !== undefined]);
    expect(Object.fromEntries(ended as [string, boolean][])).toEqual({
      withdrawn: false,
      expired: false,
      exit: true,
      absent: true,
      mode: false,
    });
    for (const { data } of byName('visit.ended').filter(({ subjectRef }) => subjectRef === undefined)) {
      expect(Object.keys(data).sort()).toEqual(ENDED_WITHOUT_CONSENT);
    }
  });

  it('only with location do zones and positions go along', () => {
    const [without] = byName('visit.ended').filter(({ subjectRef }) => subjectRef === 'p6');
    expect(without?.data).not.toHaveProperty('zones');
    expect(events.filter(({ name, subjectRef }) => subjectRef === 'p6' && name.startsWith('zone'))).toEqual(
      [],
    );
  });

  it('each fits into an event of 64 KiB', () => {
    for (const event of events) {
      const body = cloudEvent(event, { source: 'urn:x', epoch: '00000000', sequence: 1, recordedAt: 0 });
      expect(Buffer.byteLength(body)).toBeLessThan(64 * 1024);
    }
  });
});

/** Every event name that stands in the pipeline's source. */
function namesInSource(): string[] {
  const folder = fileURLToPath(new URL('../../../gateway/pipeline/', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const source = files.map((file) => readFileSync(folder + file, 'utf8')).join('\n');
  const groups =
    'visit|zone|shelf|button|basket|climate|thermostat|occupancy|consent|subject|offer|command|rule|device|gateway|security';
  const found = source.matchAll(new RegExp(`'((?:${groups})\\.[a-z.]+)'`, 'g'));
  return [...new Set([...found].map(([, name = '']) => name))].sort();
}
