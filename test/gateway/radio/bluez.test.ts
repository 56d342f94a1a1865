import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBus } from '../../../gateway/radio/bluez/bus.ts';
import { openBluez } from '../../../gateway/radio/bluez.ts';
import { TOLD_WITHIN_MS } from '../../../gateway/radio/driver.ts';
import type { LeReport } from '../../../gateway/radio/le-reports.ts';
import type { RadioState } from '../../../gateway/radio/radio-state.ts';
import { hasDbus, type MockBluez, startMockBluez } from '../../support/mock-bluez.ts';
import { until } from '../../support/until.ts';
import { type Air, type AirFrame, BUSY_MS, eventually, ofBluez, radioSuite } from './radio-suite.ts';

const log = { info() {}, warn() {}, error() {} };
/** A whole BlueZ takes a second to start: the tests of this file share one, and leave it as it was. */
let bluez: MockBluez;
const TIMES = { startMs: 400, powerOffMs: 100, restartMs: 200, retryMs: 200 };

const advertise = async (frame: AirFrame): Promise<boolean> => {
  const { heard } = await bluez.order({
    ...frame,
    order: 'advertise',
    address: frame.address.toUpperCase(),
  });
  return Number(heard) > 0;
};

async function bluezAir(): Promise<Air> {
  const bus = openBus({ log, address: bluez.bus, retryMs: 100, deadlineMs: 2_000 });
  const isScanning = async () => (await bluez.counts()).sessions > 0;
  return {
    adapter: { kind: 'local', index: 0 },
    open: (options) => openBluez({ ...options, bus, times: TIMES }),
    advertise,
    isScanning,
    async counts() {
      const { calls } = await bluez.counts();
      return { scans: calls.StartDiscovery ?? 0, resets: calls.Set ?? 0 };
    },
    off: async () => void (await bluez.order({ order: 'power', on: false })),
    on: async () => void (await bluez.order({ order: 'power', on: true })),
    async refuse(on) {
      if (!on) await bluez.order({ order: 'mend' });
      else
        await bluez.order({
          order: 'fail',
          what: 'StartDiscovery',
          times: 1_000,
          name: 'org.bluez.Error.InProgress',
          text: 'Operation already in progress',
        });
    },
    stopScan: async () => void (await bluez.order({ order: 'stop-scan' })),
    async end() {
      bus.close();
      await bluez.order({ order: 'mend' });
      await bluez.order({ order: 'power', on: true });
      await eventually(async () => !(await isScanning()), 'the scan to end');
    },
  };
}

/** How long D-Bus is gone, s: `AISLE_BUS_GONE_S=10` for the ten seconds. */
const BUS_GONE_MS = Number(process.env.AISLE_BUS_GONE_S ?? 0.5) * 1_000;

type Finish = (end: () => void | Promise<void>) => void;

/** A radio at `hci0` of the mock, or on another bus. */
function listen(onTestFinished: Finish, { address = bluez.bus, silentAfterMs = 90_000 } = {}) {
  const bus = openBus({ log, address, retryMs: 100, deadlineMs: 300 });
  const states: { state: RadioState; at: number }[] = [];
  const heard: LeReport[] = [];
  const radio = openBluez({
    adapter: { kind: 'local', index: 0 },
    bus,
    onAdvertisement: (report) => heard.push(report),
    onState: (state) => states.push({ state, at: performance.now() }),
    log,
    now: () => performance.now(),
    silentAfterMs,
    times: TIMES,
  });
  onTestFinished(async () => {
    radio.close();
    bus.close();
    await eventually(async () => (await bluez.counts()).sessions === 0, 'the scan to end');
  });
  const last = () => states.at(-1)?.state;
  const why = () => states.flatMap(({ state }) => (state.kind === 'failed' ? [state.why] : []));
  const hears = async (frame: AirFrame) => {
    await eventually(() => advertise(frame), 'somebody to scan');
    await until(() => heard.some((report) => report.address === frame.address), 'the frame');
  };
  return { bus, radio, states, heard, last, why, hears };
}

const beacon = (i: number): AirFrame => ({
  address: `c0:00:00:00:00:${i.toString(16).padStart(2, '0')}`,
  addressType: 'random',
  rssi: -60,
  data: '0201061316aafe10ee0374657374000102030405060708',
});

const NO_BLUETOOTHD = 'bluetoothd is not on D-Bus: systemctl start bluetooth (package bluez)';

