import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHealth } from '../../../../gateway/pipeline/context/health.ts';
import { nothingStored, type Outcome, type StoredState } from '../../../../gateway/pipeline/outcome.ts';
import {
  advertisement,
  bthomeFrame,
  collector,
  deviceOf,
  HOUR,
  MINUTE,
  message,
  OPEN_BUTTON,
  run,
  SECOND,
  shop,
  storedAfter,
  TEN,
} from '../shop.ts';

const button = deviceOf('button-2');

function health(stored: StoredState = nothingStored) {
  const kept = createHealth(stored);
  const outcomes: Outcome[] = [];
  const say = (reading: Parameters<typeof kept.said>[1], at = TEN) => {
    const { emit, outcome } = collector();
    kept.said(button, reading, at, emit);
    outcomes.push(outcome);
    return outcome.events.map(({ data }) => data);
  };
  return { say, outcomes, state: () => kept.states().get('button-2') };
}

/** What an earlier version kept of the button. */
const rows = (value: object): StoredState => ({
  ...nothingStored,
  get: (kind) => new Map(kind === 'health' ? [['button-2', value]] : []),
});

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

  it('is told by a device that has a sign for a low battery and no percentage, when the sign changes', () => {
    const { say, state } = health();
    expect(say({ batteryLow: false })).toEqual([]);
    const [low] = say({ batteryLow: true });
    expect(low).toMatchObject({ deviceId: 'button-2', batteryLow: true });
    expect(low).not.toHaveProperty('battery');
    expect(state()).toMatchObject({ lowBattery: true });
    expect(say({ batteryLow: true })).toEqual([]);
    expect(say({ batteryLow: false })).toMatchObject([{ batteryLow: false }]);
    expect(state()).toMatchObject({ lowBattery: false });
  });

  it('is told of that sign as it comes: in a frame of BTHome, in a message of a thermostat', () => {
    const pipeline = shop();
    // bthome.io/format: `1501` is its example for a battery that is low; the packet id makes each frame another.
    const frame = (objects: string, at: number) =>
      advertisement('r-shoes', OPEN_BUTTON, bthomeFrame(`40${objects}`), at);
    const [low, again, well] = ['00011501', '00021501', '00031500'].map((objects, n) =>
      run(pipeline, [frame(objects, TEN + 10 * n * SECOND)]).flatMap(({ events }) => events),
    );
    expect(low).toMatchObject([
      { name: 'device.health', class: 'C', data: { deviceId: 'button-2', batteryLow: true } },
    ]);
    expect(again).toEqual([]);
    expect(well).toMatchObject([{ data: { deviceId: 'button-2', batteryLow: false } }]);

    const status = { setpointC: 20, batteryLow: true };
    const told = run(pipeline, [message('radiator-1', 'thermostat', status, TEN + 30 * SECOND)]);
    expect(told.flatMap(({ events }) => events)).toMatchObject([
      { name: 'thermostat.changed' },
      { name: 'device.health', data: { deviceId: 'radiator-1', batteryLow: true } },
    ]);
    expect(pipeline.deviceStates().get('radiator-1')).toMatchObject({ lowBattery: true });
  });

  it('says at each telling that the battery is low, as an earlier one may have been shed', () => {
    const { say } = health();
    expect(say({ state: 'online' })[0]).not.toHaveProperty('batteryLow');
    say({ batteryLow: true });
    expect(say({ state: 'offline' })).toMatchObject([{ state: 'offline', batteryLow: true }]);
  });

  it('is low by its charge or by its own sign, and neither takes back what the other says', () => {
    const { say } = health();
    expect(say({ batteryPct: 60, batteryLow: true })).toMatchObject([{ battery: 60, batteryLow: true }]);
    expect(say({ batteryPct: 80 })).toEqual([]);
    expect(say({ batteryPct: 15 })).toEqual([]);
    expect(say({ batteryLow: false })).toEqual([]);
    expect(say({ batteryPct: 90, batteryLow: false })).toMatchObject([{ battery: 90, batteryLow: false }]);
  });

  it('a charge that wavers about the mark is told once', () => {
    const { say } = health();
    const told = [21, 19, 20, 19, 21, 24, 18, 25, 24, 20].flatMap((batteryPct) => say({ batteryPct }));
    expect(told).toMatchObject([
      { battery: 19, batteryLow: true },
      { battery: 25, batteryLow: false },
    ]);
  });

  it('of a bad contact, that is low and well with each frame, is told twice an hour at most, and low between', () => {
    const { say, state } = health();
    const told = Array.from({ length: 3 * 3_600 }, (_, s) =>
      say({ batteryLow: s % 2 === 0 }, TEN + s * SECOND).map(({ batteryLow }) => ({ s, batteryLow })),
    ).flat();
    expect(told).toEqual([
      { s: 0, batteryLow: true },
      { s: 1, batteryLow: false },
      { s: 2, batteryLow: true },
      { s: 3_601, batteryLow: false },
      { s: 3_602, batteryLow: true },
      { s: 7_201, batteryLow: false },
      { s: 7_202, batteryLow: true },
    ]);
    expect(state()).toMatchObject({ lowBattery: true });
  });

  it('is bounded so over a restart, and not by a clock that was set back', () => {
    const before = health();
    for (const [n, batteryLow] of [true, false, true].entries()) before.say({ batteryLow }, TEN + n * SECOND);
    const stored = storedAfter(before.outcomes);
    expect(health(stored).say({ batteryLow: false }, TEN + MINUTE)).toEqual([]);
    expect(health(stored).say({ batteryLow: false }, TEN - HOUR)).toMatchObject([{ batteryLow: false }]);
  });

  it('is as the frame says that was heard last, not as one that a receiver delivers after it', () => {
    const { say, state } = health();
    say({ batteryPct: 4, batteryLow: true }, TEN);
    expect(say({ batteryPct: 100, batteryLow: false }, TEN + 2 * MINUTE)).toHaveLength(1);
    expect(say({ batteryPct: 4, batteryLow: true }, TEN + MINUTE)).toEqual([]);
    expect(state()).toMatchObject({ lowBattery: false });
    // No frame is as late as that: the clock was set back.
    expect(say({ batteryPct: 4 }, TEN - HOUR)).toHaveLength(1);
  });

  it('whatever a device says by charge and sign, low and well are told by turns, and the last word is right', () => {
    const said = fc.record(
      { batteryPct: fc.integer({ min: 0, max: 100 }), batteryLow: fc.boolean() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(said, { maxLength: 40 }), (all) => {
        const { say, state } = health();
        const told = all.flatMap((one, n) => say(one, TEN + n * HOUR)).map(({ batteryLow }) => batteryLow);
        expect(told).toEqual(told.map((_, at) => at % 2 === 0));
        const charge = all.findLast(({ batteryPct }) => batteryPct !== undefined)?.batteryPct ?? 100;
        const sign = all.findLast(({ batteryLow }) => batteryLow !== undefined)?.batteryLow ?? false;
        if (sign || charge < 20) expect(state()?.lowBattery).toBe(true);
        if (!sign && charge >= 25) expect(state()?.lowBattery ?? false).toBe(false);
      }),
    );
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

  it('knows over a restart why the battery is low, a reason that made no event included', () => {
    const before = health();
    before.say({ batteryPct: 5 });
    expect(before.say({ batteryLow: true })).toEqual([]);
    const { say } = health(storedAfter(before.outcomes));
    expect([...say({ batteryPct: 100 }), ...say({ batteryLow: true })]).toEqual([]);
    expect(say({ batteryLow: false })).toMatchObject([{ batteryLow: false }]);
  });

  it('of a store from before there were signs, low is low by its charge', () => {
    const { say } = health(rows({ state: 'online', lowBattery: true }));
    expect([...say({ batteryPct: 22 }), ...say({ batteryLow: false })]).toEqual([]);
    expect(say({ batteryPct: 100 })).toMatchObject([{ battery: 100, batteryLow: false }]);
  });
});
