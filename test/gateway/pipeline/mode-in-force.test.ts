import { describe, expect, it } from 'vitest';
import type { Config } from '../../../gateway/config.ts';
import type { Outcome } from '../../../gateway/pipeline/outcome.ts';
import type { Signal } from '../../../gateway/pipeline/signal.ts';
import {
  consent,
  HOUR,
  list,
  names,
  ranged,
  run,
  SECOND,
  shop,
  shopConfig,
  storedAfter,
  TEN,
  tick,
} from './shop.ts';

const modes = (outcomes: readonly Outcome[]) =>
  outcomes.flatMap(({ audit }) => audit.filter(({ what }) => what === 'mode').map(({ detail }) => detail));

function day(change: (config: Config) => Config, more: readonly Signal[] = []): Outcome[] {
  const pipeline = shop({ config: shopConfig(change) });
  return run(pipeline, [
    tick(TEN - SECOND),
    list(TEN - SECOND, 1, [consent(1)]),
    ranged(1, 'shoes', TEN),
    ...more,
    tick(TEN + 5 * SECOND),
  ]);
}

describe('nobody is recognised', () => {
  it.each<[string, (config: Config) => Config, string]>([
    ['in mode off', (config) => ({ ...config, mode: 'off' }), 'off: mode is off'],
    ['in mode anonymous', (config) => ({ ...config, mode: 'anonymous' }), 'anonymous: mode is anonymous'],
    [
      'R28: without a notice to show',
      ({ store: { notice: _, ...store }, ...config }) => ({ ...config, store }),
      'anonymous: store.notice is missing: shoppers cannot be told what they agree to',
    ],
    [
      'R9: by a clock that is not sure',
      (config) => ({ ...config, clock: { source: 'systemd' } }),
      'anonymous: the clock is not synchronised',
    ],
  ])('%s, and the audit has it', (_, change, said) => {
    const outcomes = day(change);
    expect(names(...outcomes)).toEqual([]);
    expect(modes(outcomes)).toEqual([said]);
  });

  it('R9: by a list that is older than its limit, offline too; the visit ends as mode', () => {
    const pipeline = shop();
    run(pipeline, [tick(TEN), list(TEN, 1, [consent(1)]), ranged(1, 'shoes', TEN + SECOND)]);
    pipeline.accept(ranged(1, 'shoes', TEN + 24 * HOUR - SECOND));
    const outcome = pipeline.accept(tick(TEN + 24 * HOUR + 1));
    expect(outcome.events.map(({ name, data }) => [name, data.reason])).toEqual([['visit.ended', 'mode']]);
    expect(modes([outcome])).toEqual(['anonymous: the consent list is too old']);
    expect(names(pipeline.accept(ranged(1, 'shoes', TEN + 24 * HOUR + 2)))).toEqual([]);
  });
});

describe('the audit', () => {
  it('R12: has each change of the mode in force once, over a restart too', () => {
    const outcomes = day((config) => config);
    expect(modes(outcomes)).toEqual(['anonymous: no consent list yet', 'identify']);
    const restarted = shop({ stored: storedAfter(outcomes) });
    expect(modes([restarted.accept(tick(TEN + 6 * SECOND))])).toEqual([]);
  });
});

describe('a zone', () => {
  const withMode = (mode: 'off' | 'anonymous') => (config: Config) => ({
    ...config,
    map: {
      ...config.map,
      zones: config.map.zones.map((zone) => (zone.id === 'shoes' ? { ...zone, mode } : zone)),
    },
  });

  it.each(['off', 'anonymous'] as const)('R25: whose own mode is %s gives no personal event', (mode) => {
    expect(names(...day(withMode(mode)))).toEqual([]);
  });

  it.each([
    ['anonymous', 15],
    ['off', undefined],
  ] as const)('R18: of mode %s is counted by its receivers: %s', (mode, count) => {
    const pipeline = shop({ config: shopConfig(withMode(mode)) });
    const crowd = (at: number): Signal => ({
      kind: 'message',
      topic: 'devices/r-shoes/crowd',
      device: 'r-shoes',
      payload: Buffer.from('{"windowS":60,"near":14,"far":3}'),
      at,
    });
    const outcomes = [tick(TEN), crowd(TEN), tick(TEN + 300_000)].map((signal) => pipeline.accept(signal));
    expect(outcomes.flatMap(({ events }) => events)[0]?.data.count).toBe(count);
  });
});
