import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BusSession, openBus } from '../../../gateway/radio/bluez/bus.ts';
import { MATCH_RULES } from '../../../gateway/radio/bluez/signals.ts';
import { openBluez } from '../../../gateway/radio/bluez.ts';
import { hasDbus, type MockBluez, startMockBluez } from '../../support/mock-bluez.ts';
import { until } from '../../support/until.ts';
import { eventually } from './radio-suite.ts';

const log = { info() {}, warn() {}, error() {} };
const PING = { path: '/', interface: 'org.freedesktop.DBus.ObjectManager', member: 'GetManagedObjects' };

let bluez: MockBluez;

type Finish = (end: () => void | Promise<void>) => void;

async function connected(onTestFinished: Finish) {
  const bus = openBus({ log, address: bluez.bus, retryMs: 50, deadlineMs: 200 });
  onTestFinished(() => bus.close());
  const sessions: BusSession[] = [];
  const none: (string | undefined)[] = [];
  bus.follow({ onSession: (opened) => sessions.push(opened), onNone: (why) => none.push(why) });
  await until(() => sessions.length === 1, 'a session');
  return { bus, sessions, none, session: sessions[0] as BusSession };
}

const rulesOf = async (session: BusSession) => {
  const name = (session.bluetooth as unknown as { dbus: { name: string } }).dbus.name;
  return (await bluez.counts()).matchRules[name];
};

describe.skipIf(!hasDbus)('the connection to D-Bus', () => {
  beforeAll(async () => {
    bluez = await startMockBluez({ temporaryMs: 0 });
  });
  afterAll(() => bluez?.stop());

  it('gives every call a deadline, and keeps nothing of those that went unanswered', async ({
    onTestFinished,
  }) => {
    const { session } = await connected(onTestFinished);
    await bluez.order({ order: 'hang', what: 'GetManagedObjects', times: 2 });
    await expect(session.call(PING)).rejects.toMatchObject({ type: 'deadline' });
    await expect(session.objects(50)).rejects.toThrow('GetManagedObjects: no answer within 50 ms');
    expect(Object.keys(await session.objects())).toContain('/org/bluez/hci0');
    const { dbus } = session.bluetooth as unknown as { dbus: { _methodReturnHandlers: object } };
    expect(dbus._methodReturnHandlers).toEqual({});
    await bluez.order({ order: 'mend' });
  });

  it('names the error that bluetoothd replies with', async ({ onTestFinished }) => {
    const { session } = await connected(onTestFinished);
    const stop = { path: '/org/bluez/hci0', interface: 'org.bluez.Adapter1', member: 'StopDiscovery' };
    await expect(session.call(stop)).rejects.toMatchObject({
      type: 'org.bluez.Error.Failed',
      message: 'StopDiscovery: No discovery started',
    });
  });

  it('puts the deadline round node-ble’s promises too, which have none', async ({ onTestFinished }) => {
    const { session } = await connected(onTestFinished);
    expect(await session.within('adapters', session.bluetooth.adapters())).toEqual(['hci0']);
    const never = new Promise<void>(() => {});
    await expect(session.within('gatt()', never, 30)).rejects.toThrow('gatt(): no answer within 30 ms');
  });

  it('ends what waits for an answer when bluetoothd goes, and begins anew when it is back', async ({
    onTestFinished,
  }) => {
    const { session, sessions, none } = await connected(onTestFinished);
    await bluez.order({ order: 'hang', what: 'GetManagedObjects' });
    const waiting = expect(session.objects(20_000)).rejects.toMatchObject({ type: 'over' });
    const endless = expect(session.within('gatt()', new Promise(() => {}), 20_000)).rejects.toThrow(
      'bluetoothd is not on D-Bus',
    );
    await bluez.order({ order: 'leave' });
    await waiting;
    await endless;
    expect(session.isOver()).toBe(true);
    await expect(session.call(PING)).rejects.toMatchObject({ type: 'over' });
    await until(() => none.length >= 2, 'the end to be told');
    await bluez.order({ order: 'return' });
    await until(() => sessions.length === 2, 'the next session');
    expect(Object.keys((await sessions[1]?.objects()) ?? {})).toContain('/org/bluez/hci0');
  });

  it('gives a session up that answers nothing, and makes a new one', async ({ onTestFinished }) => {
    const { session, sessions, none } = await connected(onTestFinished);
    await bluez.order({ order: 'hang', what: '*', times: 3 });
    for (let i = 0; i < 3; i += 1) await expect(session.call(PING)).rejects.toThrow();
    expect(session.isOver()).toBe(true);
    expect(none.at(-1)).toBe('bluetoothd does not answer: systemctl restart bluetooth');
    await until(() => sessions.length === 2, 'the next session');
    await bluez.order({ order: 'mend' });
  });

  it('hands a device’s signals, and those below it, to who asked for them and to nobody else', async ({
    onTestFinished,
  }) => {
    const { bus, session } = await connected(onTestFinished);
    const radio = openBluez({
      adapter: { kind: 'local', index: 0 },
      bus,
      onAdvertisement() {},
      onState() {},
      log,
      now: () => performance.now(),
    });
    onTestFinished(() => radio.close());
    const heard: string[] = [];
    const path = '/org/bluez/hci0/dev_40_00_00_00_00_01';
    const stop = session.onObject(path, (signal) => heard.push(`${signal.kind} ${signal.path}`));
    const send = (address: string) =>
      bluez.order({ order: 'advertise', address, addressType: 'random', rssi: -60, data: '020106' });
    await eventually(async () => Number((await send('40:00:00:00:00:02')).heard) > 0, 'the scan');
    await send('40:00:00:00:00:01');
    await send('40:00:00:00:00:01');
    await until(() => heard.length === 2, 'the signals');
    expect(heard).toEqual([`added ${path}`, `changed ${path}`]);
    stop();
    await send('40:00:00:00:00:01');
    await session.objects();
    expect(heard).toHaveLength(2);
  });

  it('has three match rules, one of them for all advertisements, after 300 rotating addresses as before', async ({
    onTestFinished,
  }) => {
    const { bus, session } = await connected(onTestFinished);
    let heard = 0;
    const radio = openBluez({
      adapter: { kind: 'local', index: 0 },
      bus,
      onAdvertisement: () => {
        heard += 1;
      },
      onState() {},
      log,
      now: () => performance.now(),
    });
    onTestFinished(() => radio.close());
    const emitters = session.bluetooth as unknown as {
      dbus: NodeJS.EventEmitter & { _signals: NodeJS.EventEmitter };
    };
    const listeners = () => [
      ...['message', 'error', 'connect'].map((event) => emitters.dbus.listenerCount(event)),
      emitters.dbus._signals.eventNames().length,
    ];
    await eventually(async () => (await bluez.counts()).sessions > 0, 'the scan');
    const before = [await rulesOf(session), ...listeners()];
    for (let i = 0; i < 300; i += 1) {
      const address =
        `40:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`.toUpperCase();
      await bluez.order({ order: 'advertise', address, addressType: 'random', rssi: -60, data: '020106' });
      await bluez.order({ order: 'remove', address });
    }
    await until(() => heard >= 300, 'all of them');
    expect([await rulesOf(session), ...listeners()]).toEqual(before);
    expect(await rulesOf(session)).toBe(MATCH_RULES.length);
  });
});
