import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type HciController, hciController } from '../../firmware-sim/hci-controller.ts';
import { CAPTURED } from '../gateway/radio/captured-frames.ts';
import { compiled } from '../support/compiled.ts';
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { until } from '../support/until.ts';
import { type Watcher, watch } from '../support/watcher.ts';

const SECRET = 'ceiling-secret';
const STRANGER = Buffer.from('02011a020a0c0aff4c001005441cbd08c5', 'hex');

interface Ceiling {
  mosquitto: Mosquitto;
  controller: HciController;
  watcher: Watcher;
  process: ChildProcess;
  printed(): string;
  counters(): { sent: number; acked: number }[];
}

function run(...options: string[]): { process: ChildProcess; out(): string; err(): string } {
  const child = spawn(process.execPath, [compiled('firmware-sim/ceiling-receiver'), ...options]);
  let out = '';
  let err = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  return { process: child, out: () => out, err: () => err };
}

async function ceiling(onTestFinished: (end: () => void | Promise<void>) => void): Promise<Ceiling> {
  const folder = mkdtempSync(join(tmpdir(), 'ceiling-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
  const mosquitto = await startMosquitto({ 'ceiling-1': SECRET });
  onTestFinished(() => mosquitto.stop());
  const controller = await hciController({});
  onTestFinished(() => controller.close());
  const watcher = await watch(mosquitto);
  onTestFinished(() => watcher.client.endAsync());
  const place = [
    '--controller',
    `127.0.0.1:${controller.port}`,
    '--url',
    mosquitto.url,
    '--ca',
    mosquitto.ca,
  ];
  const started = run(
    '--id',
    'ceiling-1',
    ...place,
    '--secret-file',
    join(folder, 'secret'),
    '--crowd-window',
    '1',
    '--counters',
  );
  onTestFinished(() => void started.process.kill('SIGKILL'));
  await until(controller.isScanning, 'the receiver to scan');
  await until(() => watcher.of('devices/ceiling-1/state').includes('online'), 'online');
  const counters = () =>
    started
      .out()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return {
    mosquitto,
    controller,
    watcher,
    process: started.process,
    printed: () => started.out() + started.err(),
    counters,
  };
}

const framesOf = (watcher: Watcher) =>
  watcher.of('devices/ceiling-1/advertisements').flatMap((payload) => JSON.parse(payload).frames);
const crowdsOf = (watcher: Watcher) =>
  watcher.of('devices/ceiling-1/crowd').map((payload) => JSON.parse(payload));

describe.skipIf(!hasMosquitto)('the ceiling receiver', () => {
  it('passes listed frames on, counts strangers, and ends with nothing owed', async ({ onTestFinished }) => {
    const { controller, watcher, process: child, printed, counters } = await ceiling(onTestFinished);
    for (const { hex } of CAPTURED) controller.raw(Buffer.from(hex, 'hex'));
    await watcher.client.publishAsync('devices/ceiling-1/commands/frames', '{"accept":["bthome"]}', {
      qos: 1,
      retain: true,
    });
    // The count begins with the list.
    for (let i = 0; crowdsOf(watcher).every(({ near }) => near === 0); i += 1) {
      const address = `7e:57:00:00:00:${(i % 40).toString(16).padStart(2, '0')}`;
      controller.advertise({ address, addressType: 'random', rssi: -60, data: STRANGER });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(framesOf(watcher)).toEqual([]);
    for (const { hex } of CAPTURED.slice(0, 4)) controller.raw(Buffer.from(hex, 'hex'));
    await until(() => framesOf(watcher).length === 1, 'the frame');
    const { name: _, hex: __, ...expected } = CAPTURED[2];
    expect(framesOf(watcher)).toEqual([{ ...expected, ageMs: expect.any(Number) }]);

    await until(() => counters().length > 0, 'counters each second');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    const last = counters().at(-1);
    expect(last?.sent).toBeGreaterThanOrEqual(2);
    expect(last?.acked).toBe(last?.sent);
    await until(() => watcher.of('devices/ceiling-1/state').at(-1) === 'offline', 'offline');
    const said = watcher.all() + printed();
    for (const mark of ['7e:57', CAPTURED[0].address, CAPTURED[0].data, STRANGER.toString('hex'), SECRET]) {
      expect(said).not.toContain(mark);
    }
    expect(controller.overruns()).toBe(0);
  });

  it('scans again when its chip was away', async ({ onTestFinished }) => {
    const { controller, watcher } = await ceiling(onTestFinished);
    await watcher.client.publishAsync('devices/ceiling-1/commands/frames', '{"accept":["bthome"]}', {
      qos: 1,
      retain: true,
    });
    await controller.down();
    await controller.up();
    await until(controller.isScanning, 'the receiver to scan again');
    const { hex } = CAPTURED[2];
    // The list is on its way: frames before it are dropped.
    for (let i = 0; framesOf(watcher).length === 0 && i < 1000; i += 1) {
      controller.raw(Buffer.from(hex, 'hex'));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(framesOf(watcher).length).toBeGreaterThan(0);
  });
});

describe('the ceiling receiver’s arguments', () => {
  it.each([
    [[], '--id, --url and --secret-file are needed'],
    [['--id', 'c', '--url', 'mqtts://x', '--secret-file', '/nowhere'], '--controller is <host>:<port>'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('are refused with what is expected: %o', async (options, message) => {
    const { process: child, err } = run(...options);
    expect(await once(child, 'close')).toEqual([2, null]);
    expect(err()).toContain(message);
    expect(err()).toContain('ceiling-receiver --id <id>');
  });
});
