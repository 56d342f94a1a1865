import { formatAddress, parseAddress } from './address.ts';
import { fromHex } from './hex.ts';
import { intBE, putBE, uintBE } from './integers.ts';

/**
 * What a Ruuvi frame says, and the kinds of field that its data formats are made of.
 * Named as the documentation names them, in its units; what is "not available" is left out.
 */
export interface RuuviReading {
  data_format: 2 | 3 | 4 | 5 | 6 | 0xc5 | 0xe1;
  /** °C */
  temperature?: number;
  /** % */
  humidity?: number;
  /** Pa */
  pressure?: number;
  /** g, 9.81 m/s² */
  acceleration_x?: number;
  acceleration_y?: number;
  acceleration_z?: number;
  /** V */
  battery_voltage?: number;
  /** dBm */
  tx_power?: number;
  movement_counter?: number;
  measurement_sequence_number?: number;
  /** µg/m³ */
  pm_1_0?: number;
  pm_2_5?: number;
  pm_4_0?: number;
  pm_10_0?: number;
  /** ppm */
  co2?: number;
  voc_index?: number;
  nox_index?: number;
  /** lux */
  luminosity?: number;
  calibration_in_progress?: boolean;
  /** The tag's own; in format 6 only its lower three octets. */
  mac_address?: string;
  /** Formats 2 and 4: one character by which a person tells tags apart. */
  tag_id?: string;
}

/** How one field lies in the payload. `get` gives nothing for "not available", `put` writes that for nothing. */
export interface Field {
  name: Exclude<keyof RuuviReading, 'data_format'>;
  get(data: Uint8Array): number | boolean | string | undefined;
  put(data: Uint8Array, value: number | boolean | string | undefined): void;
}

export function readFields(data: Uint8Array, fields: readonly Field[]): RuuviReading {
  const reading: Record<string, number | boolean | string> = { data_format: data[0] ?? 0 };
  for (const { name, get } of fields) {
    const value = get(data);
    if (value !== undefined) reading[name] = value;
  }
  return reading as unknown as RuuviReading;
}

export function writeFields(data: Uint8Array, reading: RuuviReading, fields: readonly Field[]): void {
  data[0] = reading.data_format;
  for (const { name, put } of fields) put(data, reading[name]);
}

interface Scale {
  /** Steps per unit, 1 unless told. */
  per?: number;
  /** The value of zero steps, 0 unless told. */
  from?: number;
  signed?: boolean;
  /** What stands for "not available": the greatest unsigned or the least signed number. */
  none?: number;
}

export function number(name: Field['name'], at: number, length: number, scale: Scale): Field {
  const { per = 1, from = 0, none } = scale;
  const signed = scale.signed === true || (none ?? 0) < 0;
  const read = signed ? intBE : uintBE;
  const least = signed ? -(2 ** (8 * length - 1)) : 0;
  const greatest = least + 2 ** (8 * length) - 1;
  return {
    name,
    get(data) {
      const steps = read(data, at, length);
      return steps === none ? undefined : steps / per + from;
    },
    put(data, value) {
      const steps =
        typeof value === 'number'
          ? nearest(
              (value - from) * per,
              none === least ? least + 1 : least,
              none === greatest ? greatest - 1 : greatest,
            )
          : (none ?? 0);
      putBE(data, at, length, steps);
    },
  };
}

/** Formats 2 to 4: sign and whole degrees in one octet, hundredths in the next. */
export function signAndMagnitude(name: Field['name'], at: number): Field {
  return {
    name,
    get(data) {
      const whole = data[at] ?? 0;
      const hundredths = (whole & 0x7f) * 100 + (data[at + 1] ?? 0);
      // From 0, so that the format's minus nought is nought.
      return (whole & 0x80 ? 0 - hundredths : hundredths) / 100;
    },
    put(data, value) {
      const hundredths = typeof value === 'number' ? nearest(value * 100, -12_799, 12_799) : 0;
      putBE(data, at, 1, Math.floor(Math.abs(hundredths) / 100) + (hundredths < 0 ? 0x80 : 0));
      putBE(data, at + 1, 1, Math.abs(hundredths) % 100);
    },
  };
}

