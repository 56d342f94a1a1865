import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type HciController, hciController } from '../../../firmware-sim/hci-controller.ts';
import type { LeReport } from '../../../gateway/radio/le-reports.ts';
import { openNoble } from '../../../gateway/radio/noble.ts';
import type { RadioState } from '../../../gateway/radio/radio-state.ts';
import { heldHeap } from '../../support/held-heap.ts';
import { until } from '../../support/until.ts';
import { CAPTURED } from './captured-frames.ts';
import { type Air, radioSuite } from './radio-suite.ts';

const DATA = Buffer.from('0201060303aafe', 'hex');
const address = (i: number) =>
  ['40', '00', ...(i.toString(16).padStart(8, '0').match(/../g) ?? [])].join(':');
const beacon = (i: number) =>
  ({ address: address(i), addressType: 'random', rssi: -60, data: DATA }) as const;

/** Ends when its test does: noble looks for its adapter once a second, so these tests run side by side. */
type Finish = (end: () => void | Promise<void>) => void;

async function air(onTestFinished: Finish, options: { extendedOnly?: boolean } = {}): Promise<HciController> {
  const controller = await hciController(options);
  onTestFinished(() => controller.close());
  return controller;
}

function listen(
  onTestFinished: Finish,
  port: number,
  options: { silentAfterMs?: number; keep?: boolean } = {},
) {
  const heard: LeReport[] = [];
  const states: RadioState[] = [];
  const warnings: string[] = [];
  const counts = { heard: 0 };
  const radio = openNoble({
    adapter: { kind: 'tcp', host: '127.0.0.1', port },
    onAdvertisement(report) {
      counts.heard += 1;
      if (options.keep !== false) heard.push(report);
    },
    onState: (state) => states.push(state),
    log: { info() {}, warn: (text) => warnings.push(text), error() {} },
    now: () => performance.now(),
    ...(options.silentAfterMs && { silentAfterMs: options.silentAfterMs }),
  });
  onTestFinished(() => radio.close());
  const kinds = () => states.map(({ kind }) => kind);
  const why = () => states.map((state) => (state.kind === 'failed' ? state.why : '')).join('');
  return { radio, heard, states, kinds, why, warnings, counts };
}

async function scanning(
  onTestFinished: Finish,
  options: { silentAfterMs?: number; keep?: boolean; extendedOnly?: boolean } = {},
) {
  const controller = await air(onTestFinished, options);
  const ears = listen(onTestFinished, controller.port, options);
  await until(controller.isScanning, 'noble to scan');
  return { ...ears, controller };
}

async function nobleAir(): Promise<Air> {
  const controller = await hciController({});
  const count = (opcode: number) => controller.commands().filter((command) => command === opcode).length;
  return {
    adapter: { kind: 'tcp', host: '127.0.0.1', port: controller.port },
    open: openNoble,
    advertise: async ({ data, ...frame }) =>
      controller.advertise({ ...frame, data: Buffer.from(data, 'hex') }),
    isScanning: async () => controller.isScanning(),
    // LE Set Scan Parameters comes before each "enable".
    counts: async () => ({ scans: count(0x200b), resets: count(0x0c03) }),
    off: () => controller.down(),
    on: () => controller.up(),
    refuse: async (on) => controller.refuseScan(on ? 0x0d : undefined),
    end: () => controller.close(),
  };
}

