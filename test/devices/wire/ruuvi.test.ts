import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeEddystone } from '../../../devices/wire/eddystone.ts';
import { toHex } from '../../../devices/wire/hex.ts';
import { readRuuvi, writeRuuvi } from '../../../devices/wire/ruuvi.ts';
import { readRuuviUrl, writeRuuviUrl } from '../../../devices/wire/ruuvi-url.ts';
import { bytes, readText } from './cases.ts';

interface Vector {
  name: string;
  data: string;
  fields: Record<string, number | boolean | string>;
}
const { vectors } = JSON.parse(readText('ruuvi-vectors.json')) as { vectors: Vector[] };

describe('Ruuvi in manufacturer data', () => {
  it.each(vectors)('reads $name as the documentation does', ({ data, fields }) => {
    const { data_format, ...read } = readRuuvi(bytes(data)) ?? {};
    expect(data_format).toBe(Number.parseInt(data.slice(0, 2), 16));
    expect(read).toEqual(fields);
  });

  it.each(vectors)('writes the octets of $name again', ({ data }) => {
    const reading = readRuuvi(bytes(data));
    expect(reading && toHex(writeRuuvi(reading))).toBe(data.toLowerCase());
  });

  it('writes again whatever it reads', () => {
    const formats: [number, number][] = [
      [3, 14],
      [5, 24],
      [6, 20],
      [0xc5, 18],
      [0xe1, 40],
    ];
    const frame = fc
      .constantFrom(...formats)
      .chain(([format, length]) =>
        fc
          .uint8Array({ minLength: length - 1, maxLength: length - 1 })
          .map((rest) => Uint8Array.of(format, ...rest)),
      );
    fc.assert(
      fc.property(frame, (data) => {
        const reading = readRuuvi(data);
        if (reading === undefined || (data[0] === 3 && (data[3] ?? 0) > 99)) return;
        expect(readRuuvi(writeRuuvi(reading))).toEqual(reading);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads minus nought degrees of format 3 as nought', () => {
    expect(readRuuvi(bytes('0300800000000000000000000000'))?.temperature).toBe(0);
  });

  it('is nothing where the format is unknown or the frame is short', () => {
    for (const { data } of vectors) expect(readRuuvi(bytes(data.slice(0, -2)))).toBeUndefined();
    for (const hex of ['', '00', '08', '02', `04${'00'.repeat(40)}`])
      expect(readRuuvi(bytes(hex))).toBeUndefined();
  });

  it('clips a value to the nearest that the format has, as the documentation says', () => {
    const clipped = (fields: object) => readRuuvi(writeRuuvi({ data_format: 5, ...fields }));
    expect(clipped({ temperature: 170, humidity: -1 })).toMatchObject({ temperature: 163.835, humidity: 0 });
    expect(clipped({ temperature: -170, humidity: 200 })).toMatchObject({
      temperature: -163.835,
      humidity: 163.835,
    });
    expect(clipped({ acceleration_x: -40, pressure: 1e6 })).toMatchObject({
      acceleration_x: -32.767,
      pressure: 115_534,
    });
    expect(clipped({ battery_voltage: 1.2, tx_power: 40 })).toMatchObject({
      battery_voltage: 1.6,
      tx_power: 20,
    });
    const air = readRuuvi(writeRuuvi({ data_format: 6, voc_index: 900, luminosity: 1e6, temperature: 0 }));
    expect(air).toMatchObject({ voc_index: 510, luminosity: 65_535, temperature: 0 });
    expect(readRuuvi(writeRuuvi({ data_format: 3, temperature: -200 }))?.temperature).toBe(-127.99);
  });

  it('refuses what is no value of the format', () => {
    expect(() => writeRuuvi({ data_format: 5, temperature: Number.NaN })).toThrow(RangeError);
    expect(() => writeRuuvi({ data_format: 5, mac_address: 'aa:bb' })).toThrow(/6 octets/);
    expect(() => writeRuuvi({ data_format: 4 })).toThrow(/format 4/);
  });
});

describe('Ruuvi in a URL', () => {
  it('reads the example of the documentation', () => {
    const data = writeEddystone({ frame: 'url', txPower: -18, url: 'https://ruu.vi/#BFwaAMjlQ' });
    expect(readRuuviUrl(data)).toEqual({
      data_format: 4,
      humidity: 46,
      temperature: 26,
      pressure: 101_429,
      tag_id: 'Q',
    });
  });

  it('is nothing at another site, in another format or with other characters', () => {
    for (const url of [
      'https://ruu.vx/#BFwaAMjlQ',
      'https://ruu.vi/#AFwaAMjl',
      'https://ruu.vi/#BFwaA',
      'https://ruu.vi/#BFwaAMj!',
    ]) {
      expect(readRuuviUrl(writeEddystone({ frame: 'url', txPower: 0, url }))).toBeUndefined();
    }
    expect(readRuuviUrl(bytes(''))).toBeUndefined();
  });

  it('comes back as it was written', () => {
    const climate = {
      humidity: fc.nat(255).map((steps) => steps / 2),
      temperature: fc.integer({ min: -12_799, max: 12_799 }).map((steps) => steps / 100),
      pressure: fc.integer({ min: 50_000, max: 115_535 }),
    };
    const reading = fc.oneof(
      fc.record({ data_format: fc.constant(2 as const), ...climate }),
      fc.record({
        data_format: fc.constant(4 as const),
        ...climate,
        tag_id: fc.constantFrom('A', 'Z', '-', '_', '9'),
      }),
    );
    fc.assert(
      fc.property(reading, (one) => {
        const data = writeEddystone({ frame: 'url', txPower: -18, url: writeRuuviUrl(one) });
        expect(readRuuviUrl(data)).toEqual(one);
      }),
    );
  });
});
