import { expect, it } from 'vitest';
import type { BluezSignal, BusSession, Properties } from '../../../gateway/radio/bluez/bus.ts';
import { BusError } from '../../../gateway/radio/bluez/bus.ts';
import { scanBy } from '../../../gateway/radio/bluez/scan.ts';
import type { RadioState } from '../../../gateway/radio/radio-state.ts';
import { until } from '../../support/until.ts';

const PATH = '/org/bluez/hci0';
const ADAPTER = 'org.bluez.Adapter1';
const TIMES = { startMs: 1_000, powerOffMs: 1, restartMs: 1, retryMs: 60_000 };

/** A session whose calls are answered when the test says so. */
function scanned() {
  const calls: { member: string; answer(): void; refuse(type: string): void }[] = [];
  const states: RadioState['kind'][] = [];
  let tell: (signal: BluezSignal) => void = () => {};
  const session: Partial<BusSession> = {
    isOver: () => false,
    scanned: new Set(),
    variant: (_, value) => value,
    objects: async () => ({ [PATH]: { [ADAPTER]: { Powered: true } } }),
    onSignal(listener) {
      tell = listener;
      return () => {};
    },
    call: ({ member }) =>
      new Promise((resolve, reject) => {
        const refuse = (type: string) => reject(new BusError(type, member));
        calls.push({ member, answer: () => resolve([]), refuse });
      }),
  };
  const events = { say: ({ kind }: RadioState) => void states.push(kind), heard() {} };
  const scan = scanBy(session as BusSession, 'hci0', events, TIMES);
  const say = (changed: Properties) =>
    tell({ kind: 'changed', path: PATH, interface: ADAPTER, changed, invalidated: [] });
  const members = () => calls.map(({ member }) => member);
  return { scan, session, calls, members, states, say, tell: (signal: BluezSignal) => tell(signal) };
}

it('scans though the adapter went off and on again while it refused for being off', async ({
  onTestFinished,
}) => {
  const { scan, calls, members, states, say } = scanned();
  onTestFinished(() => scan.end());
  await until(() => calls.length === 1, 'the filter');
  say({ Powered: false, Discovering: false });
  say({ Powered: true });
  calls[0]?.refuse('org.bluez.Error.NotReady');
  await until(() => calls.length === 2, 'the next attempt');
  calls[1]?.answer();
  await until(() => calls.length === 3, 'the scan');
  expect(members()).toEqual(['SetDiscoveryFilter', 'SetDiscoveryFilter', 'StartDiscovery']);
  expect(states).not.toContain('off');
});

it('scans though the adapter was pulled and plugged in again while a call was under way', async ({
  onTestFinished,
}) => {
  const { scan, calls, states, tell } = scanned();
  onTestFinished(() => scan.end());
  await until(() => calls.length === 1, 'the filter');
  tell({ kind: 'removed', path: PATH, interfaces: [ADAPTER] });
  tell({ kind: 'added', path: PATH, interfaces: { [ADAPTER]: { Powered: true, Discovering: false } } });
  calls[0]?.refuse('org.freedesktop.DBus.Error.UnknownObject');
  await until(() => calls.length === 2, 'the next attempt');
  expect(states).not.toContain('failed');
});

it('is off where it refuses for being off and says nothing else', async ({ onTestFinished }) => {
  const { scan, calls, states } = scanned();
  onTestFinished(() => scan.end());
  await until(() => calls.length === 1, 'the filter');
  calls[0]?.refuse('org.bluez.Error.NotReady');
  await until(() => states.includes('off'), 'it to be told');
  expect(calls).toHaveLength(1);
});

it('asks nothing more of an adapter that it has left: its name may be another one’s by now', async () => {
  const { scan, calls, members } = scanned();
  await until(() => calls.length === 1, 'the filter');
  scan.end('gone');
  calls[0]?.answer();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(members()).toEqual(['SetDiscoveryFilter']);
});

it('gives an adapter back that is there, and says for so long that it is scanned', async () => {
  const { scan, calls, members, session } = scanned();
  await until(() => calls.length === 1, 'the filter');
  expect(session.scanned).toContain(PATH);
  scan.end();
  calls[0]?.answer();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(members()).toEqual(['SetDiscoveryFilter', 'StopDiscovery']);
  expect(session.scanned?.size).toBe(0);
});
