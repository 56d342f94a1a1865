import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { OverAttempt } from '../../../gateway/forward/sending.ts';
import { openObserver } from '../../../gateway/telemetry/metrics/observed.ts';
import { uplinkLabels } from '../../../gateway/telemetry/metrics/uplink-label.ts';
import { hasPromtool, promtool, samplesOf } from '../../support/prometheus.ts';

const NOW = Date.UTC(2026, 10, 22, 8);

function observed() {
  const registry = new Registry();
  const observer = openObserver(registry, { now: () => NOW, uplinks: ['http a'] });
  const value = async (series: string) => samplesOf(await registry.metrics()).get(series);
  return { registry, observer, value };
}

/** An event as it stands in the outbox, `ageMs` old. */
function event(id: string, ageMs = 0, name = 'button.pressed') {
  const time = new Date(NOW - ageMs).toISOString();
  const body = JSON.stringify({
    id,
    type: `aisle.${name}.v1`,
    time,
    recordedtime: time,
    data: { time: 'now' },
  });
  return { id, position: 1, name, body };
}

function attempt(events: ReturnType<typeof event>[], more: Partial<OverAttempt> = {}): OverAttempt {
  const accepted = new Set(events.map(({ id }) => id));
  return { events, ms: 20, result: { accepted, rejected: new Map(), skipped: new Set() }, ...more };
}

const NOTHING = {
  accepted: new Set<string>(),
  rejected: new Map<string, string>(),
  skipped: new Set<string>(),
};

describe('an attempt at an uplink', () => {
  it.each([
    ['taken', attempt([event('1'), event('2')])],
    ['partly', attempt([event('1'), event('2')], { result: { ...NOTHING, accepted: new Set(['1']) } })],
    ['failed', attempt([event('1')], { result: NOTHING, error: new Error('away') })],
    ['recalled', attempt([event('1')], { result: NOTHING, error: new Error('aborted'), isRecalled: true })],
    [
      'taken',
      attempt([event('1'), event('2')], {
        result: { ...NOTHING, skipped: new Set(['1']), rejected: new Map([['2', 'no']]) },
      }),
    ],
  ])('is %s by what became of its events', (result, one) => {
    const { observer } = observed();
    observer.attempted('http a')(one);
    expect(observer.seen.attempts.get('http a')).toMatchObject({ [result]: 1 });
  });

  it('counts the events that were taken by their class, and no other', () => {
    const { observer } = observed();
    const events = [event('1'), event('2', 0, 'climate.measured'), event('3', 0, 'gateway.gap'), event('4')];
    observer.attempted('http a')(
      attempt(events, { result: { ...NOTHING, accepted: new Set(['1', '2', '3']) } }),
    );
    expect(observer.seen.forwarded.get('http a')).toEqual({ A: 1, B: 1, C: 1 });
  });

  it('says how long each event took from when it happened, over midnight and new year too', async () => {
    const { observer, value } = observed();
    const ages = [3, 40, 9 * 3_600_000, 400 * 86_400_000, -5_000];
    observer.attempted('http a')(attempt(ages.map((ageMs, i) => event(`${i}`, ageMs))));
    expect(await value('gateway_event_end_to_end_seconds_count{uplink="http a"}')).toBe(5);
    const sum = await value('gateway_event_end_to_end_seconds_sum{uplink="http a"}');
    expect(sum).toBeCloseTo(0.043 + 9 * 3_600 + 400 * 86_400, 3);
  });

  it('is counted all the same where an event of another version has no time that can be read', async () => {
    const { observer, value } = observed();
    for (const body of ['', '{"time":"yesterday"}', '{"time":"2026-11-22T08:00:00+01:00"}'])
      observer.attempted('http a')(attempt([{ ...event('1'), body }]));
    expect(observer.seen.attempts.get('http a')).toMatchObject({ taken: 3 });
    expect(await value('gateway_event_end_to_end_seconds_count{uplink="http a"}')).toBe(0);
  });
});

it('a batch that the disk refused is counted by its code, and its time is not among those of batches on disk', async () => {
  const { observer, value } = observed();
  const refused = (code?: string) =>
    observer.tried({ signals: 1, ms: 3, error: Object.assign(new Error('no'), { code }) });
  for (const code of ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_READONLY_DBMOVED', 'EIO', undefined])
    refused(code);
  observer.tried({ signals: 17, ms: 3 });
  expect(observer.seen.storeErrors).toMatchObject({
    SQLITE_FULL: 1,
    SQLITE_IOERR: 1,
    SQLITE_READONLY: 1,
    other: 2,
  });
  expect(await value('gateway_store_commit_duration_seconds_count')).toBe(1);
  expect(await value('gateway_store_commit_batch_size_bucket{le="16"}')).toBe(0);
  expect(await value('gateway_store_commit_batch_size_bucket{le="32"}')).toBe(1);
});

it.skipIf(!hasPromtool)('promtool takes what is observed, extremes too', async () => {
  const { registry, observer } = observed();
  observer.broker.acknowledged(0);
  observer.broker.acknowledged(1e9);
  observer.attempted('http a')(attempt([event('1', 1e12)]));
  expect(promtool(await registry.metrics())).toEqual({ status: 0, says: '' });
});

it('an uplink is called by its kind and host: user, path and query may be secrets', () => {
  const uplinks = [
    { kind: 'http', url: 'https://user:secret@a.example/secret?key=secret' },
    { kind: 'http', url: 'https://a.example/other' },
    { kind: 'mqtt', url: 'mqtts://a.example:8884' },
  ] as const;
  expect([...uplinkLabels(uplinks).values()]).toEqual([
    'http a.example',
    'http a.example #2',
    'mqtt a.example:8884',
  ]);
});
