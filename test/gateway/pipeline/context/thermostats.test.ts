import { describe, expect, it } from 'vitest';
import { createThermostats } from '../../../../gateway/pipeline/context/thermostats.ts';
import { nothingStored, type Outcome, type StoredState } from '../../../../gateway/pipeline/outcome.ts';
import { collector, deviceOf, storedAfter, TEN } from '../shop.ts';

const radiator = deviceOf('radiator-1');

function thermostat(stored: StoredState = nothingStored) {
  const thermostats = createThermostats(stored);
  const outcomes: Outcome[] = [];
  const say = (reading: { setpointC: number; currentC?: number; mode?: string; valvePct?: number }) => {
    const { emit, outcome } = collector();
    thermostats.said(radiator, reading, TEN, emit);
    outcomes.push(outcome);
    return outcome.events.map(({ data }) => data);
  };
  return { ...thermostats, say, outcomes };
}

describe('a thermostat', () => {
  it('is told at its first word, with all that it says', () => {
    const { say, outcomes } = thermostat();
    say({ setpointC: 21, currentC: 20.3, mode: 'auto', valvePct: 40 });
    expect(outcomes[0]?.events).toEqual([
      {
        name: 'thermostat.changed',
        class: 'B',
        time: TEN,
        data: {
          storeId: 's1',
          deviceId: 'radiator-1',
          zoneId: 'shoes',
          setpointC: 21,
          currentC: 20.3,
          valvePct: 40,
          mode: 'auto',
          changedBy: 'device',
        },
      },
    ]);
  });

  it('is told again when setpoint or mode change, and not for what it measures between', () => {
    const { say } = thermostat();
    say({ setpointC: 21, mode: 'auto' });
    expect(say({ setpointC: 21, mode: 'auto', currentC: 19, valvePct: 90 })).toEqual([]);
    expect(say({ setpointC: 21 })).toEqual([]);
    expect(say({ setpointC: 21, mode: 'off' })).toMatchObject([{ setpointC: 21, mode: 'off' }]);
    expect(say({ setpointC: 19.5 })).toMatchObject([{ setpointC: 19.5 }]);
    expect(say({ setpointC: 19.5, mode: 'off' })).toEqual([]);
  });

  it('is told once over a restart', () => {
    const before = thermostat();
    before.say({ setpointC: 21, mode: 'auto' });
    const after = thermostat(storedAfter(before.outcomes));
    expect(after.say({ setpointC: 21, mode: 'auto' })).toEqual([]);
  });

  it('that reports the setpoint ordered changed by the centre, and after that by itself', () => {
    const { say, ordered } = thermostat();
    say({ setpointC: 21 });
    ordered('radiator-1', 18, 'central');
    expect(say({ setpointC: 18 })).toMatchObject([{ changedBy: 'central' }]);
    expect(say({ setpointC: 21 })).toMatchObject([{ changedBy: 'device' }]);
    expect(say({ setpointC: 18 })).toMatchObject([{ changedBy: 'device' }]);
  });

  it('whose first reading ever comes between an order and what it does, is changed by the centre still', () => {
    const { say, ordered } = thermostat();
    ordered('radiator-1', 18, 'central');
    expect(say({ setpointC: 21 })).toMatchObject([{ changedBy: 'device' }]);
    expect(say({ setpointC: 18 })).toMatchObject([{ changedBy: 'central' }]);
  });

  it('that reports something else, or whose order came to nothing, changed by itself', () => {
    const { say, ordered, refused } = thermostat();
    say({ setpointC: 21 });
    ordered('radiator-1', 18, 'central');
    expect(say({ setpointC: 22 })).toMatchObject([{ changedBy: 'device' }]);
    ordered('radiator-1', 17, 'central');
    refused('radiator-1', 18);
    expect(say({ setpointC: 17 })).toMatchObject([{ changedBy: 'central' }]);
    ordered('radiator-1', 16, 'central');
    refused('radiator-1', 16);
    expect(say({ setpointC: 16 })).toMatchObject([{ changedBy: 'device' }]);
  });
});
