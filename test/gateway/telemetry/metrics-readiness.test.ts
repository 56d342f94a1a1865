import { describe, expect, it } from 'vitest';
import { type ReadinessParts, readinessOf } from '../../../gateway/telemetry/readiness.ts';

const NOW = Date.UTC(2026, 10, 22, 8);

/** A box where all is well. */
const WELL: ReadinessParts = {
  at: NOW,
  isDiskRefusing: false,
  level: 'roomy',
  isListening: true,
  uplinks: new Map([['http a', { connected: true, lastSuccess: NOW }]]),
  needsConsents: true,
  list: { issuedAt: NOW - 3_600_000 },
  maxAgeHours: 24,
  synchronised: true,
  receivers: [{ id: 'r1', state: { state: 'online', radio: 'scanning' } }],
  sinks: [{ name: 'history', ok: true, waiting: 0, written: 9, dropped: 0 }],
};

/** Whether it is ready, and what is not well. */
function judged(more: Partial<ReadinessParts>): [boolean, ...string[]] {
  const { ready, checks } = readinessOf({ ...WELL, ...more });
  return [ready, ...checks.flatMap(({ name, ok }) => (ok ? [] : [name]))];
}

it('is ready where all is well, and gives no reason', () => {
  const { ready, checks } = readinessOf(WELL);
  expect(ready).toBe(true);
  expect(checks.map(({ name }) => name)).toEqual([
    'store',
    'room',
    'broker',
    'uplink http a',
    'consent-list',
    'clock',
    'radio r1',
    'history',
  ]);
  expect(checks.filter(({ ok, reason }) => !ok || reason !== undefined)).toEqual([]);
});

describe('is not ready', () => {
  it('while the disk refuses', () => expect(judged({ isDiskRefusing: true })).toEqual([false, 'store']));
  it('from where business is refused on', () => {
    expect(judged({ level: 'shedding' })).toEqual([true]);
    expect(judged({ level: 'reserved' })).toEqual([false, 'room']);
    expect(judged({ level: 'full' })).toEqual([false, 'room']);
  });
  it('once the broker listens no more', () =>
    expect(judged({ isListening: false })).toEqual([false, 'broker']));
});

describe('is ready and says so', () => {
  it('P7: where an uplink is away: what it would get is kept', () => {
    expect(judged({ uplinks: new Map([['http a', { connected: false }]]) })).toEqual([true, 'uplink http a']);
  });

  it('R9: where there is no consent list, or an old one, and only where somebody is to be recognised', () => {
    expect(judged({ list: undefined })).toEqual([true, 'consent-list']);
    expect(judged({ list: { issuedAt: NOW - 25 * 3_600_000 } })).toEqual([true, 'consent-list']);
    expect(judged({ list: { issuedAt: null } })).toEqual([true]);
    expect(judged({ list: undefined, needsConsents: false })).toEqual([true]);
  });

  it('P13: where the clock is not sure', () =>
    expect(judged({ synchronised: false })).toEqual([true, 'clock']));

  it.each([
    [{}, 'radio r1'],
    [{ state: 'offline', radio: 'scanning' }, 'radio r1'],
    [{ state: 'online', radio: 'silent' }, 'radio r1'],
    [{ state: 'online', radio: 'failed' }, 'radio r1'],
    [{ state: 'online', radio: 'starting' }, undefined],
    [{ state: 'online' }, undefined],
  ] as const)('by a receiver that told %j: %s', (state, name) => {
    expect(judged({ receivers: [{ id: 'r1', state }] })).toEqual([true, ...(name ? [name] : [])]);
  });

  it('where time series have nowhere to go', () => {
    const sink = {
      name: 'influxdb',
      ok: false,
      reason: 'http://user:secret@db',
      waiting: 12,
      written: 0,
      dropped: 3,
    } as const;
    const { checks } = readinessOf({ ...WELL, sinks: [sink] });
    const reason = 'it takes no samples: 12 wait, 3 were dropped';
    expect(checks.at(-1)).toEqual({ name: 'influxdb', ok: false, required: false, reason });
  });
});

it('reasons are of our own words: nothing that an uplink, a receiver or a database said', () => {
  const said = 'said by another';
  const { checks } = readinessOf({
    ...WELL,
    uplinks: new Map([['http a', { connected: false, error: said }]]),
    receivers: [{ id: 'r1', state: { state: 'online', radio: 'failed', radioReason: said } }],
    sinks: [{ name: 'influxdb', ok: false, reason: said, waiting: 1, written: 0, dropped: 0 }],
  });
  expect(JSON.stringify(checks)).not.toContain(said);
});
