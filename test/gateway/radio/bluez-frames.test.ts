import { describe, expect, it } from 'vitest';
import type { BluezSignal } from '../../../gateway/radio/bluez/bus.ts';
import { deviceFrames } from '../../../gateway/radio/bluez/frames.ts';

const PATH = '/org/bluez/hci0/dev_A4_C1_38_8D_18_B2';
const box = (hex: string) => ({ signature: 'ay', value: Buffer.from(hex, 'hex') });
const changed = (
  properties: Record<string, unknown>,
  path = PATH,
  of = 'org.bluez.Device1',
): BluezSignal => ({
  kind: 'changed',
  path,
  interface: of,
  changed: properties,
  invalidated: [],
});
const added = (properties: Record<string, unknown>): BluezSignal => ({
  kind: 'added',
  path: PATH,
  interfaces: { 'org.bluez.Device1': properties },
});

function reading() {
  const frames = deviceFrames('/org/bluez/hci0');
  const hex = (signal: BluezSignal) => {
    const report = frames.read(signal);
    return report && Buffer.from(report.data).toString('hex');
  };
  return { ...frames, hex };
}

describe('a frame of BlueZ’s signals', () => {
  it('is what the signal says changed: service data of each width, then manufacturer data, ids ascending', () => {
    const { hex } = reading();
    expect(
      hex(
        changed({
          RSSI: -60,
          ManufacturerData: { '1177': box('05aabb'), '76': box('0215') },
          ServiceData: {
            '0000fcd2-0000-1000-8000-00805f9b34fb': box('4001'),
            '0000feaa-0000-1000-8000-00805f9b34fb': box('10'),
            '12345678-0000-1000-8000-00805f9b34fb': box('32'),
            '3e135142-654f-9090-134a-a6ff5bb77046': box('ff'),
          },
        }),
      ),
    ).toBe(
      [
        '0416aafe10', // 0xFEAA
        '0516d2fc4001', // 0xFCD2
        '06207856341232',
        '12214670b75bffa64a1390904f654251133eff',
        '05ff4c000215',
        '06ff990405aabb',
      ].join(''),
    );
  });

  it('has no data where the frame carried nothing that BlueZ gives away, and still an address and an RSSI', () => {
    expect(reading().read(changed({ RSSI: -90 }))).toEqual({
      address: 'a4:c1:38:8d:18:b2',
      addressType: 'random',
      rssi: -90,
      data: new Uint8Array(),
    });
  });

  it('never has a name: BlueZ may have it from its disk, and it is somebody’s', () => {
    const { hex } = reading();
    expect(
      hex(added({ RSSI: -60, AddressType: 'random', Name: 'Marie’s phone', Alias: 'Marie’s phone' })),
    ).toBe('');
  });

  it('is none where a connection, a service or another adapter’s device changed', () => {
    const { read } = reading();
    expect(read(changed({ Connected: true }))).toBeUndefined();
    expect(read(changed({ RSSI: -60 }, PATH.replace('hci0', 'hci1')))).toBeUndefined();
    expect(read(changed({ RSSI: -60 }, PATH, 'org.bluez.Battery1'))).toBeUndefined();
    expect(
      read({
        kind: 'changed',
        path: PATH,
        interface: 'org.bluez.Device1',
        changed: {},
        invalidated: ['RSSI'],
      }),
    ).toBeUndefined();
    // bluetoothd puts what it has on disk back at its start.
    expect(read(added({ AddressType: 'public', Name: 'CC-RT-BLE' }))).toBeUndefined();
  });

  it('knows a public address by the object that told it, and forgets it with the object', () => {
    const { read, known, know } = reading();
    expect(read(added({ RSSI: -60, AddressType: 'public' }))?.addressType).toBe('public');
    expect(read(changed({ RSSI: -61 }))?.addressType).toBe('public');
    expect(known()).toBe(1);
    read({ kind: 'removed', path: PATH, interfaces: ['org.bluez.Device1'] });
    expect(known()).toBe(0);
    know({ [PATH]: { 'org.bluez.Device1': { AddressType: 'public' } }, '/org/bluez/hci0': {} });
    expect(read(changed({ RSSI: -62 }))?.addressType).toBe('public');
  });

  it('remembers nobody’s rotating address', () => {
    const { read, known } = reading();
    for (let i = 0; i < 1_000; i += 1) {
      const path = `/org/bluez/hci0/dev_40_00_00_00_${(i >> 8).toString(16).padStart(2, '0')}_${(i & 255).toString(16).padStart(2, '0')}`;
      read({
        kind: 'added',
        path,
        interfaces: { 'org.bluez.Device1': { RSSI: -60, AddressType: 'random' } },
      });
    }
    expect(known()).toBe(0);
  });

  it('has no RSSI where the controller had none', () => {
    const { read } = reading();
    expect(read(changed({ RSSI: 127 }))?.rssi).toBeNull();
    expect(read(changed({ ManufacturerData: { '76': box('0215') } }))?.rssi).toBeNull();
  });

  it('is never more than an advertisement can hold, and nothing that is no frame throws', () => {
    const { hex, read } = reading();
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [String(i), box('ab'.repeat(200))]));
    expect((hex(changed({ RSSI: -60, ManufacturerData: many })) ?? '').length / 2).toBeLessThanOrEqual(1650);
    expect(hex(changed({ RSSI: -60, ManufacturerData: { '1': box('ab'.repeat(253)) } }))).toBe('');
    for (const odd of [
      null,
      7,
      'text',
      { '76': undefined },
      { '76': { value: 7 } },
      { 'no uuid': box('00') },
    ]) {
      expect(read(changed({ RSSI: -60, ManufacturerData: odd, ServiceData: odd }))).toBeDefined();
    }
  });
});
