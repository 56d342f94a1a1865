import {
  climate,
  type Field,
  flag,
  logarithmic,
  mac,
  nineBits,
  number,
  power,
  type RuuviReading,
  readFields,
  signAndMagnitude,
  writeFields,
} from './ruuvi-fields.ts';

/**
 * Ruuvi's data formats in manufacturer data, docs.ruuvi.com/communication/bluetooth-advertisements.
 * A format is a table of fields; the same table reads and writes. Formats 2 and 4 travel in a URL: `ruuvi-url.ts`.
 */

/** Company identifier of Ruuvi Innovations, Bluetooth Assigned Numbers §7.1. */
export const RUUVI = 0x0499;

interface Format {
  length: number;
  fields: readonly Field[];
}

const FORMATS: Partial<Record<number, Format>> = {
  3: {
    length: 14,
    fields: [
      number('humidity', 1, 1, { per: 2 }),
      signAndMagnitude('temperature', 2),
      number('pressure', 4, 2, { from: 50_000 }),
      number('acceleration_x', 6, 2, { per: 1000, signed: true }),
      number('acceleration_y', 8, 2, { per: 1000, signed: true }),
      number('acceleration_z', 10, 2, { per: 1000, signed: true }),
      number('battery_voltage', 12, 2, { per: 1000 }),
    ],
  },
  5: {
    length: 24,
    fields: [
      ...climate(),
      number('acceleration_x', 7, 2, { per: 1000, none: -0x8000 }),
      number('acceleration_y', 9, 2, { per: 1000, none: -0x8000 }),
      number('acceleration_z', 11, 2, { per: 1000, none: -0x8000 }),
      ...power(13),
      number('movement_counter', 15, 1, { none: 0xff }),
      number('measurement_sequence_number', 16, 2, { none: 0xffff }),
      mac(18, 6),
    ],
  },
  6: {
    length: 20,
    fields: [
      ...climate(),
      number('pm_2_5', 7, 2, { per: 10, none: 0xffff }),
      number('co2', 9, 2, { none: 0xffff }),
      nineBits('voc_index', 11, 16, 0x40),
      nineBits('nox_index', 12, 16, 0x80),
      logarithmic('luminosity', 13),
      // Follows the low octet of format E1's counter: 255 is a number like the others.
      number('measurement_sequence_number', 15, 1, {}),
      flag('calibration_in_progress', 16, 0x01),
      mac(17, 3),
    ],
  },
  // Format 5 without acceleration, to leave room in the advertisement.
  197: {
    length: 18,
    fields: [
      ...climate(),
      ...power(7),
      number('movement_counter', 9, 1, { none: 0xff }),
      number('measurement_sequence_number', 10, 2, { none: 0xffff }),
      mac(12, 6),
    ],
  },
  225: {
    length: 40,
    fields: [
      ...climate(),
      number('pm_1_0', 7, 2, { per: 10, none: 0xffff }),
      number('pm_2_5', 9, 2, { per: 10, none: 0xffff }),
      number('pm_4_0', 11, 2, { per: 10, none: 0xffff }),
      number('pm_10_0', 13, 2, { per: 10, none: 0xffff }),
      number('co2', 15, 2, { none: 0xffff }),
      nineBits('voc_index', 17, 28, 0x40),
      nineBits('nox_index', 18, 28, 0x80),
      number('luminosity', 19, 3, { per: 100, none: 0xffffff }),
      number('measurement_sequence_number', 25, 3, { none: 0xffffff }),
      flag('calibration_in_progress', 28, 0x01),
      mac(34, 6),
    ],
  },
};

/** Reads Ruuvi's manufacturer data (behind the company); nothing where it is no whole known format. */
export function readRuuvi(data: Uint8Array): RuuviReading | undefined {
  const format = FORMATS[data[0] ?? 0];
  if (format === undefined || data.length < format.length) return undefined;
  return readFields(data, format.fields);
}

/** Ruuvi's manufacturer data behind the company, values outside a field's range at its end. Throws RangeError
 * for another format and for an address that is none. */
export function writeRuuvi(reading: RuuviReading): Uint8Array {
  const format = FORMATS[reading.data_format];
  if (format === undefined) {
    throw new RangeError(`Ruuvi data format ${reading.data_format} is not one of manufacturer data`);
  }
  // Reserved octets are sent as 0xFF, flags start from 0.
  const data = new Uint8Array(format.length).fill(0xff);
  if (reading.data_format === 6) data[16] = 0;
  if (reading.data_format === 0xe1) data[28] = 0;
  writeFields(data, reading, format.fields);
  return data;
}
