/**
 * Every object of BTHome v2, from the tables of bthome.io/format (home-assistant/bthome.io
 * src/format.html, as of 2026-06; the command object 0x3B of its pull requests 74 and 75).
 * Names are the tables' properties in snake_case. Where a table tells two units apart by more than the
 * id, the unit stands in the name: `distance_mm`, `mass_kg`, and `volume_ml` beside `volume` in litres.
 */

export type ObjectKind = 'number' | 'binary' | 'text' | 'raw' | 'button' | 'command' | 'dimmer' | 'version';

export interface ObjectType {
  name: string;
  kind: ObjectKind;
  /** Octets of the value; 0 where it says its own length. */
  length: number;
  signed: boolean;
  /** value = raw × `times` ÷ `per`: two whole numbers, because 0.01 is none of a double's. */
  times: number;
  per: number;
}

type NumberRow = [
  id: number,
  name: string,
  type: `${'u' | 's'}${1 | 2 | 3 | 4}`,
  per: number,
  times?: number,
];

/** `u2` is an unsigned value of two octets; the unit stands behind the row. */
const NUMBERS: readonly NumberRow[] = [
  [0x00, 'packet_id', 'u1', 1],
  [0x01, 'battery', 'u1', 1], // %
  [0x02, 'temperature', 's2', 100], // °C
  [0x03, 'humidity', 'u2', 100], // %
  [0x04, 'pressure', 'u3', 100], // hPa
  [0x05, 'illuminance', 'u3', 100], // lux
  [0x06, 'mass_kg', 'u2', 100], // kg
  [0x07, 'mass_lb', 'u2', 100], // lb
  [0x08, 'dewpoint', 's2', 100], // °C
  [0x09, 'count', 'u1', 1],
  [0x0a, 'energy', 'u3', 1000], // kWh
  [0x0b, 'power', 'u3', 100], // W
  [0x0c, 'voltage', 'u2', 1000], // V
  [0x0d, 'pm2_5', 'u2', 1], // µg/m³
  [0x0e, 'pm10', 'u2', 1], // µg/m³
  [0x12, 'co2', 'u2', 1], // ppm
  [0x13, 'tvoc', 'u2', 1], // µg/m³
  [0x14, 'moisture', 'u2', 100], // %
  [0x2e, 'humidity', 'u1', 1], // %
  [0x2f, 'moisture', 'u1', 1], // %
  [0x3d, 'count', 'u2', 1],
  [0x3e, 'count', 'u4', 1],
  [0x3f, 'rotation', 's2', 10], // °
  [0x40, 'distance_mm', 'u2', 1], // mm
  [0x41, 'distance_m', 'u2', 10], // m
  [0x42, 'duration', 'u3', 1000], // s
  [0x43, 'current', 'u2', 1000], // A
  [0x44, 'speed', 'u2', 100], // m/s
  [0x45, 'temperature', 's2', 10], // °C
  [0x46, 'uv_index', 'u1', 10],
  [0x47, 'volume', 'u2', 10], // L
  [0x48, 'volume_ml', 'u2', 1], // mL
  [0x49, 'volume_flow_rate', 'u2', 1000], // m³/h
  [0x4a, 'voltage', 'u2', 10], // V
  [0x4b, 'gas', 'u3', 1000], // m³
  [0x4c, 'gas', 'u4', 1000], // m³
  [0x4d, 'energy', 'u4', 1000], // kWh
  [0x4e, 'volume', 'u4', 1000], // L
  [0x4f, 'water', 'u4', 1000], // L
  [0x50, 'timestamp', 'u4', 1], // s since 1970-01-01T00:00:00Z
  [0x51, 'acceleration', 'u2', 1000], // m/s²
  [0x52, 'gyroscope', 'u2', 1000], // °/s
  [0x55, 'volume_storage', 'u4', 1000], // L
  [0x56, 'conductivity', 'u2', 1], // µS/cm
  [0x57, 'temperature', 's1', 1], // °C
  [0x58, 'temperature', 's1', 100, 35], // °C
  [0x59, 'count', 's1', 1],
  [0x5a, 'count', 's2', 1],
  [0x5b, 'count', 's4', 1],
  [0x5c, 'power', 's4', 100], // W
  [0x5d, 'current', 's2', 1000], // A
  [0x5e, 'direction', 'u2', 100], // °
  [0x5f, 'precipitation', 'u2', 10], // mm
  [0x60, 'channel', 'u1', 1],
  [0x61, 'rotational_speed', 'u2', 1], // rpm
  [0x62, 'speed', 's4', 1_000_000], // m/s
  [0x63, 'acceleration', 's4', 1_000_000], // m/s²
  [0x64, 'light_level', 'u1', 1], // 0 dark, 1 twilight, 2 bright
  [0x65, 'settings_revision', 'u1', 1],
  [0xf0, 'device_type_id', 'u2', 1],
];

