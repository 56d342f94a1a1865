import { expect, it } from 'vitest';
import type { Radio } from '../../../gateway/radio/driver.ts';
import { keepOpen } from '../../../gateway/radio/keep-open.ts';
import type { RadioState } from '../../../gateway/radio/radio-state.ts';
import { until } from '../../support/until.ts';

/** A driver that says the states of its n-th opening one after the other, and those of the last from then on. */
function kept(onTestFinished: (end: () => void) => void, ...openings: RadioState[][]) {
  const told: RadioState[] = [];
  const lines: string[] = [];
  const write = (text: string) => void lines.push(text);
  let opened = 0;
  let open = 0;
  let say: (state: RadioState) => void = () => {};
  const radio = keepOpen({
    name: 'hci0',
    log: { info: write, warn: write, error: write },
    reopenMs: 20,
    startingMs: 300,
    onState: (state) => told.push(state),
    open(onState): Radio {
      opened += 1;
      open += 1;
      say = onState;
      const [first, ...later] = openings[Math.min(opened, openings.length) - 1] ?? [];
      if (first) onState(first);
      const timers = later.map((state, i) => setTimeout(onState, 10 * (i + 1), state));
      return {
        close() {
          open -= 1;
          timers.forEach(clearTimeout);
        },
      };
    },
  });
  onTestFinished(() => radio.close());
  return {
    radio,
    told,
    lines,
    opened: () => opened,
    open: () => open,
    say: (state: RadioState) => say(state),
  };
}

const STARTING = { kind: 'starting' } as const;
const GONE = { kind: 'failed', why: 'there is no adapter hci0' } as const;

it('a radio that failed is opened again, one at a time, and told of once', async ({ onTestFinished }) => {
  const { told, lines, opened, open } = kept(onTestFinished, [STARTING, GONE]);
  await until(() => opened() > 5, 'several attempts');
  expect(open()).toBe(1);
  expect(told).toEqual([STARTING, GONE]);
  expect(lines).toEqual(['there is no adapter hci0']);
});

it('a radio that is off is opened again; one that works is left alone', async ({ onTestFinished }) => {
  const { told, opened, lines } = kept(
    onTestFinished,
    [STARTING, { kind: 'off' }],
    [STARTING, { kind: 'scanning' }],
  );
  await until(() => told.length === 3, 'the scan');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(opened()).toBe(2);
  expect(told.map(({ kind }) => kind)).toEqual(['starting', 'off', 'scanning']);
  expect(lines).toEqual([
    'hci0 is powered off: `bluetoothctl power on`, or `rfkill unblock bluetooth`',
    'hci0 hears advertisements',
  ]);
});

it('a start that takes its time is told of after a failure', async ({ onTestFinished }) => {
  const { told } = kept(onTestFinished, [STARTING, GONE], [STARTING]);
  await until(() => told.length === 3, 'the start to be told');
  expect(told).toEqual([STARTING, GONE, STARTING]);
});

it('nothing is opened or told once it is closed', async ({ onTestFinished }) => {
  const { radio, told, opened, open, say } = kept(onTestFinished, [STARTING]);
  radio.close();
  expect(open()).toBe(0);
  say({ kind: 'silent' });
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect([opened(), told.length]).toEqual([1, 1]);
});
