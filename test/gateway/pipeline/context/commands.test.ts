import { describe, expect, it } from 'vitest';
import { createCommands } from '../../../../gateway/pipeline/context/commands.ts';
import { createThermostats } from '../../../../gateway/pipeline/context/thermostats.ts';
import { nothingStored, type Outcome, type StoredState } from '../../../../gateway/pipeline/outcome.ts';
import type { CentralCommand } from '../../../../gateway/pipeline/signal.ts';
import {
  collector,
  deviceOf,
  devicesOf,
  HOUR,
  MINUTE,
  SECOND,
  shopConfig,
  storedAfter,
  TEN,
} from '../shop.ts';

function commandsOf(stored: StoredState = nothingStored) {
  const devices = new Map(devicesOf(shopConfig()).map((device) => [device.id, device]));
  const thermostats = createThermostats(stored);
  const erase = () => {};
  const parts = { thermostats, erase };
  const commands = createCommands({ storeId: 's1', gateway: 'g1' }, devices, parts, stored);
  const outcomes: Outcome[] = [];
  function collect<T>(act: (emit: ReturnType<typeof collector>['emit']) => T): Outcome & { returned: T } {
    const { emit, outcome } = collector();
    const returned = act(emit);
    outcomes.push(outcome);
    return { ...outcome, returned };
  }
  return {
    outcomes,
    waitingFor: commands.waitingFor,
    order: (more: Partial<CentralCommand> = {}, at = TEN) =>
      collect((emit) => commands.order(setpoint(more), at, emit)),
    reply: (
      said: { id?: string; ok?: boolean; error?: string; command?: string } = {},
      from = 'radiator-1',
      at = TEN + SECOND,
    ) =>
      collect((emit) =>
        commands.replied(deviceOf(from), { command: 'setpoint', id: 'x1', ok: true, ...said }, at, emit),
      ),
    report: (setpointC: number) =>
      collect((emit) => thermostats.said(deviceOf('radiator-1'), { setpointC }, TEN, emit)),
    tick: (at: number) => collect((emit) => commands.tick(at, emit)),
  };
}

const setpoint = (more: Partial<CentralCommand>): CentralCommand => ({
  id: 'x1',
  storeId: 's1',
  gateway: 'g1',
  action: 'setpoint',
  args: { device: 'radiator-1', setpointC: 18 },
  issuedAt: TEN,
  expiresAt: TEN + MINUTE,
  ...more,
});

const completed = ({ events }: Outcome) => events.map(({ data }) => [data.ok, data.error]);

