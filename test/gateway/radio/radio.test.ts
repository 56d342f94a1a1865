import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eq3 } from '../../../devices/gatt/eq-3.ts';
import { hciController } from '../../../firmware-sim/hci-controller.ts';
import { readAdapter } from '../../../gateway/radio/adapter.ts';
import { type RadioConfig, runRadio } from '../../../gateway/radio/radio.ts';
import { hasDbus, startMockBluez } from '../../support/mock-bluez.ts';
import { hasMosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { until } from '../../support/until.ts';
import { watch } from '../../support/watcher.ts';
import { CAPTURED } from './captured-frames.ts';
import { eventually, ofBluez } from './radio-suite.ts';

const SECRET = 'kT3-radio-secret';

function logTo(lines: string[]) {
  const write = (text: string) => void lines.push(text);
  return { info: write, warn: write, error: write };
}

describe.skipIf(!hasMosquitto)('the radio process at a broker that is not ours', () => {
  it('passes on what the list names, from the controller’s bytes to MQTT, and nobody else', async ({
    onTestFinished,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), 'radio-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const credentialFile = join(folder, 'secret');
    writeFileSync(credentialFile, SECRET);
    chmodSync(credentialFile, 0o600);
    const mosquitto = await startMosquitto({ r1: SECRET });
    onTestFinished(() => mosquitto.stop());
    const controller = await hciController({});
    onTestFinished(() => controller.close());
    const watcher = await watch(mosquitto);
    onTestFinished(() => watcher.client.endAsync());
    const lines: string[] = [];

    const accept = ['bthome', 'ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0'];
    await watcher.client.publishAsync('devices/r1/commands/frames', JSON.stringify({ accept }), {
      qos: 1,
      retain: true,
    });
    const radio = await runRadio(
      {
        driver: 'noble',
        adapter: `tcp:127.0.0.1:${controller.port}`,
        receiver: 'r1',
        gateway: { url: mosquitto.url, credentialFile, ca: mosquitto.ca },
      },
      logTo(lines),
    );
    onTestFinished(() => radio.close());
    await until(() => lines.some((line) => line.includes('list of frames has 2')), 'the list of frames');
    await until(controller.isScanning, 'the scan');
    for (const { hex } of CAPTURED) controller.raw(Buffer.from(hex, 'hex'));
    const frames = () =>
      watcher.of('devices/r1/advertisements').flatMap((payload) => JSON.parse(payload).frames);
    await until(() => frames().length > 1, 'the frames');
    expect(frames()).toEqual(
      [CAPTURED[0], CAPTURED[2]].map(({ name: _, hex: __, ...frame }) => ({
        ...frame,
        ageMs: expect.any(Number),
      })),
    );
    expect(watcher.of('devices/r1/state')).toEqual(['online']);
    await radio.close();
    await until(() => watcher.of('devices/r1/state').length === 2, 'the goodbye');
    expect(watcher.of('devices/r1/state')).toEqual(['online', 'offline']);
    const strangers = [CAPTURED[1], CAPTURED[4], CAPTURED[5]];
    for (const { address, data } of strangers) {
      expect(watcher.all() + lines.join()).not.toContain(address);
      expect(watcher.all() + lines.join()).not.toContain(data);
    }
    expect(lines.join()).not.toContain(SECRET);
  });

  it('says “offline” while its controller is away, and “online” when it hears again', async ({
    onTestFinished,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), 'radio-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const credentialFile = join(folder, 'secret');
    writeFileSync(credentialFile, SECRET, { mode: 0o600 });
    const mosquitto = await startMosquitto({ r1: SECRET });
    onTestFinished(() => mosquitto.stop());
    const controller = await hciController({});
    onTestFinished(() => controller.close());
    const watcher = await watch(mosquitto);
    onTestFinished(() => watcher.client.endAsync());
    const lines: string[] = [];
    const adapter = `tcp:127.0.0.1:${controller.port}`;
    const gateway = { url: mosquitto.url, credentialFile, ca: mosquitto.ca };
    const radio = await runRadio({ driver: 'noble', adapter, receiver: 'r1', gateway }, logTo(lines));
    onTestFinished(() => radio.close());
    const states = () => watcher.of('devices/r1/state');
    await until(() => states().at(-1) === 'online', 'online');
    await controller.down();
    await until(() => states().at(-1) === 'offline', 'offline');
    expect(
      lines.filter((line) => line.includes('ECONNREFUSED') || line.includes('closed the connection')),
    ).not.toEqual([]);
    await controller.up();
    await until(controller.isScanning, 'the scan');
    controller.raw(Buffer.from(CAPTURED[0].hex, 'hex'));
    await until(() => states().at(-1) === 'online', 'online again');
    const radios = watcher.of('devices/r1/radio').map((payload) => JSON.parse(payload).state);
    expect(radios[0]).toBe('starting');
    expect(radios).toContain('failed');
    expect(radios.at(-1)).toBe('scanning');
  });

  it.skipIf(!hasDbus)('says the same by BlueZ as by noble', async ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'radio-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const credentialFile = join(folder, 'secret');
    writeFileSync(credentialFile, SECRET, { mode: 0o600 });
    const mosquitto = await startMosquitto({ r1: SECRET });
    onTestFinished(() => mosquitto.stop());
    const bluez = await startMockBluez();
    onTestFinished(() => bluez.stop());
    const watcher = await watch(mosquitto);
    onTestFinished(() => watcher.client.endAsync());
    const accept = ['bthome', 'ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0'];
    await watcher.client.publishAsync('devices/r1/commands/frames', JSON.stringify({ accept }), {
      qos: 1,
      retain: true,
    });
    const lines: string[] = [];
    const gateway = { url: mosquitto.url, credentialFile, ca: mosquitto.ca };
    process.env.DBUS_SYSTEM_BUS_ADDRESS = bluez.bus;
    onTestFinished(() => void delete process.env.DBUS_SYSTEM_BUS_ADDRESS);
    const config = { driver: 'bluez', adapter: '00:1b:dc:00:00:01', receiver: 'r1', gateway } as const;
    const radio = await runRadio(config, logTo(lines));
    onTestFinished(() => radio.close());
    await until(() => lines.some((line) => line.includes('list of frames has 2')), 'the list of frames');
    await eventually(async () => (await bluez.counts()).sessions > 0, 'the scan');
    for (const { address, addressType, rssi, data } of CAPTURED) {
      const frame = { address: address.toUpperCase(), addressType, rssi, data };
      await bluez.order({ order: 'advertise', ...frame });
    }
    const frames = () =>
      watcher.of('devices/r1/advertisements').flatMap((payload) => JSON.parse(payload).frames);
    await until(() => frames().length > 1, 'the frames');
    expect(frames()).toEqual(
      [CAPTURED[0], CAPTURED[2]].map(({ name: _, hex: __, data, ...frame }) => ({
        ...frame,
        data: ofBluez(data),
        ageMs: expect.any(Number),
      })),
    );
    await radio.close();
    await until(() => watcher.of('devices/r1/state').at(-1) === 'offline', 'the goodbye');
    expect(watcher.of('devices/r1/radio').map((payload) => JSON.parse(payload))).toEqual([
      { state: 'starting' },
      { state: 'scanning' },
    ]);
    await eventually(async () => (await bluez.counts()).sessions === 0, 'the scan to end');
    for (const { address, data } of [CAPTURED[1], CAPTURED[4], CAPTURED[5]]) {
      for (const mark of [address, address.toUpperCase().replaceAll(':', '_'), ofBluez(data)]) {
        expect(watcher.all() + lines.join()).not.toContain(mark);
      }
    }
  });
});

