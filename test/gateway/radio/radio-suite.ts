import { expect, it } from 'vitest';
import {
  AD_TYPE,
  readAdvertisingData,
  writeAdvertisingData,
} from '../../../devices/wire/advertising-data.ts';
import { decodeAdvertisement } from '../../../devices/wire/decode.ts';
import type { Adapter } from '../../../gateway/radio/adapter.ts';
import { type OpenRadio, TOLD_WITHIN_MS } from '../../../gateway/radio/driver.ts';
import type { LeReport } from '../../../gateway/radio/le-reports.ts';
import type { RadioState } from '../../../gateway/radio/radio-state.ts';
import { until } from '../../support/until.ts';
import { CAPTURED } from './captured-frames.ts';

/** A frame as it goes over the air; `data` in hex. */
export interface AirFrame {
  address: string;
  addressType: 'public' | 'random';
  rssi: number;
  data: string;
}

/** An adapter with somebody at its switches, for one test. */
export interface Air {
  adapter: Adapter;
  open: OpenRadio;
  /** Puts a frame on the air; false where no adapter takes it. */
  advertise(frame: AirFrame): Promise<boolean>;
  isScanning(): Promise<boolean>;
  /** How often a scan was begun, and the adapter reset or turned on, since the adapter was made. */
  counts(): Promise<{ scans: number; resets: number }>;
  off(): Promise<void>;
  on(): Promise<void>;
  /** Refuses to scan from now on, or no longer. */
  refuse(on: boolean): Promise<void>;
  /** Another program ends the scan; a controller behind TCP has no other. */
  stopScan?(): Promise<void>;
  end(): Promise<void>;
}

export interface Library {
  air(): Promise<Air>;
  /** What a radio says whose adapter is off. */
  offIs: RadioState['kind'];
  /** The data of a frame as far as the library lets it through. */
  through(data: string): string;
  /** Other programs get at the adapter. */
  isShared: boolean;
}

/** AD structures that BlueZ gives away, in the order in which we put them. */
export function ofBluez(data: string): string {
  const kept: number[] = [AD_TYPE.serviceData16, 0x20, 0x21, AD_TYPE.manufacturerData];
  const structures = (readAdvertisingData(Buffer.from(data, 'hex')) ?? []).filter(({ type }) =>
    kept.includes(type),
  );
  structures.sort((a, b) => a.type - b.type);
  return Buffer.from(writeAdvertisingData(structures)).toString('hex');
}

