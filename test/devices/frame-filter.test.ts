import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { frameFilter, readFramesCommand } from '../../devices/frame-filter.ts';
import { frameSieve } from '../../devices/frame-sieve.ts';

/** Captured or published elsewhere; the source stands beside each. */
const FRAMES = {
  // ble_monitor test_ibeacon_parser.py (MIT)
  ibeacon: '02011a1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5',
  // ble_monitor test_altbeacon_parser.py (MIT)
  altbeacon: '1bffffffbeacd3162f5af3ee494799db09756062d0fc005a0005c400',
  // bthome-ble tests/test_parser_v2.py (MIT)
  bthome: '0201060716d2fc40feca090b094154435f384431384232',
  bthomeEncrypted: '0201061216d2fc41a47266c95f7300112233782372140a09534248542d30303343',
  // citruz/beacontools tests/test_parser.py (MIT)
  eddystoneEid: '0201060303aafe0d16aafe30e34549445f74657374',
  eddystoneTlm: '0201060303aafe1116aafe20000b1847110000146700002ac4e4',
  // ble_monitor test_ruuvitag_parser.py (MIT): format 4 in an Eddystone-URL
  ruuviUrl: '0201060303aafe1616aafe10ee037275752e76692f23416a7759414d4666',
  // docs.ruuvi.com, data format 5, valid data
  ruuvi: '0201061bff99040512fc5394c37c0004fffc040cac364200cdcbb8334c884f',
  // iPhones' Continuity frames, ble_monitor test_ibeacon_parser.py (MIT)
  iphone: '02011a020a0c0fff4c000f06a033bd08c5001002440c',
  iphoneShort: '02011a020a0c0aff4c001005441cbd08c5',
  // Composed by hand: Eddystone-UID (eddystone-uid/README.md), the contract's rolling token
  eddystoneUid: '0303aafe1516aafe00ee0102030405060708090a0102030405060000',
  rollingToken: `15ffffff4149${'5a'.repeat(16)}`,
};
const ADDRESS = '6a:6b:c9:a2:3e:43';
const passes = (accept: string[], hex: string, address = ADDRESS) =>
  frameFilter(accept)(Buffer.from(hex, 'hex'), address);

describe('the frames that leave a receiver', () => {
  it.each([
    ['eddystone-eid', ['eddystoneEid']],
    ['eddystone-uid', ['eddystoneUid']],
    ['bthome', ['bthome', 'bthomeEncrypted']],
    ['ruuvi', ['ruuviUrl', 'ruuvi']],
    ['rolling-token', ['rollingToken']],
    ['ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0', ['ibeacon']],
    ['ibeacon:E2C56DB5DFFB48D2B060D0F5A71096E0', ['ibeacon']],
    ['altbeacon:d3162f5a-f3ee-4947-99db-09756062d0fc', ['altbeacon']],
  ])('are with %s its own and no other', (name, own) => {
    const passed = Object.entries(FRAMES).filter(([, hex]) => passes([name], hex));
    expect(passed.map(([frame]) => frame)).toEqual(own);
  });

  it('are none without a list, with an empty one, or with names that it does not know', () => {
    for (const hex of Object.values(FRAMES)) {
      expect(passes([], hex)).toBe(false);
      expect(passes(['matter', 'ibeacon', 'ibeacon:nonsense', 'address:', '__proto__'], hex)).toBe(false);
    }
  });

  it('are told from everybody else’s by the UUID: the retailer’s iBeacons', () => {
    expect(passes(['ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e'], FRAMES.ibeacon)).toBe(false);
    // The same first four octets are not the same UUID.
    expect(passes(['ibeacon:e2c56db5-0000-0000-0000-000000000000'], FRAMES.ibeacon)).toBe(false);
    const many = [
      'ibeacon:e2c56db5-0000-0000-0000-000000000000',
      'ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0',
    ];
    expect(passes(many, FRAMES.ibeacon)).toBe(true);
  });

  it('are never an iPhone’s own', () => {
    const everything = ['eddystone-eid', 'eddystone-uid', 'bthome', 'ruuvi', 'rolling-token'];
    const beacons = [
      'ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0',
      'altbeacon:d3162f5a-f3ee-4947-99db-09756062d0fc',
    ];
    for (const hex of [FRAMES.iphone, FRAMES.iphoneShort])
      expect(passes([...everything, ...beacons], hex)).toBe(false);
  });

  it('are all of a device whose address is listed, however it is written', () => {
    for (const text of ['6a:6b:c9:a2:3e:43', '6A:6B:C9:A2:3E:43', '6a6bc9a23e43']) {
      expect(passes([`address:${text}`], FRAMES.iphone)).toBe(true);
      expect(passes([`address:${text}`], '')).toBe(true);
      expect(passes([`address:${text}`], FRAMES.iphone, '6a:6b:c9:a2:3e:44')).toBe(false);
    }
  });

  it('are not those that only begin like one of ours', () => {
    expect(passes(['eddystone-eid'], '0d16aafe30e345494')).toBe(false);
    expect(passes(['eddystone-eid'], '0516aafe30e3')).toBe(false);
    expect(passes(['rolling-token'], '0affffff41495a5a5a5a5a')).toBe(false);
    expect(passes(['ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0'], FRAMES.ibeacon.slice(0, 40))).toBe(false);
    expect(passes(['bthome'], '')).toBe(false);
  });
});

