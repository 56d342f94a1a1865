import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clockTrust, createClock } from '../../gateway/clock.ts';

/** 2026-03-01T10:00:00Z, ms. */
const TEN = Date.UTC(2026, 2, 1, 10);

/** A wall clock and a monotonic one that the test moves: both, or by a correction the wall clock alone. */
function clocks() {
  let wall = TEN;
  let monotonic = 5_000.25;
  const now = createClock(
    () => wall,
    () => monotonic,
  );
  return {
    now,
    pass(ms: number) {
      wall += ms;
      monotonic += ms;
      return now() - TEN;
    },
    correct(ms: number) {
      wall += ms;
      return now() - TEN;
    },
  };
}

describe('the gateway’s clock', () => {
  it('begins with the wall clock and goes with the monotonic one', () => {
    const { now, pass } = clocks();
    expect(now()).toBe(TEN);
    expect(pass(1_500)).toBe(1_500);
    expect(pass(0.9)).toBe(1_500);
    expect(pass(0.2)).toBe(1_501);
  });

  it('follows a forward correction over a second at once', () => {
    const { pass, correct } = clocks();
    expect(correct(1_001)).toBe(1_001);
    expect(pass(10)).toBe(1_011);
    expect(correct(86_400_000)).toBe(86_401_011);
  });

  it('does not follow a correction of up to a second either way', () => {
    const { pass, correct } = clocks();
    expect(correct(1_000)).toBe(0);
    expect(correct(-2_000)).toBe(0);
    expect(pass(100)).toBe(100);
  });

  it('P13: waits a backward correction out at half its speed, until the wall clock has come up to it', () => {
    const { pass, correct } = clocks();
    expect(pass(10_000)).toBe(10_000);
    expect(correct(-5_000)).toBe(10_000);
    expect(pass(4_000)).toBe(12_000);
    expect(pass(6_000)).toBe(15_000);
    expect(pass(500)).toBe(15_500);
  });

  it('goes on at once when a backward correction is taken back', () => {
    const { pass, correct } = clocks();
    pass(10_000);
    expect(correct(-3_600_000)).toBe(10_000);
    expect(pass(1_000)).toBe(10_500);
    expect(correct(3_600_000)).toBe(11_000);
  });

  it('wakes from sleep, in which the monotonic clock stood still', () => {
    const { pass, correct } = clocks();
    pass(1_000);
    expect(correct(28_800_000)).toBe(28_801_000);
  });

  it('never goes back, and never stays over a second behind the wall clock', () => {
    const step = fc.record({ pass: fc.nat(5_000), correct: fc.integer({ min: -10_000, max: 10_000 }) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let wall = TEN;
        let monotonic = 0;
        const now = createClock(
          () => wall,
          () => monotonic,
        );
        let last = now();
        for (const { pass, correct } of steps) {
          wall += pass + correct;
          monotonic += pass;
          const at = now();
          // P13: nor does it stand still, so that no timer hangs.
          expect(at).toBeGreaterThanOrEqual(last + Math.floor(pass / 2));
          expect(at).toBeGreaterThanOrEqual(wall - 1_000);
          expect(Number.isInteger(at)).toBe(true);
          last = at;
        }
      }),
    );
  });
});

describe('trust in the clock', () => {
  it('by the platform needs to have heard it, and to agree within a minute', () => {
    const trust = clockTrust('uplink', () => TEN);
    expect(trust.synchronised()).toBe(false);
    trust.heard(TEN - 60_000);
    expect(trust.synchronised()).toBe(true);
    trust.heard(TEN + 60_001);
    expect(trust.synchronised()).toBe(false);
  });

  it('P13: by the platform ends with a correction of the clock, until it agrees again', () => {
    let corrected = 0;
    let passed = 0;
    const trust = clockTrust(
      'uplink',
      () => TEN + corrected + passed,
      () => passed,
    );
    trust.heard(TEN);
    passed += 3_600_000;
    expect(trust.synchronised()).toBe(true);
    corrected = 86_400_000;
    expect(trust.synchronised()).toBe(false);
    corrected = 0;
    expect(trust.synchronised()).toBe(true);
    corrected = 86_400_000;
    trust.heard(TEN + passed + corrected);
    expect(trust.synchronised()).toBe(true);
  });

  it('is given where the configuration gives it', () => {
    const trust = clockTrust('trusted', () => TEN);
    trust.heard(0);
    expect(trust.synchronised()).toBe(true);
  });
});
