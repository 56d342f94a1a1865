import { expect, it } from 'vitest';
import { createPace } from '../../../gateway/forward/pace.ts';
import { backOff, createRest } from '../../../gateway/forward/waits.ts';
import { systemTimers, type Timers } from '../../../gateway/timers.ts';

const never = new AbortController().signal;

/** Time that passes where a test says so. */
function handTimers(): { timers: Timers; pass: (ms: number) => void } {
  let now = 0;
  const waiting = new Set<{ due: number; work: () => void }>();
  return {
    timers: {
      monotonic: () => now,
      after(ms, work) {
        const one = { due: now + ms, work };
        waiting.add(one);
        return () => void waiting.delete(one);
      },
    },
    pass(ms) {
      now += ms;
      for (const one of [...waiting]) if (one.due <= now && waiting.delete(one)) one.work();
    },
  };
}

it('P12: a wait is anything between nothing and a bound that doubles up to a minute', () => {
  const longest = Array.from({ length: 12 }, (_, i) => backOff(i + 1, () => 1));
  expect(longest.slice(0, 4)).toEqual([250, 500, 1_000, 2_000]);
  expect(longest.at(-1)).toBe(60_000);
  expect(backOff(9, () => 0)).toBe(20);
});

it('a rest ends when it is woken, and the next one does not know', async () => {
  const rest = createRest(systemTimers, never);
  rest.wake();
  const first = rest.sleep(60_000);
  rest.wake();
  await first;
  const startedAt = performance.now();
  await rest.sleep(30);
  expect(performance.now() - startedAt).toBeGreaterThan(28);
});

it('P12: a backlog keeps to its rate', async () => {
  const { timers } = handTimers();
  const pace = createPace(timers, 1_000);
  const slept: number[] = [];
  const rest = { sleep: async (ms = 0) => void slept.push(ms), wake: () => {} };
  pace.went(5);
  await pace.wait(rest);
  expect(slept).toEqual([]);
  pace.went(100);
  await pace.wait(rest);
  expect(slept).toEqual([105]);
});

it('P11: a backlog waits as long as the process was late for its devices', async () => {
  const { timers, pass } = handTimers();
  const pace = createPace(timers);
  const slept: number[] = [];
  const rest = { sleep: async (ms = 0) => void slept.push(ms), wake: () => {} };
  pace.went(1);
  pass(15);
  await pace.wait(rest);
  pace.went(1);
  pass(61);
  await pace.wait(rest);
  await pace.wait(rest);
  expect(slept).toEqual([60]);
});
