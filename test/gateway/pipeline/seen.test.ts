import { describe, expect, it } from 'vitest';
import { nothingStored, type StoredState } from '../../../gateway/pipeline/outcome.ts';
import { createSeen } from '../../../gateway/pipeline/seen.ts';
import { collector, HOUR, MINUTE, storedAfter, TEN } from './shop.ts';

const number = (seq: number, boot = 'b1', device = 'shelf-1') => ({ device, boot, seq });
const counter = (value: number) => ({ kind: 'counter' as const, value });

describe('message numbers', () => {
  it('the last 64 of a device and boot are known, and no older', () => {
    const seen = createSeen(nothingStored);
    for (let seq = 1; seq <= 65; seq++) seen.rememberMessage(number(seq), TEN);
    expect(seen.hasMessage(number(65))).toBe(true);
    expect(seen.hasMessage(number(2))).toBe(true);
    expect(seen.hasMessage(number(1))).toBe(false);
    expect(seen.hasMessage(number(66))).toBe(false);
  });

  it('another boot or another device counts for itself', () => {
    const seen = createSeen(nothingStored);
    seen.rememberMessage(number(1), TEN);
    expect(seen.hasMessage(number(1, 'b2'))).toBe(false);
    expect(seen.hasMessage(number(1, 'b1', 'shelf-2'))).toBe(false);
  });

  it('R1: what an app calls its session is on disk as a hash: it may be a name', () => {
    const seen = createSeen(nothingStored, (device) => device === 'app');
    const { emit, outcome } = collector();
    for (const device of ['app', 'button-1']) {
      const number = { device, boot: 'annsPhone', seq: 1 };
      seen.rememberMessage(number, TEN);
      seen.keepMessage(number, emit);
      expect(seen.hasMessage(number)).toBe(true);
    }
    const [app, button] = outcome.changes.map(({ key }) => key);
    expect([app?.includes('annsPhone'), button]).toEqual([false, 'button-1/annsPhone']);
    const again = createSeen(storedAfter([outcome]), (device) => device === 'app');
    expect(again.hasMessage({ device: 'app', boot: 'annsPhone', seq: 1 })).toBe(true);
  });

  it('asking does not remember', () => {
    const seen = createSeen(nothingStored);
    expect(seen.hasMessage(number(1))).toBe(false);
    expect(seen.hasMessage(number(1))).toBe(false);
  });

  it('are known after a restart, as far as they were kept', () => {
    const { emit, outcome } = collector();
    const seen = createSeen(nothingStored);
    seen.rememberMessage(number(1), TEN);
    seen.keepMessage(number(1), emit);
    seen.rememberMessage(number(2), TEN);
    const again = createSeen(storedAfter([outcome]));
    expect([1, 2].map((seq) => again.hasMessage(number(seq)))).toEqual([true, false]);
  });

  describe('of people’s apps', () => {
    const isShared = () => true;

    it('are forgotten with a session silent for a day, on disk too, but only where they are on disk', () => {
      const seen = createSeen(nothingStored, isShared);
      const { emit, outcome: kept } = collector();
      seen.rememberMessage(number(1, 'kept'), TEN);
      seen.keepMessage(number(1, 'kept'), emit);
      seen.rememberMessage(number(1, 'passing'), TEN);
      seen.rememberMessage(number(1, 'later'), TEN + 1);
      const { emit: forget, outcome } = collector();
      seen.forget(TEN + 24 * HOUR + 1, forget);
      expect(outcome.changes).toEqual([{ kind: 'seen', key: kept.changes[0]?.key, value: null }]);
      expect(seen.hasMessage(number(1, 'passing'))).toBe(false);
      expect(seen.hasMessage(number(1, 'later'))).toBe(true);
    });

    it('are bounded: of 20,001 sessions the longest silent goes', () => {
      const seen = createSeen(nothingStored, isShared);
      for (let n = 0; n <= 20_000; n++) seen.rememberMessage(number(1, `b${n}`), TEN);
      seen.rememberMessage(number(2, 'b0'), TEN);
      seen.forget(TEN, collector().emit);
      expect([0, 1, 2].map((n) => seen.hasMessage(number(1, `b${n}`)))).toEqual([true, false, true]);
    });

    it('restored, are forgotten by age, in whatever order the disk had them', () => {
      const rows: Record<string, { seqs: number[]; at: number }> = {
        'app/a-young': { seqs: [1], at: TEN },
        'app/b-old': { seqs: [1], at: TEN - 23 * HOUR },
      };
      const stored: StoredState = { get: (kind) => new Map(kind === 'seen' ? Object.entries(rows) : []) };
      const { emit, outcome } = collector();
      createSeen(stored, isShared).forget(TEN + 2 * HOUR, emit);
      expect(outcome.changes.map(({ key }) => key)).toEqual(['app/b-old']);
    });
  });

  it('P2, F16: of other devices are known after a closed weekend, and whatever the clock did', () => {
    const { emit, outcome } = collector();
    const seen = createSeen(nothingStored);
    seen.rememberMessage(number(1), TEN);
    seen.keepMessage(number(1), emit);
    const again = createSeen(storedAfter([outcome]));
    again.forget(TEN + 40_000 * 24 * HOUR, collector().emit);
    expect(again.hasMessage(number(1))).toBe(true);
  });

  it('of other devices are bounded: the last four sessions of each, on disk too', () => {
    const seen = createSeen(nothingStored);
    const { emit } = collector();
    for (const boot of ['b1', 'b2', 'b3', 'b4', 'b5']) {
      seen.rememberMessage(number(1, boot), TEN);
      seen.keepMessage(number(1, boot), emit);
    }
    seen.rememberMessage(number(1, 'b1', 'shelf-2'), TEN);
    seen.rememberMessage(number(2, 'b1'), TEN);
    const { emit: forget, outcome } = collector();
    seen.forget(TEN, forget);
    expect(outcome.changes).toEqual([{ kind: 'seen', key: 'shelf-1/b2', value: null }]);
    expect(['b1', 'b2', 'b3'].map((boot) => seen.hasMessage(number(1, boot)))).toEqual([true, false, true]);
    expect(seen.hasMessage(number(1, 'b1', 'shelf-2'))).toBe(true);
  });
});