describe.concurrent('noble at a controller behind TCP', () => {
  radioSuite({
    air: nobleAir,
    offIs: 'failed',
    through: (data) => data,
    isShared: false,
  });

  it('hears every frame, byte for byte, and only while it scans', async ({ onTestFinished }) => {
    const early = await air(onTestFinished);
    const { heard, kinds, radio } = listen(onTestFinished, early.port);
    expect(early.advertise(beacon(0))).toBe(false);
    await until(early.isScanning, 'noble to scan');
    expect(kinds()).toEqual(['starting']);
    for (let i = 1; i <= 500; i += 1) expect(early.advertise(beacon(i))).toBe(true);
    await until(() => heard.length >= 500, '500 frames');
    expect(heard.map((report) => report.address)).toEqual(
      Array.from({ length: 500 }, (_, i) => address(i + 1)),
    );
    expect(heard[0]).toEqual({
      address: address(1),
      addressType: 'random',
      rssi: -60,
      data: Uint8Array.from(DATA),
    });
    expect(kinds()).toEqual(['starting', 'scanning']);
    radio.close();
    await until(() => !early.isScanning(), 'noble to stop');
    expect(early.advertise(beacon(501))).toBe(false);
    early.raw(Buffer.from(CAPTURED[0].hex, 'hex'));
    expect(heard).toHaveLength(500);
  });

  it('reads what real controllers sent as it was read elsewhere', async ({ onTestFinished }) => {
    const { controller, heard } = await scanning(onTestFinished);
    for (const { hex } of CAPTURED) controller.raw(Buffer.from(hex, 'hex'));
    await until(() => heard.length === CAPTURED.length, 'all captured frames');
    expect(heard.map((report) => ({ ...report, data: Buffer.from(report.data).toString('hex') }))).toEqual(
      CAPTURED.map(({ name: _, hex: __, ...expected }) => expected),
    );
  });

  it('knows a controller without RSSI', async ({ onTestFinished }) => {
    const { controller, heard } = await scanning(onTestFinished);
    for (const rssi of [-60, null]) controller.advertise({ ...beacon(1), rssi });
    await until(() => heard.length === 2, 'two frames of one beacon');
    expect(heard.map(({ rssi }) => rssi)).toEqual([-60, null]);
  });

  it('resets the controller first and gives it no command before it has room', async ({ onTestFinished }) => {
    const { controller } = await scanning(onTestFinished);
    const [first, ...rest] = controller.commands();
    expect(first).toBe(0x0c03);
    expect(rest.slice(0, 3)).toEqual([0x0c01, 0x2001, 0x1001]);
    expect(controller.overruns()).toBe(0);
  });

  it('notices a connection that was lost and found again within one of noble’s polls', async ({
    onTestFinished,
  }) => {
    const { controller, heard, kinds } = await scanning(onTestFinished);
    for (let round = 1; round <= 2; round += 1) {
      await controller.down();
      await controller.up();
      await until(controller.isScanning, 'noble to scan again');
      controller.advertise(beacon(round));
      await until(() => heard.length === round, 'a frame after the loss');
    }
    expect(kinds().at(-1)).toBe('scanning');
  });

  it('lives through events that break off, and loses nothing behind them', async ({ onTestFinished }) => {
    const { controller, heard, warnings } = await scanning(onTestFinished);
    for (const octets of [
      '043e00',
      '043e0102',
      '043e020205',
      '043e03020100',
      '040e00',
      '040500',
      '041300',
      '02000000000',
      '043e0a0201030166554433221f',
    ]) {
      controller.raw(Buffer.from(octets, 'hex'));
    }
    controller.advertise(beacon(1));
    await until(() => heard.length === 1, 'the frame behind the broken ones');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('break off');
  });

  it('connects anew when the stream is no longer H4', async ({ onTestFinished }) => {
    const { controller, heard, why } = await scanning(onTestFinished);
    controller.raw(Buffer.from('ffff', 'hex'));
    await until(() => why().includes('does not speak HCI'), 'the problem to be told');
    const resets = () => controller.commands().filter((command) => command === 0x0c03).length;
    await until(() => resets() === 2 && controller.isScanning(), 'noble to scan on a new connection');
    controller.advertise(beacon(1));
    await until(() => heard.length === 1, 'a frame on the new connection');
  });

  it('scans with extended commands where legacy ones are disallowed, and puts long data together', async ({
    onTestFinished,
  }) => {
    const { controller, heard } = await scanning(onTestFinished, { extendedOnly: true });
    const data = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
    controller.advertise({ ...beacon(1), data, eventType: 'extended' });
    controller.advertise(beacon(2));
    await until(() => heard.length === 2, 'both frames');
    expect(heard[0]?.data).toEqual(data);
    expect(heard[1]?.data).toEqual(Uint8Array.from(DATA));
    expect(controller.overruns()).toBe(0);
  });
});

