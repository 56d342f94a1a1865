import { describe, expect, it } from 'vitest';
import { createHealth } from '../../../../gateway/pipeline/context/health.ts';
import { nothingStored, type Outcome, type StoredState } from '../../../../gateway/pipeline/outcome.ts';
import { collector, deviceOf, storedAfter, TEN } from '../shop.ts';

const button = deviceOf('button-2');

function health(stored: StoredState = nothingStored) {
  const kept = createHealth(stored);
  const outcomes: Outcome[] = [];
  const say = (reading: Parameters<typeof kept.said>[1]) => {
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

  it('is told when a receiver’s radio is no longer as it was, with why', () => {
    const { say } = health();
    const gone = { state: 'failed', reason: 'bluetoothd has no adapter hci0' } as const;
    expect(say({ radio: { state: 'starting' } })).toMatchObject([{ radio: 'starting' }]);
    expect(say({ radio: { state: 'scanning' } })).toMatchObject([{ radio: 'scanning' }]);
    expect(say({ radio: { state: 'scanning' } })).toEqual([]);
    expect(say({ radio: gone })).toMatchObject([{ radio: 'failed', radioReason: gone.reason }]);
    expect(say({ radio: gone })).toEqual([]);
    expect(say({ radio: { ...gone, reason: 'no D-Bus' } })).toMatchObject([{ radioReason: 'no D-Bus' }]);
    const [well] = say({ radio: { state: 'scanning' } });
    expect(well).not.toHaveProperty('radioReason');
    const [came] = say({ state: 'online' });
    expect(came).not.toHaveProperty('radio');
  });

  it('is told once over a restart', () => {
    const before = health();
    before.say({ state: 'online' });
    before.say({ batteryPct: 5 });
    before.say({ radio: { state: 'failed', reason: 'no D-Bus' } });
    const { say } = health(storedAfter(before.outcomes));
    const radio = { state: 'failed', reason: 'no D-Bus' } as const;
    expect([...say({ state: 'online' }), ...say({ batteryPct: 4 }), ...say({ radio })]).toEqual([]);
  });
});
