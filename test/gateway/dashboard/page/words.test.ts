import { describe, expect, it } from 'vitest';
import { view } from './shop.ts';

/* The page's own modules that need no browser; they are plain JavaScript, without types. */

const moduleOf = (name: string) =>
  import(/* @vite-ignore */ new URL(`../../../../gateway/dashboard/page/${name}`, import.meta.url).href);
const { healthOf } = await moduleOf('health.js');
const { splitsOf, labelOf, ageOf } = await moduleOf('times.js');
const { withGaps, held, carried } = await moduleOf('series.js');

const PARIS = 'Europe/Paris';
const HOUR = 3_600;
/** 2026-03-02T10:00:00Z, ms. */
const TEN = Date.UTC(2026, 2, 2, 10);

describe('what the page says of the shop', () => {
  const say = (more: object, growthAnHour?: number) =>
    healthOf({ ...view(), at: TEN, ...more }, { shop: { timezone: PARIS, mode: 'identify' }, growthAnHour });
  const { outbox } = view();
  const down = { central: { connected: false, lastSuccess: TEN - 3_600_000 } };

  it('is one sentence where all is good', () => {
    expect(say({})).toMatchObject({ light: 'good', sentence: 'All good.', also: [] });
  });

  it.each<[string, object, string, string]>([
    [
      'a disk that refuses',
      { disk: { failing: true } },
      'trouble',
      'The disk refuses: nothing new is taken.',
    ],
    ['a full store', { outbox: { ...outbox, level: 'full' } }, 'trouble', 'The store of events is full'],
    [
      'an outage',
      { uplinks: down },
      'attention',
      'Central unreachable since 10:00, no event waiting, nothing lost.',
    ],
    [
      'an outage since the start',
      { uplinks: { central: { connected: false } } },
      'attention',
      'Central unreachable since the start',
    ],
    [
      'a backlog',
      { outbox: { ...outbox, waiting: 1, oldestAt: TEN - 86_400_000 } },
      'attention',
      'Catching up: 1 event waiting, the oldest since Sun 1 11:00.',
    ],
    [
      'events set aside',
      { outbox: { ...outbox, dead: 2 } },
      'attention',
      '2 events set aside, because the central platform refused them',
    ],
    [
      'a list that is too old',
      { recognises: { ok: false, reason: 'the consent list is 26 h old' } },
      'attention',
      'Nobody is recognised: the consent list is 26 h old.',
    ],
    [
      'a radio that failed',
      { devices: { r1: { radio: 'failed', radioReason: 'hci0 is not there.' } } },
      'attention',
      'The radio of r1 does not work: hci0 is not there.',
    ],
    [
      'InfluxDB away',
      { telemetry: [{ name: 'influxdb', ok: false, reason: 'no answer', waiting: 5, dropped: 1 }] },
      'attention',
      'InfluxDB takes no measurements: no answer (5 waiting, 1 given up). Events are not concerned.',
    ],
  ])('begins with %s', (_, more, light, sentence) => {
    const health = say(more);
    expect(health.light).toBe(light);
    expect(health.sentence.startsWith(sentence)).toBe(true);
  });

  it('F2: says for how long there is space, from what the store grows', () => {
    const space = (growth: number) => say({ uplinks: down }, growth).sentence;
    expect(space(50 * 1024 * 1024)).toContain('nothing lost, space for 69 h.');
    expect(space(50 * 1024 ** 3)).toContain('space for less than an hour');
    expect(space(0)).not.toContain('space');
  });

  it('does not say that nothing is lost where the store gives up the oldest', () => {
    const { sentence, also } = say({ uplinks: down, outbox: { ...outbox, level: 'shedding' } });
    expect(sentence).toContain('the oldest readings make room');
    expect(also.join()).toContain('Central unreachable');
    expect(also.join()).not.toContain('nothing lost');
  });

  it('has the worst first, the others below it', () => {
    const { sentence, also } = say({ uplinks: down, disk: { failing: true } });
    expect(sentence).toContain('The disk refuses');
    expect(also).toEqual([expect.stringContaining('Central unreachable')]);
  });
});

describe('the page’s times', () => {
  it('are labelled at whole hours and midnights of the shop, over both changes of its clocks', () => {
    for (const [month, day] of [
      [2, 29],
      [9, 25],
    ] as const) {
      const noon = Date.UTC(2026, month, day, 12) / 1000;
      const days = splitsOf(noon - 48 * HOUR, noon + 48 * HOUR, 24 * HOUR, PARIS);
      expect(days.map((s: number) => labelOf(s, HOUR, PARIS).slice(0, 5))).toEqual(Array(4).fill('00:00'));
      const sixths = splitsOf(noon - 24 * HOUR, noon + 24 * HOUR, 6 * HOUR, PARIS);
      const clock = sixths.map((s: number) => labelOf(s, HOUR, PARIS).slice(0, 5));
      expect(new Set(clock)).toEqual(new Set(['00:00', '06:00', '12:00', '18:00']));
    }
  });

  it('are told as ages that a person would say', () => {
    expect([5_000, 60_000, 300_000, 7_200_000, 200_000_000].map(ageOf)).toEqual([
      'now',
      '60 s ago',
      '5 min ago',
      '2 h ago',
      '2 days ago',
    ]);
  });
});

describe('what a chart draws', () => {
  it('is a line over what comes every few steps, and a gap where more than that is missing', () => {
    const told = [
      1,
      null,
      null,
      2,
      null,
      null,
      3,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      4,
      null,
      null,
      5,
    ];
    const drawn = withGaps(told);
    expect(drawn.slice(0, 7)).toEqual([1, undefined, undefined, 2, undefined, undefined, 3]);
    expect(drawn.slice(7, 15)).toEqual(Array(8).fill(null));
    expect(drawn.slice(15)).toEqual([4, undefined, undefined, 5]);
  });

  it('holds what was set for as long as the gateway was there', () => {
    const isThere = [true, true, true, false, false, true];
    expect(held([null, 21, null, null, null, null], isThere, 19)).toEqual([19, 21, 21, null, null, 21]);
    expect(held([null, null, null, null, null, null], isThere)).toEqual(Array(6).fill(null));
  });

  it('carries a count on until the next is due, and no longer', () => {
    const told = [10, null, 20, null, 20, null, null, null, null, 10, null, null];
    expect(carried(told)).toEqual([10, 10, 20, 20, 20, 20, 20, null, null, 10, 10, 10]);
  });
});
