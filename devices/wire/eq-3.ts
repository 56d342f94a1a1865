import type { LocalTime } from './local-time.ts';

/**
 * The eQ-3 CC-RT-BLE radiator thermostat's own protocol over GATT, as read out of the device by others:
 * Heckie75/eQ-3-radiator-thermostat (`eq-3-radiator-thermostat-api.md`) and rytilahti/python-eq3bt (MIT both).
 * Commands are written to one characteristic, and each is answered by a notification of another.
 */

export type Eq3Mode = 'auto' | 'manual' | 'holiday';

/** What it tells of itself; never the room's temperature, for which there is no command. */
export interface Eq3Status {
  mode: Eq3Mode;
  /** °C in half degrees; 4.5 is off, 30 is on (the valve open). */
  setpointC: number;
  /** How far the valve is open; 80 while it boosts. */
  valvePct: number;
  isBoosting: boolean;
  /** It took a fall of temperature for an open window. */
  isWindowOpen: boolean;
  isLocked: boolean;
  isBatteryLow: boolean;
  /** Its wall clock's end of the holiday, where it is on holiday until a moment that it knows. */
  holidayUntil?: Omit<LocalTime, 'second'>;
}

/** Off and on; between them it heats to what is set. */
const EQ3_OFF_C = 4.5;
const EQ3_ON_C = 30;

const STATUS = [0x02, 0x01] as const;
/** By firmware: 1.05, the same on holiday or 1.10, from 1.20 on. */
const STATUS_LENGTHS = [6, 10, 15];
const FLAG = { manual: 0x01, holiday: 0x02, boost: 0x04, window: 0x10, locked: 0x20, battery: 0x80 } as const;

/** Nothing where the bytes are no status: a programme, an identity, a refusal (`02 80`), anything else. */
export function decodeStatus(bytes: Uint8Array): Eq3Status | undefined {
  const [first, second, flags = 0, valvePct = 0, , halfDegrees = 0] = bytes;
  if (first !== STATUS[0] || second !== STATUS[1] || !STATUS_LENGTHS.includes(bytes.length)) return undefined;
  const has = (flag: number) => (flags & flag) !== 0;
  const until = has(FLAG.holiday) ? decodeHolidayEnd(bytes.subarray(6, 10)) : undefined;
  return {
    mode: has(FLAG.holiday) ? 'holiday' : has(FLAG.manual) ? 'manual' : 'auto',
    setpointC: halfDegrees / 2,
    valvePct,
    isBoosting: has(FLAG.boost),
    isWindowOpen: has(FLAG.window),
    isLocked: has(FLAG.locked),
    isBatteryLow: has(FLAG.battery),
    ...(until && { holidayUntil: until }),
  };
}

/** Day, year, half hours, month, in this order; a thermostat on holiday can say a date of zeros. */
function decodeHolidayEnd(bytes: Uint8Array): Eq3Status['holidayUntil'] {
  const [day = 0, year = 0, halfHours = 0, month = 0] = bytes;
  if (day === 0 || day > 31 || month === 0 || month > 12 || halfHours > 48) return undefined;
  return { year: 2000 + year, month, day, hour: Math.floor(halfHours / 2), minute: (halfHours % 2) * 30 };
}

/**
 * Sets its clock and asks for its status. Without a time it would take what the command before left in its
 * memory for one, and its programme would stop. Throws RangeError for what is no time: it takes a month 13 too,
 * and does not recover from it.
 */
export function encodeStatusRequest({ year, month, day, hour, minute, second }: LocalTime): Uint8Array {
  const fields = [
    [year, 2000, 2099],
    [month, 1, 12],
    [day, 1, 31],
    [hour, 0, 23],
    [minute, 0, 59],
    [second, 0, 59],
  ] as const;
  for (const [value, from, to] of fields) {
    if (!Number.isInteger(value) || value < from || value > to) throw new RangeError(`${value} is no time`);
  }
  return Uint8Array.of(0x03, year - 2000, month, day, hour, minute, second);
}

/**
 * Sets the temperature; the mode stays, so in `auto` the programme's next point sets another one. Throws
 * RangeError beyond half degrees from off to on: the thermostat checks nothing, and 127.5 °C it would obey.
 */
export function encodeSetpoint(setpointC: number): Uint8Array {
  const halfDegrees = setpointC * 2;
  if (!Number.isInteger(halfDegrees) || setpointC < EQ3_OFF_C || setpointC > EQ3_ON_C) {
    throw new RangeError(`${setpointC} °C is not ${EQ3_OFF_C} to ${EQ3_ON_C} in steps of 0.5`);
  }
  return Uint8Array.of(0x41, halfDegrees);
}
