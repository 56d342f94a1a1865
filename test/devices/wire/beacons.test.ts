import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAltBeacon, writeAltBeacon } from '../../../devices/wire/altbeacon.ts';
import { readEddystone, readEid, writeEddystone } from '../../../devices/wire/eddystone.ts';
import { readEddystoneUrl, writeEddystoneUrl } from '../../../devices/wire/eddystone-url.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { formatUuid, parseUuid, readIBeacon, writeIBeacon } from '../../../devices/wire/ibeacon.ts';
import { uintLE } from '../../../devices/wire/integers.ts';
import { bytes, casesOf } from './cases.ts';

const power = fc.integer({ min: -128, max: 127 });
const uint16 = fc.nat(65_535);
const uint32 = fc.nat(2 ** 32 - 1);
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('iBeacon', () => {
  const data = '0215e2c56db5dffb48d2b060d0f5a71096e000640000c5';

  it('reads a captured frame and writes the same octets', () => {
    const beacon = readIBeacon(bytes(data));
    expect(beacon && formatUuid(beacon.uuid)).toBe('e2c56db5-dffb-48d2-b060-d0f5a71096e0');
    expect(beacon).toMatchObject({ major: 100, minor: 0, measuredPower: -59 });
    expect(beacon && toHex(writeIBeacon(beacon))).toBe(data);
  });

  it('is nothing else of Apple, and nothing cut short', () => {
    for (const other of [
      '1005441cbd08c5',
      '0f06a033bd08c510',
      data.slice(0, -2),
      `0216${data.slice(4)}`,
      '',
    ]) {
      expect(readIBeacon(bytes(other))).toBeUndefined();
    }
  });

  it('comes back as it was written', () => {
    const beacon = fc.record({ uuid: octets(16), major: uint16, minor: uint16, measuredPower: power });
    fc.assert(
      fc.property(beacon, (one) => {
        expect(readIBeacon(writeIBeacon(one))).toEqual(one);
      }),
    );
  });

  it('is refused where a value does not fit', () => {
    const beacon = { uuid: new Uint8Array(16), major: 1, minor: 1, measuredPower: -59 };
    expect(() => writeIBeacon({ ...beacon, uuid: new Uint8Array(15) })).toThrow(/16 octets, not 15/);
    expect(() => writeIBeacon({ ...beacon, major: 65_536 })).toThrow(RangeError);
  });

  it('takes a UUID with its hyphens or without, in either case', () => {
    const uuid = 'f7826da6-4fa2-4e98-8024-bc5b71e0893e';
    for (const text of [uuid, uuid.toUpperCase(), uuid.replaceAll('-', '')]) {
      expect(formatUuid(parseUuid(text) ?? bytes(''))).toBe(uuid);
    }
    for (const text of ['', uuid.slice(1), `${uuid}0`, uuid.replace('f', 'g'), uuid.replace('-', '')]) {
      expect(parseUuid(text)).toBeUndefined();
    }
  });
});

describe('AltBeacon', () => {
  it('reads a captured frame and writes the same octets', () => {
    const value = '1801beac2f234454cf6d4a0fadf2f4911ba9ffa600010002c509';
    const beacon = readAltBeacon(bytes(value));
    expect(beacon).toMatchObject({ mfgId: 0x118, referenceRssi: -59, mfgReserved: 9 });
    expect(beacon && toHex(writeAltBeacon(beacon))).toBe(value.slice(4));
  });

  it('comes back as it was written, with its reserved octet or without', () => {
    const beacon = fc.record(
      { mfgId: uint16, beaconId: octets(20), referenceRssi: power, mfgReserved: fc.nat(255) },
      { requiredKeys: ['mfgId', 'beaconId', 'referenceRssi'] },
    );
    fc.assert(
      fc.property(beacon, (one) => {
        const company = [one.mfgId & 0xff, one.mfgId >> 8];
        expect(uintLE(Uint8Array.from(company), 0, 2)).toBe(one.mfgId);
        expect(readAltBeacon(Uint8Array.from([...company, ...writeAltBeacon(one)]))).toEqual(one);
      }),
    );
  });
});