export function climate(): Field[] {
  return [
    number('temperature', 1, 2, { per: 200, none: -0x8000 }),
    number('humidity', 3, 2, { per: 400, none: 0xffff }),
    number('pressure', 5, 2, { from: 50_000, none: 0xffff }),
  ];
}

/** 11 bits of mV above 1.6 V, then 5 bits of 2 dBm above -40 dBm. */
export function power(at: number): Field[] {
  return [
    bits(
      'battery_voltage',
      at,
      { shift: 5, mask: 0x7ff },
      (mV) => (mV + 1600) / 1000,
      (V) => V * 1000 - 1600,
    ),
    bits(
      'tx_power',
      at,
      { shift: 0, mask: 0x1f },
      (steps) => steps * 2 - 40,
      (dBm) => (dBm + 40) / 2,
    ),
  ];
}

/** Some bits of two octets, all of them set where the value is not available. */
function bits(
  name: Field['name'],
  at: number,
  { shift, mask }: { shift: number; mask: number },
  toValue: (steps: number) => number,
  toSteps: (value: number) => number,
): Field {
  return {
    name,
    get(data) {
      const steps = (uintBE(data, at, 2) >> shift) & mask;
      return steps === mask ? undefined : toValue(steps);
    },
    put(data, value) {
      const steps = typeof value === 'number' ? nearest(toSteps(value), 0, mask - 1) : mask;
      putBE(data, at, 2, (uintBE(data, at, 2) & ~(mask << shift)) | (steps << shift));
    },
  };
}

/** Eight bits of an index and its least significant ninth, which lies in the flags. */
export function nineBits(name: Field['name'], at: number, flags: number, bit: number): Field {
  return {
    name,
    get(data) {
      const index = (data[at] ?? 0) * 2 + ((data[flags] ?? 0) & bit ? 1 : 0);
      return index === 0x1ff ? undefined : index;
    },
    put(data, value) {
      const index = typeof value === 'number' ? nearest(value, 0, 0x1fe) : 0x1ff;
      putBE(data, at, 1, index >> 1);
      data[flags] = ((data[flags] ?? 0) & ~bit) | (index & 1 ? bit : 0);
    },
  };
}

/** Format 6, "Luminosity": value = e^(code·Δ) - 1, Δ = ln(65536) / 254, to 0.01 lux. */
export function logarithmic(name: Field['name'], at: number): Field {
  const delta = Math.log(65_536) / 254;
  return {
    name,
    get(data) {
      const code = data[at] ?? 0;
      return code === 0xff ? undefined : Math.round(100 * (Math.exp(code * delta) - 1)) / 100;
    },
    put(data, value) {
      const code =
        typeof value === 'number' ? nearest(Math.log(Math.max(value, 0) + 1) / delta, 0, 0xfe) : 0xff;
      putBE(data, at, 1, code);
    },
  };
}

export function flag(name: Field['name'], at: number, bit: number): Field {
  return {
    name,
    get: (data) => ((data[at] ?? 0) & bit) !== 0,
    put(data, value) {
      data[at] = ((data[at] ?? 0) & ~bit) | (value === true ? bit : 0);
    },
  };
}

export function mac(at: number, length: 3 | 6): Field {
  return {
    name: 'mac_address',
    get(data) {
      const octets = data.subarray(at, at + length);
      return octets.every((octet) => octet === 0xff) ? undefined : formatAddress(octets);
    },
    put(data, value) {
      if (typeof value !== 'string') return;
      const octets = length === 6 ? parseAddress(value) : fromHex(value.replaceAll(':', ''));
      if (octets?.length !== length) throw new RangeError(`"${value}" is no address of ${length} octets`);
      data.set(octets, at);
    },
  };
}

/** The formats' rule: "data is clipped to closest value that can be represented". */
function nearest(steps: number, least: number, greatest: number): number {
  return Math.min(Math.max(Math.round(steps), least), greatest);
}