describe('counters of encrypted frames', () => {
  it('count once, and a lower one heard later is a replay', () => {
    const seen = createSeen(nothingStored);
    const take = (value: number, at: number) => seen.takeFrame('button', counter(value), at);
    expect(take(5, TEN)).toBe(true);
    expect(take(5, TEN + HOUR)).toBe(false);
    expect(take(6, TEN + HOUR)).toBe(true);
    expect(take(4, TEN + HOUR)).toBe(false);
    expect(take(4, TEN + 2 * HOUR)).toBe(false);
  });

  it('one that a receiver delivers late was heard before the higher ones: it counts, once', () => {
    const seen = createSeen(nothingStored);
    const take = (value: number, at: number) => seen.takeFrame('button', counter(value), at);
    expect(take(10, TEN)).toBe(true);
    expect(take(12, TEN + 2 * MINUTE)).toBe(true);
    expect(take(11, TEN + MINUTE)).toBe(true);
    expect(take(11, TEN + MINUTE)).toBe(false);
    expect(take(9, TEN + MINUTE)).toBe(false);
  });

  it('below all that are remembered is refused, whenever it claims to have been heard', () => {
    const seen = createSeen(nothingStored);
    for (let value = 1; value <= 70; value++) seen.takeFrame('button', counter(value), TEN + value);
    expect(seen.takeFrame('button', counter(1), TEN - MINUTE)).toBe(false);
  });

  it('are remembered over a restart', () => {
    const { emit, outcome } = collector();
    const seen = createSeen(nothingStored);
    seen.takeFrame('button', counter(5), TEN);
    seen.keepFrames('button', emit);
    const again = createSeen(storedAfter([outcome]));
    expect(again.takeFrame('button', counter(5), TEN + MINUTE)).toBe(false);
    expect(again.takeFrame('button', counter(6), TEN + MINUTE)).toBe(true);
  });

  it('do not mix with the packet ids from before the device had a key', () => {
    const seen = createSeen(nothingStored);
    expect(seen.takeFrame('button', { kind: 'packet-id', value: 200 }, TEN)).toBe(true);
    expect(seen.takeFrame('button', counter(3), TEN + 1)).toBe(true);
  });
});

describe('frames without a counter', () => {
  it('of equal bytes are one transmission for four seconds', () => {
    const seen = createSeen(nothingStored);
    const take = (at: number) => seen.takeFrame('sensor', { kind: 'bytes', value: '4002ca09' }, at);
    expect([take(TEN), take(TEN + 3_999), take(TEN - 3_999), take(TEN + 4_000)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});