describe('Eddystone', () => {
  const eddystones = [...casesOf('ble-cases.jsonl'), ...casesOf('captures.jsonl')].filter(({ format }) =>
    format?.startsWith('eddystone'),
  );

  it.each(eddystones)('writes the octets of $id again', ({ id, data }) => {
    const at = data.indexOf('16aafe');
    const length = Number.parseInt(data.slice(at - 2, at), 16);
    const service = data.slice(at + 6, at + 2 * length);
    const frame = readEddystone(bytes(service));
    if (frame === undefined || frame.frame === 'encrypted-tlm') return expect(id).toBe('tlm-encrypted');
    // Longer than the specification's 17 octets: read, but not written.
    if (id === 'ble-1193') return expect(() => writeEddystone(frame)).toThrow(/at most 17/);
    expect(toHex(writeEddystone(frame))).toBe(id === 'uid-no-rfu' ? `${service}0000` : service);
  });

  it('comes back as it was written', () => {
    const frame = fc.oneof(
      fc.record({ frame: fc.constant('uid' as const), rangingData: power, nid: octets(10), bid: octets(6) }),
      fc.record({ frame: fc.constant('eid' as const), rangingData: power, eid: octets(8) }),
      fc.record(
        {
          frame: fc.constant('tlm' as const),
          vbatt: fc.integer({ min: 1, max: 65_535 }),
          temp: fc.integer({ min: -32_767, max: 32_767 }).map((steps) => steps / 256),
          advCnt: uint32,
          secCnt: uint32,
        },
        { requiredKeys: ['frame', 'advCnt', 'secCnt'] },
      ),
      fc.record({ frame: fc.constant('url' as const), txPower: power, url: urls() }),
    );
    fc.assert(
      fc.property(frame, (one) => {
        expect(readEddystone(writeEddystone(one))).toEqual(one);
      }),
    );
  });

  it('knows a frame type with all its bits and no frame cut short', () => {
    for (const hex of [
      '',
      '00',
      '01e312345678901234678901000000000001',
      '40',
      '10',
      '10e3',
      '30e345494d',
      '2000',
      '2002',
    ])
      expect(readEddystone(bytes(hex))).toBeUndefined();
    expect(readEid(bytes('30e34549445f74657374'))?.eid).toEqual(bytes('4549445f74657374'));
    expect(readEid(bytes('10e34549445f74657374'))).toBeUndefined();
  });

  it('leaves out a battery and a temperature that the beacon does not have', () => {
    expect(readEddystone(bytes('2000000080000000936600000001'))).toEqual({
      frame: 'tlm',
      advCnt: 0x9366,
      secCnt: 1,
    });
  });

  it('has no URL where a code is reserved for future use', () => {
    expect(readEddystone(bytes('10e30467'))).toEqual({ frame: 'url', txPower: -29 });
    for (const code of ['0e', '20', '7f', 'ff'])
      expect(readEddystoneUrl(bytes(`0267${code}`))).toBeUndefined();
  });

  it('expands every code of the specification', () => {
    const domains = ['com', 'org', 'edu', 'net', 'info', 'biz', 'gov'];
    const expected = [...domains.map((name) => `.${name}/`), ...domains.map((name) => `.${name}`)];
    expect(expected.map((_, code) => readEddystoneUrl(Uint8Array.of(3, 0x61, code)))).toEqual(
      expected.map((text) => `https://a${text}`),
    );
  });

  it('refuses a URL that has no short form', () => {
    expect(() => writeEddystoneUrl('ftp://a.com')).toThrow(/http/);
    expect(() => writeEddystoneUrl('https://a b')).toThrow(/percent-encode/);
    expect(() => writeEddystoneUrl('https://developer.apple.example')).toThrow(/at most 17/);
  });

  function urls() {
    const scheme = fc.constantFrom('http://www.', 'https://www.', 'http://', 'https://');
    const part = fc.constantFrom('a', '7', '.com', '.com/', '.info', '.', '/', '?', '#', '~');
    // Eight parts of at most two octets where `.com` and `/` meet otherwise than they were written.
    return fc.tuple(scheme, fc.array(part, { maxLength: 8 })).map(([head, parts]) => head + parts.join(''));
  }
});
