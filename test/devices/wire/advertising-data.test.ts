import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../devices/wire/address.ts';
import {
  EXTENDED_DATA_LIMIT,
  findManufacturerData,
  findServiceData,
  flagsStructure,
  localNameStructure,
  manufacturerData,
  manufacturerDataStructure,
  readAdvertisingData,
  serviceData,
  serviceDataStructure,
  serviceUuidsStructure,
  writeAdvertisingData,
} from '../../../devices/wire/advertising-data.ts';
import { fromHex, toHex } from '../../../devices/wire/hex.ts';
import { intBE, intLE, putBE, putLE, uintBE, uintLE } from '../../../devices/wire/integers.ts';
import { bytes } from './cases.ts';

describe('AD structures', () => {
  it('are read in their order, as views and not as copies', () => {
    const data = bytes('0201060303aafe');
    const structures = readAdvertisingData(data);
    expect(structures).toEqual([
      { type: 1, value: bytes('06') },
      { type: 3, value: bytes('aafe') },
    ]);
    expect(structures?.[1]?.value.buffer).toBe(data.buffer);
  });

  it('end early at a length of zero', () => {
    expect(readAdvertisingData(bytes('02010600ff0303aafe'))).toHaveLength(1);
  });

  it('end before the one that is longer than what is left', () => {
    expect(readAdvertisingData(bytes('0201060a09534242'))).toHaveLength(1);
    expect(readAdvertisingData(bytes('02010601'))).toHaveLength(1);
  });

  it('may be empty behind their type', () => {
    expect(readAdvertisingData(bytes('0109020106'))).toEqual([
      { type: 9, value: bytes('') },
      { type: 1, value: bytes('06') },
    ]);
  });

  it.each(['', '00', '02', '0201', '00020106'])('are none in "%s"', (hex) => {
    expect(readAdvertisingData(bytes(hex))).toBeUndefined();
  });

  it('are found by UUID and by company, the first that a reader knows', () => {
    const structures = readAdvertisingData(bytes('0416aafe200416aafe3004ff4c001005ff4c0002150216aa')) ?? [];
    expect(serviceData(structures, 0xfeaa)).toEqual(bytes('20'));
    expect(manufacturerData(structures, 0x4c)).toEqual(bytes('10'));
    expect(serviceData(structures, 0xfcd2)).toBeUndefined();
    expect(manufacturerData(structures, 0xfeaa)).toBeUndefined();
    expect(findServiceData(structures, 0xfeaa, (data) => (data[0] === 0x30 ? 'eid' : undefined))).toBe('eid');
    expect(findManufacturerData(structures, 0x4c, (data) => (data[0] === 2 ? data.length : undefined))).toBe(
      2,
    );
  });

  it('are written as an advertiser sends them', () => {
    // google/eddystone protocol-specification.md, "An example frame type may look like".
    const data = writeAdvertisingData([
      flagsStructure(),
      serviceUuidsStructure(0xfeaa),
      serviceDataStructure(0xfeaa, bytes('30e34549445f74657374')),
    ]);
    expect(toHex(data)).toBe('0201060303aafe0d16aafe30e34549445f74657374');
    expect(toHex(writeAdvertisingData([localNameStructure('DIY-sensor')]))).toBe('0b094449592d73656e736f72');
    expect(toHex(writeAdvertisingData([manufacturerDataStructure(0xffff, bytes('4149'))]))).toBe(
      '05ffffff4149',
    );
  });

  it('are refused where a controller could not send them', () => {
    const long = { type: 0xff, value: new Uint8Array(30) };
    expect(() => writeAdvertisingData([long])).toThrow(/32 octets, at most 31/);
    expect(writeAdvertisingData([long], EXTENDED_DATA_LIMIT)).toHaveLength(32);
    expect(() => writeAdvertisingData([{ type: 0xff, value: new Uint8Array(255) }], 300)).toThrow(
      /at most 254/,
    );
  });

  it('come back as they were written', () => {
    const structure = fc.record({ type: fc.nat(255), value: fc.uint8Array({ maxLength: 254 }) });
    fc.assert(
      fc.property(fc.array(structure, { minLength: 1, maxLength: 6 }), (structures) => {
        const data = writeAdvertisingData(structures, EXTENDED_DATA_LIMIT);
        expect(readAdvertisingData(data)).toEqual(structures);
      }),
    );
  });
});

describe('hexadecimal text and addresses', () => {
  it('takes both cases and nothing else', () => {
    expect(fromHex('00fF')).toEqual(Buffer.from([0, 255]));
    expect(fromHex('')).toHaveLength(0);
    for (const text of ['0', '0g', '00 11', '0x00', ' 00', 'š0', '00\n'])
      expect(fromHex(text)).toBeUndefined();
  });

  it('reads an address with colons, with hyphens or bare, and writes it with colons', () => {
    for (const text of ['54:48:E6:8F:80:A5', '54-48-e6-8f-80-a5', '5448E68F80A5']) {
      expect(formatAddress(parseAddress(text) ?? bytes(''))).toBe('54:48:e6:8f:80:a5');
    }
    for (const text of [
      '',
      '54:48:e6:8f:80',
      '54:48-e6:8f:80:a5',
      '5:448:e6:8f:80:a5',
      '54:48:e6:8f:80:ag',
    ]) {
      expect(parseAddress(text)).toBeUndefined();
    }
  });
});

describe('integers', () => {
  it('come back as they were written, in both orders, with and without a sign', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
        (length, any) => {
          const range = 2 ** (8 * length);
          const unsigned = ((any % range) + range) % range;
          const signed = unsigned - range / 2;
          const data = new Uint8Array(6);
          putLE(data, 1, length, unsigned);
          expect(uintLE(data, 1, length)).toBe(unsigned);
          putBE(data, 1, length, unsigned);
          expect(uintBE(data, 1, length)).toBe(unsigned);
          putLE(data, 1, length, signed);
          expect(intLE(data, 1, length)).toBe(signed);
          putBE(data, 1, length, signed);
          expect(intBE(data, 1, length)).toBe(signed);
          expect([data[0], data[1 + length]]).toEqual([0, 0]);
        },
      ),
    );
  });

  it('are refused where they do not fit', () => {
    const data = new Uint8Array(4);
    expect(() => putLE(data, 0, 1, 256)).toThrow(RangeError);
    expect(() => putBE(data, 0, 2, -32_769)).toThrow(RangeError);
    expect(() => putLE(data, 0, 4, 0.5)).toThrow(RangeError);
    expect(() => putBE(data, 0, 4, Number.NaN)).toThrow(RangeError);
  });
});