describe('a command', () => {
  it('goes to its device, and is completed once, by the device’s reply', () => {
    const { order, reply } = commandsOf();
    const ordered = order();
    expect(ordered.returned).toBeUndefined();
    expect(ordered.commands).toEqual([
      {
        device: 'radiator-1',
        command: 'setpoint',
        payload: { setpointC: 18, id: 'x1', expiresAt: '2026-03-02T10:01:00.000Z' },
      },
    ]);
    expect([ordered.events, ordered.changes.map(({ key }) => key)]).toEqual([[], ['x1']]);
    expect(reply().events).toEqual([
      {
        name: 'command.completed',
        class: 'B',
        time: TEN + SECOND,
        data: { storeId: 's1', id: 'x1', action: 'setpoint', device: 'radiator-1', ok: true, by: 'central' },
      },
    ]);
    expect(reply().events).toEqual([]);
  });

  it('that the device refuses is completed with the device’s reason', () => {
    const { order, reply } = commandsOf();
    order();
    expect(completed(reply({ ok: false, error: 'valve stuck' }))).toEqual([[false, 'valve stuck']]);
  });

  it.each([
    ['another device', {}, 'climate-1'],
    ['another command', { command: 'display' }, 'radiator-1'],
    ['another id', { id: 'x2' }, 'radiator-1'],
  ])('is not completed by a reply of %s', (_, said, from) => {
    const { order, reply } = commandsOf();
    order();
    expect(reply(said, from).events).toEqual([]);
  });

  it('without a reply is completed as expired, once, and a late reply is too late', () => {
    const { order, reply, tick } = commandsOf();
    order();
    expect(tick(TEN + MINUTE - 1).events).toEqual([]);
    expect(completed(tick(TEN + MINUTE))).toEqual([[false, 'expired']]);
    expect(tick(TEN + 2 * MINUTE).events).toEqual([]);
    expect(reply({}, 'radiator-1', TEN + 2 * MINUTE).events).toEqual([]);
  });

  it.each([
    ['expired on arrival', { expiresAt: TEN }, 'expired'],
    ['out of range', { args: { device: 'radiator-1', setpointC: 90 } }, /^setpointC: /],
    ['without its argument', { args: { device: 'radiator-1' } }, /^setpointC: /],
    ['for an unknown device', { args: { device: 'radiator-9', setpointC: 18 } }, 'unknown device'],
    ['for a device that is a number', { args: { device: 7, setpointC: 18 } }, 'unknown device'],
    ['that the device does not have', { action: 'display' }, 'thermostat has no command display'],
    ['that is a name of JavaScript', { action: 'constructor' }, 'thermostat has no command constructor'],
    ['that nobody knows', { action: 'dance', args: {} }, 'action dance is not available'],
    ['to erase nobody', { action: 'erase', args: {} }, 'subjectRef: expected'],
  ])('%s is completed with the reason and goes nowhere', (_, more, reason) => {
    const { order } = commandsOf();
    const ordered = order(more);
    expect([ordered.commands, ordered.returned]).toEqual([[], undefined]);
    expect(completed(ordered)).toEqual([[false, expect.stringMatching(reason)]]);
  });

  it('that is refused says nothing of what it was given', () => {
    const { order } = commandsOf();
    expect(JSON.stringify(order({ action: 'erase', args: { subjectRef: 'p1' } }))).not.toContain('p1');
  });

  it.each([{ storeId: 's2' }, { gateway: 'g2' }])(
    'for somebody else (%o) is refused without a word',
    (more) => {
      const { order } = commandsOf();
      const ordered = order(more);
      expect(ordered.returned).toContain('is for gateway');
      expect([ordered.events, ordered.commands, ordered.changes]).toEqual([[], [], []]);
    },
  );

  it('that was here before is refused: waiting, completed, expired and after a restart', () => {
    const { order, reply, tick, outcomes } = commandsOf();
    const isRefused = (made: ReturnType<typeof order>) =>
      made.returned?.includes('taken before') === true && made.commands.length + made.events.length === 0;
    order();
    expect(isRefused(order())).toBe(true);
    reply();
    expect(isRefused(order())).toBe(true);
    tick(TEN + 2 * MINUTE);
    expect(isRefused(order({}, TEN + 2 * MINUTE))).toBe(true);
    const restarted = commandsOf(storedAfter(outcomes));
    expect(isRefused(restarted.order({}, TEN + 2 * MINUTE))).toBe(true);
  });

  it('F16: is remembered with the last 256 of them, whatever the clock was for a moment', () => {
    const { order, tick } = commandsOf();
    order();
    tick(TEN + 400 * 24 * HOUR);
    expect(order().returned).toBe('command x1 was taken before');
  });

  it('beyond those is forgotten a day after its time is up, and refused by its date from then on', () => {
    const { order, tick } = commandsOf();
    for (let n = 1; n <= 257; n++) order({ id: `x${n}` });
    tick(TEN + MINUTE);
    const forgotten = tick(TEN + MINUTE + 24 * HOUR);
    expect(forgotten.changes).toEqual([{ kind: 'command', key: 'x1', value: null }]);
    const late = order({}, TEN + MINUTE + 24 * HOUR);
    expect([late.returned, late.events]).toEqual(['command x1 expired over a day ago', []]);
  });

  it('takes only the arguments that the device knows, and never its own id or time from them', () => {
    const { order } = commandsOf();
    const args = { device: 'radiator-1', setpointC: 18, id: 'y', expiresAt: 'never', boost: true };
    expect(order({ args }).commands[0]?.payload).toEqual({
      setpointC: 18,
      id: 'x1',
      expiresAt: '2026-03-02T10:01:00.000Z',
    });
  });

  it('waits for a device that was away, until it is answered or its time is up', () => {
    const { order, reply, waitingFor, outcomes } = commandsOf();
    const { commands } = order();
    expect(waitingFor('radiator-1', TEN)).toEqual(commands);
    expect(waitingFor('climate-1', TEN)).toEqual([]);
    expect(commandsOf(storedAfter(outcomes)).waitingFor('radiator-1', TEN)).toEqual(commands);
    expect(waitingFor('radiator-1', TEN + MINUTE)).toEqual([]);
    reply();
    expect(waitingFor('radiator-1', TEN)).toEqual([]);
  });
});

describe('a setpoint that was ordered', () => {
  const changedBy = ({ events }: Outcome) => events.map(({ data }) => data.changedBy);

  it('is changed by the centre, whether the device reports it before its reply or after', () => {
    const one = commandsOf();
    one.order();
    expect(changedBy(one.report(18))).toEqual(['central']);
    one.reply();
    const other = commandsOf();
    other.order();
    other.reply();
    expect(changedBy(other.report(18))).toEqual(['central']);
  });

  it('still is after a restart in between', () => {
    const { order, outcomes } = commandsOf();
    order();
    expect(changedBy(commandsOf(storedAfter(outcomes)).report(18))).toEqual(['central']);
  });

  it('and refused or expired, is the device’s own doing', () => {
    const one = commandsOf();
    one.order();
    one.reply({ ok: false });
    expect(changedBy(one.report(18))).toEqual(['device']);
    const other = commandsOf();
    other.order();
    other.tick(TEN + MINUTE);
    expect(changedBy(other.report(18))).toEqual(['device']);
  });
});
