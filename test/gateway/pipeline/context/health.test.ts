import { describe, expect, it } from 'vitest';
import { createHealth } from '../../../../gateway/pipeline/context/health.ts';
import { nothingStored, type Outcome, type StoredState } from '../../../../gateway/pipeline/outcome.ts';
import { collector, deviceOf, storedAfter, TEN } from '../shop.ts';

const button = deviceOf('button-2');

function health(stored: StoredState = nothingStored) {
  const kept = createHealth(stored);
  const outcomes: Outcome[] = [];
  const say = (reading: { state?: 'online' | 'offline'; batteryPct?: number; firmware?: string }) => {
    const { emit, outcome } = collector();
    kept.said(button, reading, TEN, emit);
    outcomes.push(outcome);
    return outcome.events.map(({ data }) => data);
  };
  return { say, outcomes };
}

describe('a device’s health', () => {
  it('is told when it comes and when it goes, not each time that it says so', () => {
    const { say, outcomes } = health();
    expect(say({ state: 'online', firmware: '1.2' })).toEqual([
      {
        storeId: 's1',
        deviceId: 'button-2',
        state: 'online',
        firmware: '1.2',
        lastSeen: '2026-03-02T10:00:00.000Z',
      },
    ]);
    expect(outcomes[0]?.events[0]).toMatchObject({ name: 'device.health', class: 'C', time: TEN });
    expect(say({ state: 'online' })).toEqual([]);
    expect(say({ state: 'offline' })).toMatchObject([{ state: 'offline' }]);
  });

  it('is told when the battery runs low and when it is new, with what it says', () => {
    const { say } = health();
    expect(say({ batteryPct: 80 })).toEqual([]);
    expect(say({ batteryPct: 20 })).toEqual([]);
    expect(say({ batteryPct: 19 })).toMatchObject([{ battery: 19 }]);
    expect(say({ batteryPct: 12 })).toEqual([]);
    expect(say({ batteryPct: 100 })).toMatchObject([{ battery: 100 }]);
  });

  it('is told once over a restart', () => {
    const before = health();
    before.say({ state: 'online' });
    before.say({ batteryPct: 5 });
    const { say } = health(storedAfter(before.outcomes));
    expect([...say({ state: 'online' }), ...say({ batteryPct: 4 })]).toEqual([]);
  });
});