describe('frames from private addresses', () => {
  /** Core Spec vol 3 H, D.7: its upper bits are 01, resolvable. */
  const RESOLVABLE = '70:81:94:0d:fb:aa';
  const lets = (accept: string[], address: string, addressType?: 'public' | 'random') =>
    frameFilter(accept)(Buffer.from(FRAMES.iphone, 'hex'), address, addressType);

  it('leave the receiver where they are asked for, whatever they carry', () => {
    expect(lets(['private-address'], RESOLVABLE, 'random')).toBe(true);
    expect(lets(['eddystone-eid', 'rolling-token', 'bthome'], RESOLVABLE, 'random')).toBe(false);
  });

  it('R2: are random ones with the upper bits 01 alone', () => {
    for (const first of ['00', '3f', '80', 'c0', 'ff']) {
      expect(lets(['private-address'], `${first}:81:94:0d:fb:aa`, 'random')).toBe(false);
    }
    expect(lets(['private-address'], RESOLVABLE, 'public')).toBe(false);
    expect(lets(['private-address'], RESOLVABLE)).toBe(false);
  });
});

it('R18: who is only tried by private address is counted among strangers still, a device of ours is not', () => {
  const sieve = frameSieve(randomBytes);
  sieve.accept(Buffer.from('{"accept":["private-address","bthome"]}'), 0);
  const heard = (address: string, hex: string) =>
    sieve.heard({ address, addressType: 'random', rssi: -60, data: Buffer.from(hex, 'hex') }, 0);
  expect(heard('70:81:94:0d:fb:aa', FRAMES.iphone)).toBeDefined();
  expect(heard('70:81:94:0d:fb:ab', FRAMES.bthome)).toBeDefined();
  expect(heard('c0:81:94:0d:fb:aa', FRAMES.iphone)).toBeUndefined();
  expect(sieve.closeWindow(60_000)).toEqual({ windowS: 60, near: 2, far: 0 });
});

describe('the retained command frames', () => {
  const read = (text: string) => readFramesCommand(Buffer.from(text));

  it('is read with whatever fields it grows', () => {
    expect(read('{"accept":["bthome",7,null,"ruuvi"],"id":"x","expiresAt":1}')).toEqual({
      accept: ['bthome', 'ruuvi'],
    });
  });

  it('accepts nothing once it is deleted', () => {
    expect(read('')).toEqual({ accept: [] });
  });

  it('R22: says beside them whose frames are nobody’s business', () => {
    const optOut = { key: 'ab'.repeat(32), values: [0, 65_535] };
    expect(read(JSON.stringify({ accept: [], optOut }))).toEqual({ accept: [], optOut });
  });

  it.each([
    null,
    [],
    {},
    { key: 'ab'.repeat(32) },
    { key: 'ab'.repeat(31), values: [1] },
    { key: 'xy'.repeat(32), values: [1] },
    { key: 'ab'.repeat(32), values: [65_536] },
    { key: 'ab'.repeat(32), values: [-1] },
    { key: 'ab'.repeat(32), values: [1.5] },
    { key: 'ab'.repeat(32), values: ['1'] },
    { key: 'ab'.repeat(32), values: new Array(4_097).fill(1) },
  ])(
    'R22: is refused whole where that cannot be read, or people would be counted who objected: %.60j',
    (optOut) => {
      expect(read(JSON.stringify({ accept: ['bthome'], optOut }))).toBeUndefined();
    },
  );

  it.each([
    '{',
    'null',
    '[]',
    '{"accept":"bthome"}',
    '{"accept":{}}',
    `{"accept":${JSON.stringify(new Array(2001).fill('x'))}}`,
  ])('is refused whole where it is %.20s', (text) => {
    expect(read(text)).toBeUndefined();
  });
});