const BINARIES: readonly [id: number, name: string][] = [
  [0x0f, 'generic_boolean'],
  [0x10, 'power'],
  [0x11, 'opening'],
  [0x15, 'battery'], // true: low
  [0x16, 'battery_charging'],
  [0x17, 'carbon_monoxide'],
  [0x18, 'cold'],
  [0x19, 'connectivity'],
  [0x1a, 'door'], // true: open
  [0x1b, 'garage_door'],
  [0x1c, 'gas'],
  [0x1d, 'heat'],
  [0x1e, 'light'],
  [0x1f, 'lock'], // true: unlocked
  [0x20, 'moisture'],
  [0x21, 'motion'],
  [0x22, 'moving'],
  [0x23, 'occupancy'],
  [0x24, 'plug'],
  [0x25, 'presence'],
  [0x26, 'problem'],
  [0x27, 'running'],
  [0x28, 'safety'],
  [0x29, 'smoke'],
  [0x2a, 'sound'],
  [0x2b, 'tamper'],
  [0x2c, 'vibration'],
  [0x2d, 'window'],
];

const OTHERS: readonly [id: number, name: string, kind: ObjectKind, length: number][] = [
  [0x3a, 'button', 'button', 1],
  [0x3b, 'command', 'command', 0],
  [0x3c, 'dimmer', 'dimmer', 2],
  [0x53, 'text', 'text', 0],
  [0x54, 'raw', 'raw', 0],
  [0xf1, 'firmware_version', 'version', 4],
  [0xf2, 'firmware_version', 'version', 3],
];

/** The table "Events": what the event octet says; 0 is "none" for a button and a dimmer. */
export const EVENTS: Record<'button' | 'command' | 'dimmer', Readonly<Record<number, string>>> = {
  button: {
    1: 'press',
    2: 'double_press',
    3: 'triple_press',
    4: 'long_press',
    5: 'long_double_press',
    6: 'long_triple_press',
    128: 'hold_press',
  },
  command: { 0: 'off', 1: 'on', 2: 'toggle', 3: 'step_up', 4: 'step_down' },
  dimmer: { 1: 'rotate_left', 2: 'rotate_right' },
};

/** By id; an id that is not there is one that no receiver can step over. */
export const OBJECT_TYPES: ReadonlyMap<number, ObjectType> = new Map([
  ...NUMBERS.map(([id, name, type, per, times = 1]): [number, ObjectType] => [
    id,
    { name, kind: 'number', length: Number(type[1]), signed: type[0] === 's', times, per },
  ]),
  ...BINARIES.map(([id, name]): [number, ObjectType] => [id, plain(name, 'binary', 1)]),
  ...OTHERS.map(([id, name, kind, length]): [number, ObjectType] => [id, plain(name, kind, length)]),
]);

function plain(name: string, kind: ObjectKind, length: number): ObjectType {
  return { name, kind, length, signed: false, times: 1, per: 1 };
}
