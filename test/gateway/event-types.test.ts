import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ConsentRecord } from '../../gateway/consent-record.ts';
import { EVENT_TYPES, purposesInUse, waitsHere } from '../../gateway/event-types.ts';
import { problemsOf, type Sent } from './event-lint.ts';
import { eventsOfStory, recordsOfStory, SCENARIOS, stories } from './story-events.ts';

const GATEWAY = fileURLToPath(new URL('../../gateway/', import.meta.url));

describe('the table of event types', () => {
  it('R27: has every type that the code makes, and nothing else', () => {
    expect(EVENT_TYPES.map(({ name }) => name).sort()).toEqual(namesInSource());
  });

  it('R24: what shelves, buttons and climate say is of nobody unless linked under interaction', () => {
    for (const { name, personal, purposes } of EVENT_TYPES) {
      if (!/^(shelf|button|climate|thermostat|occupancy)\./.test(name)) continue;
      expect(personal).not.toBe('always');
      if (personal === 'linked') expect(purposes).toContain('interaction');
    }
  });

  it('R5: every personal type rests on recognition, and what tells a place on location', () => {
    for (const { name, personal, purposes, personalFields } of EVENT_TYPES) {
      expect(purposes.includes('recognition')).toBe(personal !== 'never');
      expect(personalFields.length > 0).toBe(personal !== 'never');
      if (name.startsWith('zone.')) expect(purposes).toContain('location');
    }
    expect(purposesInUse()).toEqual(['recognition', 'location', 'interaction']);
  });

  it('R17, P6: says how long each waits', () => {
    const waits = (name: string) => {
      const type = EVENT_TYPES.find((one) => one.name === name);
      return type && waitsHere(type, { personalHours: 12, businessDays: 30, telemetryDays: 7 });
    };
    expect(waits('zone.entered')).toBe('until delivered, at most 12 h');
    expect(waits('button.pressed')).toBe('until delivered, at most 30 days; linked to a person, 12 h');
    expect(waits('consent.granted')).toBe('until delivered');
    expect(waits('occupancy.aggregated')).toBe('until delivered, at most 7 days');
  });
});

describe('the events of the stories in test/scenarios', () => {
  it.each(stories)('R11, R23: %s', async (name) => {
    const marks = marksOf(recordsOfStory(name), readFileSync(`${SCENARIOS}${name}/signals.jsonl`, 'utf8'));
    const events = await sentOf(name);
    expect(events.flatMap((event) => problemsOf(event, EVENT_TYPES, marks))).toEqual([]);
  });

  it('have personal ones among them', async () => {
    const events = await sentOf('a-walk-from-shoes-to-bags');
    expect(events.filter(({ data }) => data.subject !== undefined).length).toBeGreaterThan(5);
  });
});

describe('an event that tells too much', () => {
  const consent = { recordId: 'c1', version: 1, noticeVersion: '3', purposes: ['recognition', 'location'] };
  const entered = (change: Record<string, unknown>, attributes: Record<string, unknown> = {}): Sent => ({
    type: 'aisle.zone.entered.v1',
    partitionkey: 'v1',
    ...attributes,
    data: { visitId: 'v1', subject: { ref: 'anna' }, consent, zoneId: 'shoes', ...change },
  });
  const problems = (event: Sent) => problemsOf(event, EVENT_TYPES, ['anna', 'a11a']);

  it('is none as it should be', () => {
    expect(problems(entered({}))).toEqual([]);
  });

  it.each([
    [
      'R11: without its consent',
      entered({ consent: undefined }),
      'consent lacks recordId, version, noticeVersion, purposes',
    ],
    [
      'R11: without the notice',
      entered({ consent: { ...consent, noticeVersion: undefined } }),
      'consent lacks noticeVersion',
    ],
    [
      'R5: without its purpose',
      entered({ consent: { ...consent, purposes: ['recognition'] } }),
      'does not rest on location',
    ],
    [
      'R23: with the person in the partition key',
      entered({}, { partitionkey: 'anna' }),
      'anna stands outside of data',
    ],
    [
      'R23: with a key in an attribute of its own',
      entered({}, { causationid: 'app/A11A/1' }),
      'a11a stands outside of data',
    ],
    [
      'R23: with another partition key than the visit',
      entered({}, { partitionkey: 'shoes' }),
      'partitionkey is not the visit',
    ],
    [
      'without a subject, but areas',
      { type: 'aisle.visit.ended.v1', data: { recordId: 'c1', zones: [] } },
      'names areas without a subject',
    ],
    [
      'impersonal, but of somebody',
      { type: 'aisle.climate.measured.v1', data: { subject: { ref: 'anna' } } },
      'names a subject',
    ],
    ['of an unknown type', { type: 'aisle.mood.measured.v1', data: {} }, 'is no event type'],
  ] as [string, Sent, string][])('%s is found', (_, event, problem) => {
    expect(problems(event).join('\n')).toContain(problem);
  });
});

async function sentOf(story: string): Promise<Sent[]> {
  return (await eventsOfStory(story)).map(({ body }) => JSON.parse(body) as Sent);
}

/** Everything that names somebody: references, record ids, keys, and the addresses in the recording. */
function marksOf(records: readonly ConsentRecord[], recording: string): Set<string> {
  const ofRecords = records.flatMap(({ subjectRef, recordId, keys }) => [
    subjectRef,
    recordId,
    ...keys.flatMap((key) => Object.values(key).filter((value) => /^[0-9a-f]{16,}$/.test(String(value)))),
  ]);
  const addresses = recording.match(/\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/gi) ?? [];
  return new Set([...ofRecords, ...addresses].map(String));
}

/** Event names in the gateway's source, beside this table and what is written from it. */
function namesInSource(): string[] {
  const files = readdirSync(GATEWAY, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== 'event-types.ts' && !file.startsWith('privacy/'),
  );
  const source = files.map((file) => readFileSync(GATEWAY + file, 'utf8')).join('\n');
  const groups =
    'visit|zone|shelf|button|basket|climate|thermostat|occupancy|consent|subject|offer|command|rule|device|gateway|security';
  const found = source.matchAll(new RegExp(`'((?:${groups})\\.[a-z]+(?:\\.[a-z]+)?)'`, 'g'));
  return [...new Set([...found].map(([, name = '']) => name))].sort();
}