describe('a radio that cannot run', () => {
  const config: RadioConfig = {
    driver: 'noble',
    adapter: 'hci0',
    receiver: 'r1',
    gateway: { url: 'mqtts://127.0.0.1:8883', credentialFile: '/run/credentials/r1' },
  };
  it.each([
    [
      { driver: 'bluez' as const, adapter: 'tcp:127.0.0.1:9000' },
      'inputs.radio.adapter: BlueZ has adapters of this machine only: hci0, hci1 …, or an address',
    ],
    [
      { adapter: '00:1B:DC:00:00:01' },
      'inputs.radio.adapter: "00:1B:DC:00:00:01" is neither hci0, hci1 … nor tcp:<host>:<port> of a controller',
    ],
    [
      { adapter: 'usb0' },
      'inputs.radio.adapter: "usb0" is neither hci0, hci1 … nor tcp:<host>:<port> of a controller',
    ],
    [{ receiver: 'r/1' }, 'inputs.radio.receiver: "r/1" is no device id ([A-Za-z0-9_-]{1,64})'],
    [
      { gateway: { ...config.gateway, url: 'https://127.0.0.1' } },
      'inputs.radio.gateway.url: begins with mqtts:// (or with mqtt://, on this machine)',
    ],
  ])('says why: %o', async (wrong, message) => {
    await expect(runRadio({ ...config, ...wrong }, logTo([]))).rejects.toThrow(message);
  });

  it.skipIf(!hasDbus)('says that the address of BlueZ’s adapter is noble’s', async ({ onTestFinished }) => {
    const bluez = await startMockBluez();
    onTestFinished(() => bluez.stop());
    process.env.DBUS_SYSTEM_BUS_ADDRESS = bluez.bus;
    onTestFinished(() => void delete process.env.DBUS_SYSTEM_BUS_ADDRESS);
    const thermostat = { id: 't1', address: '00:1a:22:00:00:01', profile: eq3, credentialFile: '/nowhere' };
    const gatt = { thermostats: [thermostat], timeZone: 'Europe/Paris' };
    const shared = { ...config, gatt: { adapter: '00:1b:dc:00:00:01' } };
    await expect(runRadio(shared, logTo([]), gatt)).rejects.toThrow(
      'inputs.radio.gatt.adapter: the adapter with the address 00:1B:DC:00:00:01 is hci0, which is noble',
    );
  });

  it('reads where a controller is', () => {
    expect(readAdapter('hci1')).toEqual({ kind: 'local', index: 1 });
    expect(readAdapter('tcp:127.0.0.1:9000')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 9000 });
    expect(readAdapter('tcp:[::1]:9000')).toEqual({ kind: 'tcp', host: '::1', port: 9000 });
    expect(readAdapter('tcp:bluetooth.shop:9000')).toEqual({
      kind: 'tcp',
      host: 'bluetooth.shop',
      port: 9000,
    });
    for (const text of [
      '',
      'hci',
      'hci-1',
      'hci00',
      'tcp:',
      'tcp:host',
      'tcp:host:0',
      'tcp:host:70000',
      'tcp:::1:9000',
    ]) {
      expect(() => readAdapter(text)).toThrow('inputs.radio.adapter');
    }
  });
});