describe.concurrent('what noble says of itself', () => {
  it('is “failed” with a sentence where nothing listens, or what listens is no controller', async ({
    onTestFinished,
  }) => {
    const closed = await air(onTestFinished);
    await closed.close();
    const nobody = listen(onTestFinished, closed.port);
    await until(() => nobody.why() !== '', 'the problem to be told');
    expect(nobody.why()).toBe(`no connection to 127.0.0.1:${closed.port} (ECONNREFUSED)`);

    const mute = createServer((socket) => void socket.resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const bound = mute.address();
    const strange = listen(onTestFinished, typeof bound === 'object' && bound ? bound.port : 0);
    await until(() => strange.why() !== '', 'the problem to be told');
    expect(strange.why()).toContain('does not answer HCI commands');
    strange.radio.close();
    nobody.radio.close();
    await new Promise((resolve) => mute.close(resolve));
  });

  it('is “failed” with a sentence for a local adapter that is not there', () => {
    const states: RadioState[] = [];
    const radio = openNoble({
      adapter: { kind: 'local', index: 99 },
      onAdvertisement() {},
      onState: (state) => states.push(state),
      log: { info() {}, warn() {}, error() {} },
      now: () => performance.now(),
    });
    radio.close();
    const last = states.at(-1);
    expect(last?.kind === 'failed' && last.why).toMatch(
      /kernel has no Bluetooth|no adapter hci99|no right to use hci99/,
    );
  });
});

describe('noble over a day', () => {
  it('keeps nothing of 20,000 addresses that walk by', async ({ onTestFinished }) => {
    const { controller, counts } = await scanning(onTestFinished, { keep: false });
    const hear = async (from: number, to: number) => {
      for (let i = from; i < to; i += 1) {
        controller.advertise({ ...beacon(i), eventType: i % 2 ? 'adv_ind' : 'scan_rsp' });
        if (i % 500 === 0) await until(() => counts.heard >= i, 'the frames so far');
      }
      await until(() => counts.heard === to, 'all frames');
    };
    await hear(0, 5_000);
    const before = heldHeap();
    await hear(5_000, 25_000);
    // What noble's `discover` keeps of 20,000 addresses is about 34 MB.
    expect(heldHeap() - before).toBeLessThan(4_000_000);
  });

  it('leaves no listener and no module behind, however often it is opened', async ({ onTestFinished }) => {
    const signals = () => ['SIGINT', 'exit'].map((event) => process.listenerCount(event));
    const before = signals();
    const current = await air(onTestFinished);
    for (let round = 0; round < 2; round += 1) {
      const { radio } = listen(onTestFinished, current.port);
      await until(current.isScanning, 'noble to scan');
      radio.close();
      await until(() => !current.isScanning(), 'noble to stop');
    }
    expect(signals()).toEqual(before);
  });
});

describe('noble in a process', () => {
  it('does not end it on SIGINT, lets it end once it is closed, and prints nobody’s address', async ({
    onTestFinished,
  }) => {
    const controller = await air(onTestFinished);
    const program = fileURLToPath(new URL('noble-process.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, String(controller.port)], {
      env: { ...process.env, DEBUG: '*' },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let printed = '';
    let debugged = '';
    child.stdout.on('data', (text) => {
      printed += text;
    });
    child.stderr.on('data', (text) => {
      debugged += text;
    });
    await until(controller.isScanning, 'the process to scan');
    controller.raw(Buffer.from(CAPTURED[0].hex, 'hex'));
    await until(() => printed.includes('heard'), 'the frame');
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(printed).toBe('heard a frame\nends by itself\n');
    for (const mark of [CAPTURED[0].hex.slice(14, 26), CAPTURED[0].address]) {
      expect(debugged.toLowerCase()).not.toContain(mark.toLowerCase());
    }
    await until(() => !controller.isScanning(), 'the scan to end');
  });
});