describe.skipIf(!hasDbus)('BlueZ over a real D-Bus', () => {
  beforeAll(async () => {
    bluez = await startMockBluez();
  });
  afterAll(() => bluez?.stop());

  describe('as every radio', () => {
    radioSuite({ air: bluezAir, offIs: 'off', through: ofBluez, isShared: true });
  });

  describe('what goes wrong around it', () => {
    it('is told when bluetoothd is killed, and heard through when it is back', async ({ onTestFinished }) => {
      const { hears, last, states } = listen(onTestFinished);
      await hears(beacon(1));
      const killedAt = performance.now();
      await bluez.kill();
      await until(() => last()?.kind === 'failed', 'the loss to be told');
      expect((states.at(-1)?.at ?? 0) - killedAt).toBeLessThan(TOLD_WITHIN_MS.lost + BUSY_MS);
      expect(last()).toEqual({ kind: 'failed', why: NO_BLUETOOTHD });
      await bluez.start();
      await hears(beacon(2));
      expect(last()).toEqual({ kind: 'scanning' });
    });

    it('is told when bluetoothd leaves the bus without a crash, and comes again', async ({
      onTestFinished,
    }) => {
      const { hears, last } = listen(onTestFinished);
      await hears(beacon(1));
      await bluez.order({ order: 'leave' });
      await until(() => last()?.kind === 'failed', 'the loss to be told');
      await bluez.order({ order: 'return' });
      await hears(beacon(2));
      expect(last()).toEqual({ kind: 'scanning' });
    });

    it('is told when D-Bus is gone, and heard through when it is back', async ({ onTestFinished }) => {
      const { hears, last, states, why } = listen(onTestFinished);
      await hears(beacon(1));
      const goneAt = performance.now();
      await bluez.stopBus();
      await until(() => last()?.kind === 'failed', 'the loss to be told');
      expect((states.at(-1)?.at ?? 0) - goneAt).toBeLessThan(TOLD_WITHIN_MS.lost + BUSY_MS);
      await new Promise((resolve) => setTimeout(resolve, BUS_GONE_MS));
      expect(last()?.kind).toBe('failed');
      expect(why().at(-1)).toMatch(
        /^there is no D-Bus at unix:path=.* \((ENOENT|ECONNREFUSED)\): start dbus/,
      );
      await bluez.restartBus();
      const backAt = performance.now();
      await hears(beacon(2));
      expect(performance.now() - backAt).toBeLessThan(TOLD_WITHIN_MS.back + BUSY_MS);
      expect(last()).toEqual({ kind: 'scanning' });
    });

    it('is told when the adapter is unplugged, and scans when it is plugged in again', async ({
      onTestFinished,
    }) => {
      const { hears, last, states } = listen(onTestFinished);
      await hears(beacon(1));
      const pulledAt = performance.now();
      await bluez.order({ order: 'unplug' });
      await until(() => last()?.kind === 'failed', 'the loss to be told');
      expect((states.at(-1)?.at ?? 0) - pulledAt).toBeLessThan(TOLD_WITHIN_MS.lost + BUSY_MS);
      expect(last()).toEqual({
        kind: 'failed',
        why: 'bluetoothd has no adapter hci0: bluetoothctl list shows those it has; plug it in, or name another',
      });
      await bluez.order({ order: 'plug' });
      await hears(beacon(2));
      expect(last()).toEqual({ kind: 'scanning' });
    });

    it('waits for an adapter that is not there at the start', async ({ onTestFinished }) => {
      await bluez.order({ order: 'unplug' });
      const { hears, last, why } = listen(onTestFinished);
      await until(() => why().some((text) => text.includes('has no adapter hci0')), 'the lack to be told');
      await bluez.order({ order: 'plug' });
      await hears(beacon(1));
      expect(last()).toEqual({ kind: 'scanning' });
    });

    it('says which right it lacks, and goes on once it has it', async ({ onTestFinished }) => {
      await bluez.order({ order: 'forbid' });
      const { hears, last, why } = listen(onTestFinished);
      await until(() => why().length > 0, 'the lack to be told');
      expect(why()).toEqual([
        'D-Bus does not let this user speak to bluetoothd (AccessDenied): put it into the group bluetooth (systemd: SupplementaryGroups=bluetooth)',
      ]);
      await bluez.order({ order: 'mend' });
      await hears(beacon(1));
      expect(last()).toEqual({ kind: 'scanning' });
    });

    it('says that there is no D-Bus', async ({ onTestFinished }) => {
      const { why } = listen(onTestFinished, { address: 'unix:path=/nowhere/bus' });
      await until(() => why().length > 0, 'the lack to be told');
      expect(why()).toEqual([
        'there is no D-Bus at unix:path=/nowhere/bus (ENOENT): start dbus, or let its socket into the container',
      ]);
    });

    it('does not wait for ever for a scan that the kernel never begins', async ({ onTestFinished }) => {
      await bluez.order({ order: 'hang', what: 'StartDiscovery' });
      const { hears, last, why } = listen(onTestFinished);
      await until(() => last()?.kind === 'failed', 'the failure to be told');
      expect(why()[0]).toContain('hci0 refuses to scan (StartDiscovery: no answer within 400 ms)');
      await hears(beacon(1));
      expect(last()).toEqual({ kind: 'scanning' });
    });

    it('powers an adapter off and on that refuses again and again', async ({ onTestFinished }) => {
      const { calls: before } = await bluez.counts();
      const refusal = { name: 'org.bluez.Error.InProgress', text: 'Operation already in progress' };
      // Each attempt asks twice: the first refusal could be a session of our own.
      await bluez.order({ order: 'fail', what: 'StartDiscovery', times: 6, ...refusal });
      const { hears, last, why } = listen(onTestFinished);
      await hears(beacon(1));
      expect(last()).toEqual({ kind: 'scanning' });
      expect(why()).toHaveLength(1);
      const { calls } = await bluez.counts();
      expect((calls.Set ?? 0) - (before.Set ?? 0)).toBe(2);
    });

    it('gives up on a bluetoothd that answers nothing, and tries again', async ({ onTestFinished }) => {
      const { hears, last, why } = listen(onTestFinished, { silentAfterMs: 500 });
      await hears(beacon(1));
      await bluez.order({ order: 'hang', what: '*', times: 10_000 });
      await until(() => last()?.kind === 'failed', 'the failure to be told');
      expect(why().at(-1)).toMatch(/no answer within|does not answer/);
      await until(
        () => why().at(-1) === 'bluetoothd does not answer: systemctl restart bluetooth',
        'it to be named',
      );
      await bluez.order({ order: 'mend' });
      await hears(beacon(2));
      expect(last()).toEqual({ kind: 'scanning' });
    });
  });
});