/** As `until`, for what has to be asked for. */
export async function eventually(
  condition: () => Promise<boolean>,
  what: string,
  ms = 20_000,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const BEACON = '0201061316aafe10ee0374657374000102030405060708';
const BTHOME = '0201061216d2fc403d00010c0f0d0201050a0b0c0d0e';
const FLAGS = '020106';
const address = (i: number) => ['40', ...(i.toString(16).padStart(10, '0').match(/../g) ?? [])].join(':');
const beacon = (i: number, rssi = -60): AirFrame => ({
  address: address(i),
  addressType: 'random',
  rssi,
  data: BEACON,
});

/** What a machine with other things to do may add to a time. */
export const BUSY_MS = 2_000;

type Finish = (end: () => void | Promise<void>) => void;

/** What both radio libraries have to do, as tests of the group that it is called in. */
export function radioSuite({ air, offIs, through, isShared }: Library): void {
  const listen = async (onTestFinished: Finish, options: { silentAfterMs?: number; off?: boolean } = {}) => {
    const ours = await air();
    onTestFinished(() => ours.end());
    if (options.off) await ours.off();
    const heard: LeReport[] = [];
    let heardAt = 0;
    const states: { state: RadioState; at: number }[] = [];
    const errors: string[] = [];
    const radio = ours.open({
      adapter: ours.adapter,
      onAdvertisement(report, at) {
        heard.push(report);
        heardAt = at;
      },
      onState: (state) => states.push({ state, at: performance.now() }),
      log: { info() {}, warn() {}, error: (text) => errors.push(text) },
      now: () => performance.now(),
      ...(options.silentAfterMs && { silentAfterMs: options.silentAfterMs }),
    });
    onTestFinished(() => radio.close());
    const kinds = () => states.map(({ state }) => state.kind);
    const last = () => states.at(-1)?.state;
    /** Waits for a frame to get through: the scan takes its time to begin. */
    const hears = async (frame: AirFrame, withinMs = 20_000) => {
      await eventually(() => ours.advertise(frame), 'somebody to scan', withinMs);
      await until(() => heard.some((report) => report.address === frame.address), 'the frame');
    };
    return { ours, radio, heard, heardAt: () => heardAt, states, kinds, last, hears, errors };
  };

  it('says the same frames, wherever they come from', async ({ onTestFinished }) => {
    const { ours, heard, hears } = await listen(onTestFinished);
    await hears(beacon(0));
    for (const { address, addressType, rssi, data } of CAPTURED) {
      expect(await ours.advertise({ address, addressType, rssi, data })).toBe(true);
    }
    await until(() => heard.length > CAPTURED.length, 'all captured frames');
    const hex = heard.slice(1).map(({ data, ...of }) => ({ ...of, data: Buffer.from(data).toString('hex') }));
    expect(hex).toEqual(
      CAPTURED.map(({ name: _, hex: __, data, ...of }) => ({ ...of, data: through(data) })),
    );
    for (const [i, { data }] of CAPTURED.entries()) {
      const said = decodeAdvertisement(heard[i + 1]?.data ?? new Uint8Array());
      expect(said).toEqual(decodeAdvertisement(Buffer.from(data, 'hex')));
    }
  });

  it('says what each frame carried, and nothing of those before it', async ({ onTestFinished }) => {
    const { ours, heard, hears } = await listen(onTestFinished);
    await hears(beacon(1));
    const said = [BEACON, BEACON, BTHOME, BEACON, FLAGS, BTHOME];
    expect(said.map((data) => ofBluez(data).length)).toEqual([40, 40, 38, 40, 0, 38]);
    for (const data of said) await ours.advertise({ ...beacon(1), data });
    await until(() => heard.length > said.length, 'all of them');
    expect(heard.slice(1).map(({ data }) => Buffer.from(data).toString('hex'))).toEqual(said.map(through));
  });

  it('hears nothing before it scans, every repeat with its own RSSI, and nothing once it is closed', async ({
    onTestFinished,
  }) => {
    const { ours, heard, hears, radio, kinds } = await listen(onTestFinished);
    expect(await ours.advertise(beacon(1))).toBe(false);
    await hears(beacon(2));
    for (const rssi of [-61, -61, -90, 4]) await ours.advertise(beacon(2, rssi));
    await until(() => heard.length === 5, 'all repeats');
    expect(heard.map((report) => report.rssi)).toEqual([-60, -61, -61, -90, 4]);
    expect(heard.every((report) => report.address === address(2))).toBe(true);
    radio.close();
    const told = kinds().length;
    await eventually(async () => !(await ours.isScanning()), 'the scan to end');
    expect(await ours.advertise(beacon(3))).toBe(false);
    expect([heard.length, kinds().length]).toEqual([5, told]);
  });

  it('is “starting” until a frame comes, and “scanning” with it', async ({ onTestFinished }) => {
    const { ours, kinds, hears } = await listen(onTestFinished);
    expect(kinds()).toEqual(['starting']);
    await eventually(ours.isScanning, 'the scan');
    expect(kinds()).toEqual(['starting']);
    await hears(beacon(1));
    expect(kinds()).toEqual(['starting', 'scanning']);
  });

  it('says within the time that its adapter is off, and hears again when it is on', async ({
    onTestFinished,
  }) => {
    const { ours, last, hears, states } = await listen(onTestFinished);
    await hears(beacon(1));
    const offAt = performance.now();
    await ours.off();
    await until(() => last()?.kind === offIs, 'the loss to be told');
    expect((states.at(-1)?.at ?? 0) - offAt).toBeLessThan(TOLD_WITHIN_MS.lost + BUSY_MS);
    expect(await ours.advertise(beacon(2))).toBe(false);
    await ours.on();
    await hears(beacon(3), TOLD_WITHIN_MS.back + BUSY_MS);
    expect(last()?.kind).toBe('scanning');
  });

  it('waits for an adapter that is off when it starts', async ({ onTestFinished }) => {
    const { ours, last, hears } = await listen(onTestFinished, { off: true });
    await until(() => last()?.kind === offIs, 'the state to be told');
    await ours.on();
    await hears(beacon(1));
    expect(last()?.kind).toBe('scanning');
  });

  it('is “failed” where the adapter refuses to scan, and scans once it no longer does', async ({
    onTestFinished,
  }) => {
    const { ours, last, hears, kinds } = await listen(onTestFinished, { silentAfterMs: 300, off: true });
    await ours.refuse(true);
    await ours.on();
    await until(() => JSON.stringify(last()).includes('refuses to scan'), 'the refusal to be told');
    expect(kinds()).not.toContain('scanning');
    await ours.refuse(false);
    await hears(beacon(1));
    expect(last()?.kind).toBe('scanning');
  });

  it('is “silent” within the time; restarts the scan, then the adapter, and hears when there is something', async ({
    onTestFinished,
  }) => {
    const silentAfterMs = 400;
    const { ours, last, hears, heardAt, states, errors } = await listen(onTestFinished, { silentAfterMs });
    await hears(beacon(1));
    const before = await ours.counts();
    await until(() => last()?.kind === 'silent', 'silence to be told');
    const told = (states.at(-1)?.at ?? 0) - heardAt();
    expect(told).toBeGreaterThanOrEqual(silentAfterMs);
    expect(told).toBeLessThan(TOLD_WITHIN_MS.silent(silentAfterMs) + BUSY_MS);
    let counts = before;
    const rises = async (of: 'scans' | 'resets') => {
      counts = await ours.counts();
      return counts[of] > before[of];
    };
    await eventually(() => rises('scans'), 'the scan to be restarted');
    expect(counts.resets).toBe(before.resets);
    await eventually(() => rises('resets'), 'the adapter to be restarted');
    await until(() => errors.length > 0, 'what helps no more to be told');
    expect(errors.join()).toContain('hears nothing after its scan and itself were restarted');
    expect(last()?.kind).toBe('silent');
    await hears(beacon(2));
    expect(last()?.kind).toBe('scanning');
  });

  if (!isShared) return;
  it('scans again after another program stopped it', async ({ onTestFinished }) => {
    const { ours, hears } = await listen(onTestFinished);
    await hears(beacon(1));
    await ours.stopScan?.();
    expect(await ours.advertise(beacon(2))).toBe(false);
    await hears(beacon(3), TOLD_WITHIN_MS.back + BUSY_MS);
  });
}
